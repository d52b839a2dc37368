//! Words that may not be said: by the core, which must decide alike everywhere and always; by shipped code; by anybody.

use crate::source::{File, lines_with};

/// A word and why it is banned.
type Ban = (&'static str, &'static str);

/// Rooms whose outputs must be the same on every machine.
const CORE: &[&str] = &["src/domain/", "src/engine/"];

const EDGE: &str = "the core knows no crate of the edge";
const CLOCK: &str = "time is an argument";
const ORDER: &str = "a hashed container's order may reach an output";
const WORLD: &str = "the core does no I/O";
const CHANCE: &str = "the core draws nothing";

const NOT_IN_CORE: &[Ban] = &[
    ("serde", EDGE),
    ("serde_json", EDGE),
    ("tokio", EDGE),
    ("rdkafka", EDGE),
    ("tracing", EDGE),
    ("metrics", EDGE),
    ("libc", EDGE),
    ("chrono", EDGE),
    ("chrono_tz", EDGE),
    ("dashmap", EDGE),
    ("anyhow", EDGE),
    ("HashMap", ORDER),
    ("HashSet", ORDER),
    ("RandomState", ORDER),
    ("Instant", CLOCK),
    ("SystemTime", CLOCK),
    ("rand", CHANCE),
    ("rand_chacha", CHANCE),
    ("println!", WORLD),
    ("eprintln!", WORLD),
    ("std::fs", WORLD),
    ("std::io", WORLD),
    ("std::net", WORLD),
    ("std::env", WORLD),
    ("std::thread", WORLD),
    ("std::process", WORLD),
    ("Mutex", "one owner thread"),
    ("async", "nothing in the core waits"),
    ("f32", "scores are f64 as written, or integers"),
    ("powf", "powers go through libm, the same on every machine"),
    ("exp2", "powers go through libm, the same on every machine"),
];

const NOT_SHIPPED: &[Ban] = &[
    ("todo!", "not done"),
    ("unimplemented!", "not done"),
    (".unwrap()", "`expect` states the invariant"),
    ("allow(dead_code)", "what nobody uses goes"),
];

const NOWHERE: &[Ban] = &[
    ("dbg!", "left behind"),
    ("unsafe", "it needs a measurement and a file of its own"),
    ("#[ignore", "a test runs or goes"),
];

/// Places that may say a banned word all the same: file, word, reason.
const ALLOWED: &[(&str, &str, &str)] = &[
    ("src/engine/fetch.rs", "unsafe", "a prefetch; it pays, says benches/engine.rs"),
    (
        "src/large_pages.rs",
        "unsafe",
        "an allocator's trait, and the kernel's calls; at ten million accounts a fifth of an event",
    ),
    ("src/engine/both.rs", "std::thread", "a snapshot's two halves: what they make is the same with one thread"),
    ("src/log/kafka/ffi.rs", "unsafe", "records in batches: half the time of one by one"),
    ("src/feed/stops.rs", "unsafe", "the end of a text: a fourth of an event's instructions"),
    ("tests/support/counting.rs", "unsafe", "an allocator that counts: the trait asks for it"),
];

pub fn check(file: &File) -> Vec<String> {
    let (code, shipped) = (file.code(), file.shipped());
    let mut complaints = Vec::new();
    let mut ban = |text: &str, bans: &[Ban]| {
        for (word, why) in bans {
            let allowed = allowed(&file.path, word);
            let lines = lines_with(text, word).into_iter().filter(|_| !allowed);
            complaints.extend(lines.map(|line| file.at(line, &format!("`{word}`: {why}"))));
        }
    };
    ban(&code, NOWHERE);
    if file.path.starts_with("src/") {
        ban(&shipped, NOT_SHIPPED);
    }
    if CORE.iter().any(|room| file.path.starts_with(room)) {
        // `libm::exp2` is the one that is meant.
        ban(&shipped.replace("libm::exp2", ""), NOT_IN_CORE);
    }
    complaints
}

fn allowed(path: &str, word: &str) -> bool {
    ALLOWED.iter().any(|(file, allowed, _)| *file == path && *allowed == word)
}

/// Allowances that nothing needs any more.
pub fn stale_allowances(files: &[File]) -> Vec<String> {
    let says = |path: &str, word: &str| files.iter().any(|file| file.path == path && file.code().contains(word));
    let stale = ALLOWED.iter().filter(|(path, word, _)| !says(path, word));
    stale.map(|(path, word, _)| format!("{path}: no `{word}` any more: take the allowance off")).collect()
}

/// Paths that exist on somebody's machine alone.
pub fn private_paths(file: &File) -> Vec<String> {
    // Put together, so that this file doesn't complain about itself.
    let banned = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/tmp", "/p/")];
    let lines = file.text.lines().enumerate();
    lines
        .filter(|(_, line)| banned.iter().any(|path| line.contains(path)))
        .map(|(line, _)| file.at(line, "a path of a private machine"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(path: &str, text: &str) -> usize {
        check(&File { path: path.into(), text: text.into() }).len()
    }

    #[test]
    fn the_core_is_caught_at_each_banned_word() {
        for (word, _) in NOT_IN_CORE {
            assert!(complaints("src/engine/pool.rs", &format!("use x::{word};")) > 0, "{word}");
            assert_eq!(complaints("src/run/lead.rs", &format!("use x::{word};")), 0, "{word}");
        }
        assert_eq!(complaints("src/engine/score.rs", "let x = libm::exp2(y); // f32, HashMap"), 0);
    }

    #[test]
    fn shipped_code_is_caught_and_tests_are_not() {
        for (word, _) in NOT_SHIPPED {
            let text = format!("fn f() {{ x{word} }}\n#[cfg(test)]\nmod tests {{ fn g() {{ y{word} }} }}");
            let text = text.replace("xtodo", "todo").replace("xunimpl", "unimpl").replace("xallow", "allow");
            assert_eq!(complaints("src/feed/mod.rs", &text), 1, "{word}");
        }
    }

    #[test]
    fn nobody_may_say_some() {
        for (word, _) in NOWHERE {
            assert!(complaints("tests/x.rs", &format!("fn f() {{}} {word} y")) > 0, "{word}");
        }
        assert_eq!(complaints("tests/x.rs", "let s = \"unsafe dbg!\";"), 0);
    }

    #[test]
    fn a_private_path_is_found_in_any_text() {
        let bad = File { path: "docs/x.md".into(), text: format!("see {}", concat!("/ro", "ot/notes")) };
        assert_eq!(private_paths(&bad).len(), 1);
    }
}
