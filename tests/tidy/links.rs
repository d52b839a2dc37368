//! Links between documents of the repository: the file is there, and so is the heading.

use std::fs;
use std::path::Path;

use crate::source::{File, root};

pub fn check(file: &File) -> Vec<String> {
    check_below(root(), file)
}

fn check_below(root: &Path, file: &File) -> Vec<String> {
    let mut complaints = Vec::new();
    for (line, target) in targets(&file.text) {
        if target.contains("://") || target.starts_with("mailto:") {
            continue;
        }
        let (path, anchor) = target.split_once('#').unwrap_or((&target, ""));
        let here = root.join(&file.path);
        let there = if path.is_empty() { here } else { here.parent().unwrap_or(root).join(path) };
        if !path.is_empty() && !there.exists() {
            complaints.push(file.at(line, &format!("`{target}` isn't there")));
        } else if !anchor.is_empty() && path_is_markdown(&there) && !has_heading(&there, file, path, anchor) {
            complaints.push(file.at(line, &format!("`{target}`: no such heading")));
        }
    }
    complaints
}

fn path_is_markdown(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "md")
}

fn has_heading(there: &Path, file: &File, path: &str, anchor: &str) -> bool {
    let text = if path.is_empty() { file.text.clone() } else { fs::read_to_string(there).unwrap_or_default() };
    text.lines().filter(|line| line.starts_with('#')).any(|heading| slug(heading) == anchor)
}

/// A heading's anchor, as forges make it.
fn slug(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = words.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Targets of `[text](target)` outside of code, by line.
fn targets(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        // Every second piece between backticks is code.
        let prose: String =
            if fenced { String::new() } else { line.split('`').step_by(2).collect::<Vec<_>>().join("`") };
        for (at, _) in prose.match_indices("](") {
            let target: String = prose[at + 2..].chars().take_while(|c| !matches!(c, ')' | ' ')).collect();
            found.push((number, target));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_link_is_named_and_a_whole_one_is_not() {
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join("there.md"), "# The rules, exactly\n").expect("a file");
        let text = "[a](there.md) [b](gone.md) [c](there.md#the-rules-exactly) [d](there.md#no)\n\
                    [e](https://example.com/x) `[f](code.md)` [g](#here)\n```\n[h](fenced.md)\n```\n## Here\n";
        let complaints = check_below(dir.path(), &File { path: "x.md".into(), text: text.into() });
        assert_eq!(complaints, ["x.md:1: `gone.md` isn't there", "x.md:1: `there.md#no`: no such heading"]);
    }
}
