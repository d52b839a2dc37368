//! The shipped policy in seconds instead of weeks, so that accounts come and go within a test.

use toml::{Table, Value};

/// TOML of the policy and of what feeds need.
pub fn policy() -> String {
    let shipped: Table = include_str!("../../config/default.toml").parse().unwrap();
    let mut policy = shipped["policy"].as_table().unwrap().clone();
    for book in policy["books"].as_array_mut().unwrap() {
        hasten(book.as_table_mut().unwrap());
    }
    for source in policy["sources"].as_array_mut().unwrap() {
        set(source.as_table_mut().unwrap(), "lateness = \"0s\"");
    }
    // What looks like a broken feed in weeks is an ordinary minute here.
    set(table(&mut policy, "breaker"), "book_min = 100_000\nall_min = 100_000\ndepartures_min = 100_000");
    let config = Table::from_iter([("policy".to_owned(), Value::Table(policy))]);
    format!("{config}\n[feeds]\nhash_key = \"only tests know this key\"\n")
}

fn hasten(book: &mut Table) {
    set(book, "grace = \"4s\"\nlead = \"2s\"\nrest = \"3s\"");
    set(table(book, "evidence"), "window = \"8s\"\ntouches = 1\ndays = 0\ncontacts = 0\nreplies = 0");
    set(table(book, "caps"), "per_rep_day = 100\nper_book_hour = 1.0");
    set(table(book, "cool_off"), "owners = 1\nperiod = \"10s\"");
}

fn table<'a>(of: &'a mut Table, name: &str) -> &'a mut Table {
    of.entry(name).or_insert_with(|| Value::Table(Table::new())).as_table_mut().unwrap()
}

fn set(table: &mut Table, toml: &str) {
    table.extend(toml.parse::<Table>().unwrap());
}
