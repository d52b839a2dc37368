//! The policy of a story: a named base, and what the story changes in it.

use std::fs;

use bookd::domain::Policy;
use toml::{Table, Value};

/// A policy as TOML that can be changed and compiled again.
#[derive(Clone)]
pub struct Rules {
    text: Table,
    version: i64,
}

impl Rules {
    pub fn base(name: &str) -> Result<Rules, String> {
        let path = super::home().join(format!("policies/{name}.toml"));
        let text = fs::read_to_string(&path).map_err(|_| format!("no policy `{name}` in policies/"))?;
        let text = text.parse().map_err(|error| format!("policies/{name}.toml: {error}"))?;
        Ok(Rules { text, version: 1 })
    }

    /// `books.sdr.lead = "1d"` replaces, `segments += { name = "x" }` adds to a list. Entries of a list are named by
    /// their `name`.
    pub fn change(&mut self, line: &str) -> Result<(), String> {
        let (path, value) = line.split_once('=').ok_or_else(|| format!("`{line}` has no `=`"))?;
        let (path, adds) = path.strip_suffix('+').map_or((path, false), |path| (path, true));
        let value = format!("value = {}", value.trim());
        let value: Table = value.parse().map_err(|error| format!("`{line}`: {error}"))?;
        let value = value["value"].clone();
        let place = find(self.policy(), path.trim())?;
        match (adds, place) {
            (false, place) => *place = value,
            (true, Value::Array(list)) => list.push(value),
            (true, place) => *place = Value::Array(vec![value]),
        }
        Ok(())
    }

    fn policy(&mut self) -> &mut Value {
        self.text.entry("policy").or_insert_with(|| Value::Table(Table::new()))
    }

    pub fn next_version(&mut self) {
        self.version += 1;
    }

    pub fn compile(&self) -> Result<Policy, String> {
        let mut rules = self.clone();
        let version = Value::Integer(self.version);
        rules.policy().as_table_mut().ok_or("[policy] is no table")?.insert("version".into(), version);
        let text = toml::to_string(&rules.text).map_err(|error| error.to_string())?;
        let config = bookd::config::parse("policy of the story", &text, &[]).map_err(|error| format!("{error:?}"))?;
        Ok(config.policy)
    }
}

/// The value at a dotted path; what isn't there yet is made.
fn find<'a>(value: &'a mut Value, path: &str) -> Result<&'a mut Value, String> {
    path.split('.').try_fold(value, |value, part| match value {
        Value::Table(table) => Ok(table.entry(part).or_insert_with(|| Value::Table(Table::new()))),
        Value::Array(list) => {
            let named = |entry: &&mut Value| entry.get("name").and_then(Value::as_str) == Some(part);
            list.iter_mut().find(named).ok_or_else(|| format!("nothing is called `{part}` in `{path}`"))
        }
        _ => Err(format!("`{path}` goes through a value at `{part}`")),
    })
}

#[test]
fn a_change_reaches_into_lists_by_name() {
    let text = "[policy]\n[[policy.books]]\nname = \"a\"\nlead = \"3d\"\n[[policy.books]]\nname = \"b\"\n";
    let mut rules = Rules { text: text.parse().expect("TOML"), version: 1 };
    rules.change("books.b.lead = \"1d\"").expect("there is a b");
    rules.change("books.b.caps.per_rep_day = 2").expect("what is absent is made");
    rules.change("segments += { name = \"x\" }").expect("a list is made");
    assert!(rules.change("books.c.lead = 1").is_err());
    let books = rules.text["policy"]["books"].as_array().expect("books");
    assert_eq!(books[0]["lead"].as_str(), Some("3d"));
    assert_eq!((books[1]["lead"].as_str(), books[1]["caps"]["per_rep_day"].as_integer()), (Some("1d"), Some(2)));
    assert_eq!(rules.text["policy"]["segments"][0]["name"].as_str(), Some("x"));
}
