//! The text: a file with the environment's values laid over it, as a table whose values know their place.
//!
//! The environment's values are appended to the text as TOML lines, so that whatever is wrong with one of
//! them is shown like any other line.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistake::{Fault, Mistake};

/// Variables that begin so are ours; two underscores separate levels.
pub const PREFIX: &str = "BOOKD__";

/// Blank lines between the environment's lines: an error shows its neighbours, and those may be secrets.
const SEPARATION: &str = "\n\n\n";

/// Keys whose values are never shown.
const SECRETS: [&str; 5] = ["password", "secret", "hash_key", "jaas", "ssl.key.pem"];

/// A file's text and the environment's lines behind it.
pub struct Source {
    /// What spans point into.
    text: String,
    file_end: usize,
    lines: Vec<Line>,
}

/// One variable, as the TOML line that says the same.
struct Line {
    variable: String,
    place: Range<usize>,
    /// Behind as many blank lines as there are bytes before it in the text: its spans are the text's.
    padded: Result<String, Fault>,
}

impl Source {
    pub fn new(file: &str, environment: &[(String, String)]) -> Source {
        let mut source = Source { text: file.to_owned(), file_end: file.len(), lines: Vec::new() };
        let mut ours: Vec<_> = environment.iter().filter(|(name, _)| name.starts_with(PREFIX)).collect();
        ours.sort();
        for (name, value) in ours {
            source.add(name, value);
        }
        source
    }

    fn add(&mut self, name: &str, value: &str) {
        self.text.push_str(SEPARATION);
        let start = self.text.len();
        let line = toml_line(name, value);
        match &line {
            Ok(line) => self.text.push_str(line),
            Err(_) => self.text.push_str(&format!("# {name}")),
        }
        let padded = line.map(|line| "\n".repeat(start) + &line);
        self.lines.push(Line { variable: name.to_owned(), place: start..self.text.len(), padded });
    }

    /// The table, and what couldn't be read of it.
    pub fn table(&self) -> (Spanned<DeTable<'_>>, Vec<Mistake>) {
        let file = &self.text[..self.file_end];
        let (mut table, mut mistakes) = parse(file);
        for line in &self.lines {
            let laid = line.padded.as_ref().map_err(Fault::clone).and_then(|padded| {
                let (over, faults) = parse(padded);
                mistakes.extend(faults);
                merge(table.get_mut(), over.into_inner())
                    .map_err(|reason| Fault::Environment { name: line.variable.clone(), reason })
            });
            if let Err(fault) = laid {
                mistakes.push(Mistake::new(line.place.clone(), fault));
            }
        }
        (table, mistakes)
    }

    /// The text without the values of secrets: what may be shown.
    pub fn blotted(&self, table: &DeTable<'_>) -> String {
        let mut text = self.text.clone();
        blot_secrets(table, "", &mut text);
        text
    }
}

/// The process's own variables that are ours, for `load`.
pub fn environment() -> Vec<(String, String)> {
    let text = |value: std::ffi::OsString| value.to_string_lossy().into_owned();
    let all = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
    all.filter(|(name, _)| name.starts_with(PREFIX)).collect()
}

fn parse(text: &str) -> (Spanned<DeTable<'_>>, Vec<Mistake>) {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mistakes = errors.into_iter().map(|error| {
        Mistake::new(visible(text, error.span().unwrap_or(0..0)), Fault::Syntax(error.message().to_owned()))
    });
    (table, mistakes.collect())
}

/// A place that can be underlined: an empty one is widened by a character, at the end of the text backwards.
fn visible(text: &str, span: Range<usize>) -> Range<usize> {
    if !span.is_empty() {
        return span;
    }
    let at = span.start.min(text.len());
    match text[at..].chars().next() {
        Some(next) if next != '\n' => at..at + next.len_utf8(),
        _ => text[..at]
            .trim_end()
            .char_indices()
            .next_back()
            .map_or(0..0, |(index, last)| index..index + last.len_utf8()),
    }
}

/// `BOOKD__KAFKA__BROKERS` and `x:9092` as `kafka.brokers = "x:9092"`, the variable's name behind it.
fn toml_line(name: &str, value: &str) -> Result<String, Fault> {
    let keys: Vec<String> = name[PREFIX.len()..].split("__").map(str::to_ascii_lowercase).collect();
    let bare = |key: &String| !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if !keys.iter().all(bare) {
        return Err(Fault::Environment { name: name.to_owned(), reason: "its name isn't a path of keys" });
    }
    let is_toml = !value.contains('\n') && DeValue::parse(value).is_ok();
    let value = if is_toml { value.to_owned() } else { toml::Value::String(value.to_owned()).to_string() };
    Ok(format!("{} = {value} # {name}", keys.join(".")))
}

/// Lays one table over another, level by level.
fn merge<'t>(base: &mut DeTable<'t>, over: DeTable<'t>) -> Result<(), &'static str> {
    for (key, value) in over {
        // Variables' names have no dashes.
        let dashed = key.get_ref().replace('_', "-");
        let name = if base.contains_key(key.get_ref().as_ref()) { key.get_ref().to_string() } else { dashed };
        match (base.get_mut(name.as_str()).map(Spanned::get_mut), value.get_ref()) {
            (Some(DeValue::Table(inner)), DeValue::Table(_)) => {
                let DeValue::Table(over) = value.into_inner() else { unreachable!("it was a table just now") };
                merge(inner, over)?;
            }
            (Some(DeValue::Table(_)), _) => return Err("a table stands there"),
            (Some(DeValue::Array(_)), DeValue::Table(_)) => return Err("a list stands there"),
            (Some(_), DeValue::Table(_)) => return Err("a single value stands there"),
            (Some(_), _) => {
                base.remove(name.as_str());
                base.insert(Spanned::new(key.span(), name.into()), value);
            }
            (None, _) => {
                base.insert(key, value);
            }
        }
    }
    Ok(())
}

fn blot_secrets(table: &DeTable<'_>, path: &str, text: &mut String) {
    for (key, value) in table {
        let path = if path.is_empty() { key.get_ref().to_string() } else { format!("{path}.{}", key.get_ref()) };
        let secret = !path.ends_with("_file") && SECRETS.iter().any(|word| path.contains(word));
        match value.get_ref() {
            DeValue::Table(inner) => blot_secrets(inner, &path, text),
            _ if secret => {
                let blot = "*".repeat(text[value.span()].len());
                text.replace_range(value.span(), &blot);
            }
            _ => {}
        }
    }
}

/// Takes the key at a place out of the table, so that reading can go on behind an unknown one.
pub fn remove_at(table: &mut DeTable<'_>, place: &Range<usize>) -> Option<String> {
    let found = table.iter().find(|(key, _)| key.span() == *place).map(|(key, _)| key.get_ref().to_string());
    if let Some(name) = found {
        table.remove(name.as_str());
        return Some(name);
    }
    table.iter_mut().find_map(|(_, value)| remove_within(value.get_mut(), place))
}

fn remove_within(value: &mut DeValue<'_>, place: &Range<usize>) -> Option<String> {
    match value {
        DeValue::Table(table) => remove_at(table, place),
        DeValue::Array(items) => items.iter_mut().find_map(|item| remove_within(item.get_mut(), place)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &str, environment: &[(&str, &str)]) -> (toml::Table, Vec<Mistake>, String) {
        let environment: Vec<_> = environment.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect();
        let source = Source::new(file, &environment);
        let (table, mistakes) = source.table();
        let shown = source.blotted(table.get_ref());
        let plain = serde::Deserialize::deserialize(toml::de::Deserializer::from(table)).unwrap();
        (plain, mistakes, shown)
    }

    #[test]
    fn the_environment_lies_over_the_file() {
        let file = "[kafka]\nbrokers = 'a'\nid = 'x'\n[kafka.topics]\naccount-state = 'old'\n";
        let environment = [
            ("BOOKD__KAFKA__BROKERS", "b:9092,c:9092"),
            ("BOOKD__KAFKA__SHARD", "3"),
            ("BOOKD__KAFKA__TOPICS__ACCOUNT_STATE", "new"),
            ("BOOKD__KAFKA__PROPERTIES__SASL__USERNAME", "u \"q\""),
            ("BOOKD_LOG", "ignored"),
            ("PATH", "ignored"),
        ];
        let (table, mistakes, _) = read(file, &environment);
        assert_eq!(mistakes, []);
        let expected = "[kafka]\nbrokers = 'b:9092,c:9092'\nid = 'x'\nshard = 3\n[kafka.topics]\naccount-state = 'new'\n\
                        [kafka.properties]\nsasl.username = 'u \"q\"'\n";
        assert_eq!(table, expected.parse().unwrap());
    }

    #[test]
    fn a_variable_that_meets_something_else_is_a_mistake_at_its_line() {
        let file = "a = 1\nb = [{ c = 1 }]\n[d]\n";
        for (name, reason) in [
            ("BOOKD__A__X", "a single value stands there"),
            ("BOOKD__B__C", "a list stands there"),
            ("BOOKD__D", "a table stands there"),
            ("BOOKD__A____B", "its name isn't a path of keys"),
        ] {
            let (_, mistakes, shown) = read(file, &[(name, "1")]);
            assert_eq!(mistakes.len(), 1, "{name}");
            assert_eq!(mistakes[0].fault, Fault::Environment { name: name.into(), reason });
            let line = shown[mistakes[0].span.clone()].to_owned();
            assert!(
                line.contains(&name[PREFIX.len()..].to_lowercase().replace("__", ".")) || line.contains(name),
                "{line}"
            );
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let file = "[kafka.properties]\n'sasl.password' = 'geheim'\nssl.key.password = 'auch'\n\
                    sasl.password_file = '/run/x'\n[feeds]\nhash_key = 'still'\n";
        let (_, _, shown) = read(file, &[("BOOKD__KAFKA__PROPERTIES__SASL__JAAS__CONFIG", "leise")]);
        for secret in ["geheim", "auch", "still", "leise"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(shown.contains("/run/x"));
    }

    #[test]
    fn broken_toml_is_shown_where_it_breaks() {
        let source = Source::new("a = 1\nb = \nc = [1,\n", &[]);
        let (_, mistakes) = source.table();
        assert_eq!(mistakes.len(), 2, "{mistakes:?}");
        assert!(mistakes.iter().all(|mistake| !mistake.span.is_empty()));
    }

    #[test]
    fn values_keep_their_place_behind_the_file() {
        let source = Source::new("x = 1\n", &[("BOOKD__Y".into(), "42".into())]);
        let (table, _) = source.table();
        let place = table.get_ref().get("y").unwrap().span();
        assert_eq!(&source.text[place], "42");
    }
}
