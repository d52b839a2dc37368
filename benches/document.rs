//! `docs/benchmarks.md`: where tables are kept, with what they were measured on.

use std::fs;
use std::process::Command;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/benchmarks.md");

/// Processor, cores, kernel.
pub fn machine() -> String {
    let model = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = model.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown processor");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let model = model.trim_start_matches([' ', '\t', ':']);
    format!("{model}, {cores} cores, Linux {}", kernel.trim())
}

/// The compiler, and bookd at which commit.
pub fn versions() -> String {
    let run = |program: &str, words: &[&str]| {
        let output = Command::new(program).args(words).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let rustc = run("rustc", &["--version"]).unwrap_or_default();
    let commit = run("git", &["rev-parse", "--short", "HEAD"]).unwrap_or_else(|| "no git".to_owned());
    format!("{rustc}; bookd {} at {commit}", env!("CARGO_PKG_VERSION"))
}

/// Puts a table between `<!-- {mark}: begin -->` and `<!-- {mark}: end -->`.
pub fn write(mark: &str, table: &str) {
    let (begin, end) = (format!("<!-- {mark}: begin -->\n"), format!("<!-- {mark}: end -->"));
    let document = fs::read_to_string(DOCUMENT).expect("docs/benchmarks.md is in the repository");
    let (before, rest) = document.split_once(&begin).expect("docs/benchmarks.md has the first mark");
    let (_, after) = rest.split_once(&end).expect("docs/benchmarks.md has the second mark");
    fs::write(DOCUMENT, format!("{before}{begin}{table}{end}{after}")).expect("docs/benchmarks.md can be written");
}
