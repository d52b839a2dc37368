//! How files look: head, name, length, white space.

use crate::source::{File, braces, word_byte};

const MAX_FILE_LINES: usize = 500;
const MAX_FUNCTION_LINES: usize = 70;

/// Files longer than they should be, with their length today. They may only shrink: take the number down with them.
const LONG_FILES: &[(&str, usize)] = &[];

/// Functions likewise: file, function, lines.
const LONG_FUNCTIONS: &[(&str, &str, usize)] = &[];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "common", "misc", "stuff", "lib2"];

pub fn head(file: &File) -> Vec<String> {
    let opens = file.text.starts_with("//! ");
    if opens { Vec::new() } else { vec![file.at(0, "opens without `//!`: what is it for?")] }
}

pub fn name(file: &File) -> Vec<String> {
    let parts = file.path.trim_end_matches(".rs").split('/');
    parts
        .filter(|part| EMPTY_NAMES.contains(part))
        .map(|part| file.at(0, &format!("`{part}` says nothing: name what is inside")))
        .collect()
}

pub fn whitespace(file: &File) -> Vec<String> {
    let mut complaints = Vec::new();
    for (line, text) in file.text.lines().enumerate() {
        if text.ends_with([' ', '\t']) {
            complaints.push(file.at(line, "white space at the line's end"));
        }
        if text.contains('\t') && file.path.ends_with(".rs") {
            complaints.push(file.at(line, "a tab"));
        }
    }
    if !file.text.is_empty() && !file.text.ends_with('\n') {
        complaints.push(file.at(file.text.lines().count().saturating_sub(1), "the last line doesn't end"));
    }
    complaints
}

pub fn lengths(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files {
        let known = LONG_FILES.iter().find(|(path, _)| *path == file.path).map(|(_, lines)| *lines);
        complaints.extend(judge(&file.path, file.text.lines().count(), MAX_FILE_LINES, known));
        for (name, lines) in functions(&file.code()) {
            let known = LONG_FUNCTIONS.iter().find(|(path, long, _)| *path == file.path && *long == name);
            let what = format!("{}: fn {name}", file.path);
            complaints.extend(judge(&what, lines, MAX_FUNCTION_LINES, known.map(|(_, _, lines)| *lines)));
        }
    }
    let exists = |path: &str| files.iter().any(|file| file.path == path);
    let listed = LONG_FILES.iter().map(|(path, _)| *path).chain(LONG_FUNCTIONS.iter().map(|(path, _, _)| *path));
    complaints
        .extend(listed.filter(|path| !exists(path)).map(|path| format!("{path}: is gone: take it off the table")));
    complaints
}

/// The ratchet: over the limit only as far as is known, and known no further than it is.
fn judge(what: &str, lines: usize, limit: usize, known: Option<usize>) -> Option<String> {
    match known {
        None if lines > limit => Some(format!("{what}: {lines} lines, at most {limit}")),
        Some(known) if lines > known => Some(format!("{what}: {lines} lines, has grown from {known}")),
        Some(known) if lines < known => Some(format!("{what}: {lines} lines: take {known} down in the table")),
        _ => None,
    }
}

/// Every function that has a body, with its lines from `fn` to the closing brace.
fn functions(code: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        if at > 0 && word_byte(code.as_bytes()[at - 1]) {
            continue;
        }
        let rest = &code[at + 3..];
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if let Some(body) = body(rest).filter(|_| !name.is_empty()) {
            let lines = code[at..at + 3 + body + braces(&rest[body..])].lines().count();
            found.push((name, lines));
        }
    }
    found
}

/// Where the body starts; `None` for a declaration without one.
fn body(signature: &str) -> Option<usize> {
    let mut depth = 0i32;
    for (at, byte) in signature.bytes().enumerate() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b'{' if depth == 0 => return Some(at),
            b';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.into(), text: text.into() }
    }

    #[test]
    fn a_head_a_name_and_white_space_are_looked_at() {
        assert_eq!(head(&file("src/a.rs", "use b;\n")).len(), 1);
        assert_eq!(head(&file("src/a.rs", "//! What a is.\n")).len(), 0);
        assert_eq!(name(&file("src/utils.rs", "")).len(), 1);
        assert_eq!(name(&file("tests/common/mod.rs", "")).len(), 1);
        assert_eq!(name(&file("src/commonness.rs", "")).len(), 0);
        assert_eq!(whitespace(&file("a.rs", "a \n\tb\nc")).len(), 3);
        assert_eq!(whitespace(&file("Makefile", "a:\n\tb\n")).len(), 0);
    }

    #[test]
    fn long_files_and_functions_are_named() {
        let long = format!("fn long() {{\n{}}}\nfn short(f: fn(u8)) {{}}\n", "x();\n".repeat(MAX_FUNCTION_LINES));
        let found = functions(&long);
        assert_eq!(found, [("long".to_string(), MAX_FUNCTION_LINES + 2), ("short".to_string(), 1)]);
        assert_eq!(lengths(&[file("src/a.rs", &long)]).len(), 1);
        assert_eq!(lengths(&[file("src/a.rs", &"\n".repeat(MAX_FILE_LINES + 1))]).len(), 1);
        assert_eq!(functions("trait T { fn a(&self) -> [u8; 4]; fn b() {} }"), [("b".to_string(), 1)]);
    }

    #[test]
    fn the_ratchet_turns_one_way() {
        assert!(judge("f", 71, 70, None).is_some());
        assert!(judge("f", 90, 70, Some(90)).is_none());
        assert!(judge("f", 91, 70, Some(90)).is_some());
        assert!(judge("f", 89, 70, Some(90)).is_some());
    }
}
