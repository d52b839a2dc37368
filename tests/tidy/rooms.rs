//! The map of rooms: who may know whom. `design`: data goes one way, so do imports.

use crate::source::{File, lines_with, word_byte};

/// A room, and what of the crate it may name. An entry with `::` allows that module of a room alone.
const ROOMS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("engine", &["domain"]),
    ("wire", &["domain", "engine"]),
    ("feed", &["domain"]),
    ("log", &["domain"]),
    ("config", &["domain"]),
    ("large_pages", &[]),
    ("metrics", &["domain", "engine::view"]),
    ("run", &["domain", "engine", "wire", "feed", "log", "config", "metrics"]),
    ("writer", &["domain", "wire", "log", "config", "metrics"]),
    ("http", &["domain", "engine::view", "wire", "config", "metrics", "run", "writer::status"]),
    ("fake_crm", &["domain"]),
    ("cli", &["domain", "engine", "wire", "feed", "log", "config", "metrics", "run", "writer", "http", "fake_crm"]),
];

/// Paths out of its own room that a file may not name. Tests inside a room are held to it too.
pub fn check(file: &File) -> Vec<String> {
    let Some((room, depth)) = room(&file.path) else { return Vec::new() };
    let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
        return vec![file.at(0, &format!("`{room}` isn't on the map of rooms"))];
    };
    let code = file.shipped();
    let mut complaints = Vec::new();
    for (line, path) in crate_paths(&code) {
        let inside = path == room || path.starts_with(&format!("{room}::"));
        let may = allowed.iter().any(|other| path == *other || path.starts_with(&format!("{other}::")));
        if !inside && !may {
            complaints.push(file.at(line, &format!("`{room}` may not know `{path}`")));
        }
    }
    // `super` as often as the file is deep leaves the room by the back door.
    let door = "super::".repeat(depth);
    complaints.extend(lines_with(&code, &door).into_iter().map(|line| file.at(line, "leaves its room by `super`")));
    complaints
}

/// The room of a file of `src`, and how many modules deep it stands. The crate's root files have none.
fn room(path: &str) -> Option<(&str, usize)> {
    let inner = path.strip_prefix("src/")?;
    let stem = inner.strip_suffix("/mod.rs").or_else(|| inner.strip_suffix(".rs"))?;
    let room = stem.split('/').next()?;
    (!matches!(stem, "lib" | "main")).then(|| (room, stem.split('/').count()))
}

/// Every path that starts at the crate's root: `domain::time::Secs` of `crate::domain::time::Secs`, each branch of a
/// group of its own.
fn crate_paths(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for root in ["crate::", "bookd::"] {
        for (at, _) in code.match_indices(root) {
            let joined = at > 0 && word_byte(code.as_bytes()[at - 1]);
            // `$crate::` is a macro's way to say the same.
            if !joined {
                let line = code[..at].matches('\n').count();
                branches(&code[at + root.len()..], "", &mut |path| found.push((line, path)));
            }
        }
    }
    found
}

/// Gives the paths of a use tree; returns how much of the text it was.
fn branches(tree: &str, before: &str, give: &mut impl FnMut(String)) -> usize {
    let name = tree.bytes().take_while(|byte| word_byte(*byte) || *byte == b':' || *byte == b'*').count();
    let path = format!("{before}{}", &tree[..name]);
    if !tree[name..].starts_with('{') {
        give(path.trim_end_matches(':').to_string());
        return name;
    }
    let mut at = name + 1;
    while at < tree.len() && !tree[at..].starts_with('}') {
        let skip = tree[at..].bytes().take_while(|byte| byte.is_ascii_whitespace() || *byte == b',').count();
        at += skip;
        if tree[at..].starts_with('}') {
            break;
        }
        let length = branches(&tree[at..], &path, give);
        // `as other` behind a name, or anything unforeseen: go on behind it.
        at += length;
        at += tree[at..].bytes().take_while(|byte| *byte != b',' && *byte != b'}').count();
    }
    at + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(path: &str, text: &str) -> usize {
        check(&File { path: path.into(), text: text.into() }).len()
    }

    #[test]
    fn a_room_that_reaches_too_far_is_named() {
        assert_eq!(complaints("src/domain/time.rs", "use crate::engine::Engine;"), 1);
        assert_eq!(complaints("src/domain/time.rs", "use crate::domain::Text;"), 0);
        assert_eq!(complaints("src/engine/pool.rs", "use crate::{domain::{Secs, Text}, wire::json, log};"), 2);
        assert_eq!(complaints("src/feed/mod.rs", "fn f() { crate::config::load() }"), 1);
        assert_eq!(complaints("src/run/lead.rs", "use crate::http;\nuse crate::cli::Args;"), 2);
        assert_eq!(complaints("src/nowhere/mod.rs", ""), 1);
    }

    #[test]
    fn http_sees_the_view_alone() {
        assert_eq!(complaints("src/http/mod.rs", "use crate::engine::view::View;"), 0);
        assert_eq!(complaints("src/http/mod.rs", "use crate::engine::{view::View, Engine};"), 1);
    }

    #[test]
    fn the_back_door_is_watched() {
        assert_eq!(complaints("src/domain/time.rs", "use super::super::engine::Engine;"), 1);
        assert_eq!(complaints("src/domain/mod.rs", "use super::engine::Engine;"), 1);
        assert_eq!(complaints("src/domain/time.rs", "use super::Text;"), 0);
        assert_eq!(complaints("src/log/kafka/mod.rs", "use super::Place;"), 0);
    }

    #[test]
    fn words_of_comments_and_tests_are_no_imports() {
        let text =
            "// crate::cli\n#[cfg(test)]\nmod tests { use crate::config::parse; }\nconst S: &str = \"crate::http\";";
        assert_eq!(complaints("src/wire/json.rs", text), 0);
    }
}
