//! What can be wrong with a configuration, where, and how to write it instead.
//!
//! Mistakes are collected: one run shows them all, each with its line and the word underlined.

use std::ops::Range;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};

use super::filter::FilterFault;
use super::period::Period;

/// One kind of mistake. The message says what is wrong, [`Fault::help`] what to do about it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Fault {
    #[error("not TOML: {0}")]
    Syntax(String),
    #[error("there is no key `{key}` here")]
    UnknownKey { key: String, known: Vec<String> },
    #[error("`{value}` isn't one of the possible values")]
    UnknownValue { value: String, known: Vec<String> },
    #[error("the key `{key}` is missing here")]
    Missing { key: String },
    #[error("{0}")]
    Shape(String),
    #[error(transparent)]
    Filter(#[from] FilterFault),
    #[error("there is no {what} `{name}`")]
    Unknown { what: &'static str, name: String, known: Vec<String> },
    #[error("the {what} `{name}` is there twice")]
    Twice { what: &'static str, name: String },
    #[error("`{0}` can't be a name")]
    Name(String),
    #[error("{what} must be from {least} to {most}")]
    Range { what: &'static str, least: f64, most: f64 },
    #[error("{what} must be {least} or longer")]
    Short { what: &'static str, least: Period },
    #[error("there are {found} {what}, {most} are the most")]
    TooMany { what: &'static str, found: usize, most: usize },
    #[error("at least one {0} is needed")]
    NoneAtAll(&'static str),
    #[error("{what} are counted to {decimals} decimals")]
    Decimals { what: &'static str, decimals: u32 },
    #[error("{rule}")]
    Rule { rule: &'static str, help: &'static str },
    #[error("the property `{name}` isn't yours to set: {reason}")]
    Property { name: String, reason: &'static str },
    #[error("the file `{path}` can't be read: {error}")]
    File { path: String, error: String },
    #[error("the environment variable `{name}` can't be laid over the file: {reason}")]
    Environment { name: String, reason: &'static str },
    #[error("the environment variable `{0}` isn't set, or is no text")]
    Variable(String),
}

impl Fault {
    /// What to write instead, if there is something to say.
    pub fn help(&self) -> Option<String> {
        match self {
            Fault::UnknownKey { key, known } => Some(nearest_of(key, known, "known here: ")),
            Fault::UnknownValue { value, known } => Some(nearest_of(value, known, "possible: ")),
            Fault::Unknown { name, known, .. } => Some(nearest_of(name, known, "there are: ")),
            Fault::Filter(fault) => Some(fault.help().into()),
            Fault::Name(_) => Some("names are lower-case letters, digits, - _ and ., beginning with a letter".into()),
            Fault::Rule { help, .. } => Some((*help).into()),
            Fault::File { .. } => Some("paths are relative to the directory in which bookd is started".into()),
            Fault::Environment { .. } => {
                Some("BOOKD__KAFKA__BROKERS=x sets [kafka] brokers; lists of tables stay in the file".into())
            }
            _ => None,
        }
    }
}

/// What serde says about a value that doesn't fit the mirror, with the words that would.
pub fn from_serde(message: &str) -> Fault {
    let quoted: Vec<String> = message.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    match quoted.split_first() {
        Some((key, known)) if message.starts_with("unknown field") => {
            Fault::UnknownKey { key: key.clone(), known: known.to_vec() }
        }
        Some((value, known)) if message.starts_with("unknown variant") => {
            Fault::UnknownValue { value: value.clone(), known: known.to_vec() }
        }
        Some((key, _)) if message.starts_with("missing field") => Fault::Missing { key: key.clone() },
        _ => Fault::Shape(in_plain_words(message)),
    }
}

/// What the mirror's types are called by people who don't write Rust.
const TYPES: [(&str, &str); 7] = [
    ("expected u8", "expected a whole number from 0 to 255"),
    ("expected u16", "expected a whole number from 0 to 65535"),
    ("expected u32", "expected a whole number from 0 to 4294967295"),
    ("expected u64", "expected a whole number from 0 on"),
    ("expected f64", "expected a number"),
    ("expected a string", "expected a text in quotes"),
    ("expected a boolean", "expected true or false"),
];

fn in_plain_words(message: &str) -> String {
    let translated = TYPES
        .iter()
        .find_map(|(type_name, plain)| message.strip_suffix(type_name).map(|before| format!("{before}{plain}")));
    let message = translated.unwrap_or_else(|| message.to_owned());
    match message.strip_prefix("invalid type: ").or(message.strip_prefix("invalid value: ")) {
        Some(rest) => format!("this doesn't fit: {rest}"),
        None => message,
    }
}

/// More alternatives than this are no help any more.
const MAX_LISTED: usize = 16;

fn nearest_of(word: &str, known: &[String], listing: &str) -> String {
    if let Some(near) = nearest(word, known.iter().map(String::as_str)) {
        return format!("did you mean `{near}`?");
    }
    if known.is_empty() {
        return format!("{listing}none");
    }
    let more = if known.len() > MAX_LISTED { ", …" } else { "" };
    format!("{listing}{}{more}", known.iter().take(MAX_LISTED).cloned().collect::<Vec<_>>().join(", "))
}

/// The word that was probably meant: the fewest edits away, at most a third of the word. A word that begins
/// like the one written (`half_life_hours` for `half_life`) is near, too.
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let most = (word.chars().count() / 3).max(1);
    let distance = |candidate: &str| {
        if candidate.len() >= 4 && (word.starts_with(candidate) || candidate.starts_with(word) && word.len() >= 4) {
            return 1;
        }
        strsim::damerau_levenshtein(word, candidate)
    };
    known
        .map(|candidate| (distance(candidate), candidate))
        .filter(|(edits, _)| *edits <= most)
        .min()
        .map(|found| found.1)
}

/// A fault and its place in the text; an empty place for what stands nowhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Mistake {
    pub fault: Fault,
    pub span: Range<usize>,
}

impl Mistake {
    pub fn new(span: Range<usize>, fault: impl Into<Fault>) -> Mistake {
        Mistake { fault: fault.into(), span }
    }
}

/// All the mistakes of one configuration, as miette shows them.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {}", counted(mistakes.len()))]
pub struct Mistakes {
    name: String,
    mistakes: Vec<Shown>,
}

fn counted(mistakes: usize) -> String {
    if mistakes == 1 { "one mistake".into() } else { format!("{mistakes} mistakes") }
}

impl Mistakes {
    /// `text` is what the spans point into: the file, with the environment's lines behind it.
    pub fn new(name: &str, text: &str, mut mistakes: Vec<Mistake>) -> Mistakes {
        mistakes.sort_by_key(|mistake| mistake.span.start);
        let source = Arc::new(NamedSource::new(name, text.to_owned()).with_language("toml"));
        let shown = mistakes.into_iter().map(|mistake| Shown { mistake, text: Arc::clone(&source) });
        Mistakes { name: name.to_owned(), mistakes: shown.collect() }
    }
}

impl Diagnostic for Mistakes {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.mistakes.iter().map(|shown| shown as &dyn Diagnostic)))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{}", mistake.fault)]
struct Shown {
    mistake: Mistake,
    text: Arc<NamedSource<String>>,
}

impl Diagnostic for Shown {
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.mistake.fault.help().map(|help| Box::new(help) as Box<dyn std::fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        (!self.mistake.span.is_empty()).then_some(&*self.text as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.mistake.span.clone();
        (!span.is_empty()).then(|| Box::new(std::iter::once(LabeledSpan::underline(span))) as Box<_>)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_and_a_far_one_is_not() {
        let known = ["half_life", "weight", "cap", "threshold", "points"];
        let find = |word| nearest(word, known.into_iter());
        assert_eq!(find("half_live"), Some("half_life"));
        assert_eq!(find("half_life_hours"), Some("half_life"));
        assert_eq!(find("treshold"), Some("threshold"));
        assert_eq!(find("wieght"), Some("weight"));
        assert_eq!(find("cpa"), Some("cap"));
        assert_eq!(find("territory"), None);
        assert_eq!(find("x"), None);
    }
}
