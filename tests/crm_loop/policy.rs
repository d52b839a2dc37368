//! The policies of the loop: a hasty one in which accounts come and go, and one under which everything stays.

use toml::{Table, Value};

use crate::hasty;

/// The reason of all returns here; the account is free again a moment later.
pub const REASON: &str = "no_relevant_contact";

/// TOML of the policy and of what feeds need: both roles wait for results.
pub fn moving() -> String {
    let mut config: Table = hasty::policy().parse().unwrap();
    let policy = config["policy"].as_table_mut().unwrap();
    for role in tables(policy, "roles") {
        role.insert("confirm".to_owned(), "results".into());
        role.insert("not_after".to_owned(), "30s".into());
    }
    for book in tables(policy, "books") {
        let returns = book.entry("returns").or_insert_with(|| Value::Table(Table::new()));
        let handling: Table = "handling = \"rest\"\nrest = \"2s\"".parse().unwrap();
        returns.as_table_mut().unwrap().insert(REASON.to_owned(), Value::Table(handling));
    }
    config.to_string()
}

/// The next version: nobody loses anything for a long time, so that what is under way can end.
pub fn calm() -> String {
    let mut config: Table = moving().parse().unwrap();
    let policy = config["policy"].as_table_mut().unwrap();
    policy.insert("version".to_owned(), 2.into());
    for book in tables(policy, "books") {
        book.insert("grace".to_owned(), "30d".into());
        book["evidence"].as_table_mut().unwrap().insert("window".to_owned(), "30d".into());
    }
    config.to_string()
}

fn tables<'a>(policy: &'a mut Table, name: &str) -> impl Iterator<Item = &'a mut Table> {
    policy[name].as_array_mut().unwrap().iter_mut().filter_map(Value::as_table_mut)
}
