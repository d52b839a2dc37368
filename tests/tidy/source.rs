//! The files of the repository, and Rust source with everything that isn't code blanked out.

use std::fs;
use std::path::{Path, PathBuf};

/// Endings of the texts that people write; a name without an ending counts as a script.
pub const TEXTS: &[&str] = &["rs", "md", "toml", "txt", "json", "yaml", "yml", "sh", "html", "css", "js", ""];

/// What is built, or fetched, or git's.
const NOT_OURS: &[&str] = &["target", ".git", "node_modules"];

pub struct File {
    /// From the repository's root, with `/`.
    pub path: String,
    pub text: String,
}

impl File {
    /// The source without comments, and with strings and characters emptied; lines stay where they are.
    pub fn code(&self) -> String {
        blank(&self.text)
    }

    /// The same without test modules; of a file that is one, nothing.
    pub fn shipped(&self) -> String {
        if is_test(&self.path) { String::new() } else { without_tests(&self.code()) }
    }

    pub fn at(&self, line: usize, what: &str) -> String {
        format!("{}:{}: {what}", self.path, line + 1)
    }
}

/// A file of a test module: `tests.rs`, `…_tests.rs`, or in a folder `tests`.
fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.ends_with("_tests.rs") || path.contains("/tests/")
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files of ours with one of these endings, by path.
pub fn files(endings: &[&str]) -> Vec<File> {
    let mut found = Vec::new();
    walk(root(), endings, &mut found);
    found.sort();
    found
        .into_iter()
        .filter_map(|path| {
            let text = fs::read_to_string(&path).ok()?;
            let path = path.strip_prefix(root()).expect("the walk stays below the root");
            Some(File { path: path.to_string_lossy().replace('\\', "/"), text })
        })
        .collect()
}

fn walk(dir: &Path, endings: &[&str], found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("the repository can be read").flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        // A nested repository (a worktree, a checkout) has a `.git` of its own, and rules of its own.
        if path.is_dir() && !NOT_OURS.contains(&&*name) && !path.join(".git").exists() {
            walk(&path, endings, found);
        } else if path.is_file() && name != ".git" && endings.contains(&ending(&path)) {
            found.push(path);
        }
    }
}

fn ending(path: &Path) -> &str {
    path.extension().and_then(|ending| ending.to_str()).unwrap_or("")
}

/// Blanks comments, and what is inside strings and character literals.
pub fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let (end, keep) = token(bytes, at);
        for (offset, byte) in out[at..end].iter_mut().enumerate() {
            if *byte != b'\n' && !keep && !(*byte == b'"' && (offset == 0 || at + offset + 1 == end)) {
                *byte = b' ';
            }
        }
        at = end;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Where the token at `at` ends, and whether it is code.
fn token(bytes: &[u8], at: usize) -> (usize, bool) {
    let rest = &bytes[at..];
    let before = at.checked_sub(1).map_or(b' ', |i| bytes[i]);
    if rest.starts_with(b"//") {
        (at + rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len()), false)
    } else if rest.starts_with(b"/*") {
        (at + block_comment(rest), false)
    } else if rest[0] == b'"' {
        (at + quoted(rest), false)
    } else if rest[0] == b'r' && !word_byte(before)
        || rest.starts_with(b"br") && !word_byte(before) && raw_string(&rest[1..]).is_some()
    {
        let skip = usize::from(rest[0] == b'b');
        raw_string(&rest[skip..]).map_or((at + 1, true), |length| (at + skip + length, false))
    } else if rest[0] == b'\'' {
        character(rest).map_or((at + 1, true), |length| (at + length, false))
    } else {
        (at + 1, true)
    }
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match &rest[at..(at + 2).min(rest.len())] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn quoted(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != b'"' {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// Length of `r"…"`, `r#"…"#` and so on, if there is one here.
fn raw_string(rest: &[u8]) -> Option<usize> {
    let hashes = rest.get(1..)?.iter().take_while(|byte| **byte == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return None;
    }
    let mut end = vec![b'"'];
    end.resize(1 + hashes, b'#');
    let start = 2 + hashes;
    let found = rest[start..].windows(end.len()).position(|window| window == end)?;
    Some(start + found + end.len())
}

/// Length of a character literal; `None` for a lifetime.
fn character(rest: &[u8]) -> Option<usize> {
    if rest.get(1) == Some(&b'\\') {
        return rest.iter().skip(3).position(|byte| *byte == b'\'').map(|at| at + 4);
    }
    let width = std::str::from_utf8(&rest[1..rest.len().min(5)])
        .or_else(|error| std::str::from_utf8(&rest[1..1 + error.valid_up_to()]))
        .ok()
        .and_then(|text| text.chars().next())
        .map_or(1, char::len_utf8);
    (rest.get(1 + width) == Some(&b'\'')).then_some(width + 2)
}

pub fn word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Blanks `#[cfg(test)] mod … { … }`.
pub fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = String::new();
    let mut rest = code;
    while let Some(start) = rest.find(MARK) {
        let open = rest[start..].find(['{', ';']).map(|at| start + at);
        let end = match open {
            Some(open) if rest.as_bytes()[open] == b'{' => open + braces(&rest[open..]),
            Some(semicolon) => semicolon + 1,
            None => rest.len(),
        };
        out.push_str(&rest[..start]);
        out.extend(rest[start..end].chars().filter(|c| *c == '\n'));
        rest = &rest[end..];
    }
    out + rest
}

/// Length of the balanced braces that start here.
pub fn braces(code: &str) -> usize {
    let mut depth = 0usize;
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

/// Lines on which `word` stands as a word of its own (its neighbours being no part of an identifier).
pub fn lines_with(code: &str, word: &str) -> Vec<usize> {
    code.lines().enumerate().filter(|(_, line)| has_word(line, word)).map(|(number, _)| number).collect()
}

fn has_word(line: &str, word: &str) -> bool {
    let bytes = line.as_bytes();
    let inside = |byte: Option<&u8>| byte.is_some_and(|byte| word_byte(*byte));
    let (first, last) = (word.as_bytes()[0], word.as_bytes()[word.len() - 1]);
    line.match_indices(word).any(|(at, _)| {
        let joined_before = at > 0 && word_byte(first) && inside(bytes.get(at - 1));
        let joined_after = word_byte(last) && inside(bytes.get(at + word.len()));
        !joined_before && !joined_after
    })
}

#[test]
fn comments_strings_and_characters_are_no_code() {
    let text =
        "a /* b /* c */ d */ e // F\n\"g \\\" h\" i r#\"j \" k\"# 'l' '\\n' '\\'' 'é' &'m x br\"n\" for r in s {}";
    let code = blank(text);
    for gone in ["b", "c", "d", "F", "g", "h", "j", "k", "l", "é"] {
        assert!(!code.contains(gone), "{gone} in {code}");
    }
    for stays in ["a", "e", "i", "'m x", "for r in s {}"] {
        assert!(code.contains(stays), "{stays} in {code}");
    }
    assert_eq!(code.lines().count(), text.lines().count());
}

#[test]
fn test_modules_are_left_out_and_lines_stay() {
    let code =
        "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() { c() }\n}\nfn d() {}\n#[cfg(test)]\nmod other;\nfn e() {}\n";
    let shipped = without_tests(code);
    assert!(!shipped.contains("fn b") && !shipped.contains("other"));
    assert_eq!(lines_with(&shipped, "d"), [5]);
    assert_eq!(lines_with(&shipped, "e"), [8]);
}

#[test]
fn a_test_module_in_a_file_of_its_own_is_one() {
    assert!(is_test("src/config/tests/mod.rs") && is_test("src/feed/tests.rs") && is_test("src/log/crash_tests.rs"));
    assert!(!is_test("src/feed/latests.rs") && !is_test("src/engine/mod.rs"));
}

#[test]
fn a_word_is_a_whole_one() {
    assert_eq!(lines_with("rand\nbrand\nrandom\nuse rand::x;", "rand"), [0, 3]);
    assert_eq!(lines_with("x.unwrap()\nx.unwrap_or(1)", ".unwrap()"), [0]);
}
