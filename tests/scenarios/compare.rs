//! What was told against what was expected: exactly these lines, in this order, and no others.

use super::story::{Expected, Line, Story};
use super::tell::Told;
use super::words::written;

pub fn compare(story: &Story, told: &[Told]) -> Result<(), String> {
    let pairs = align(&story.expected, told);
    if pairs.iter().all(|pair| matches!(pair, Pair::Same(..))) {
        return Ok(());
    }
    let lines = pairs.iter().map(|pair| match pair {
        Pair::Same(_, told) => format!("    {}", line(told, &[])),
        Pair::Missing(expected) => {
            let details = bracketed(&expected.details);
            format!("  - {}  > {}{details}", written(expected.at.secs()), expected.head)
        }
        Pair::Unexpected(told) => format!("  + {}", line(told, &told.details)),
    });
    let lines: Vec<_> = lines.collect();
    Err(format!("  (- expected, + what the engine did, its details in brackets)\n{}", lines.join("\n")))
}

fn line(told: &Told, details: &[String]) -> String {
    format!("{}  > {}{}", written(told.at.secs()), told.head, bracketed(details))
}

fn bracketed(details: &[String]) -> String {
    if details.is_empty() { String::new() } else { format!(" [{}]", details.join(", ")) }
}

enum Pair<'a> {
    Same(&'a Expected, &'a Told),
    Missing(&'a Expected),
    Unexpected(&'a Told),
}

fn same(expected: &Expected, told: &Told) -> bool {
    expected.at == told.at
        && expected.head == told.head
        && expected.details.iter().all(|detail| told.details.contains(detail))
}

/// The longest common sequence, with what is missing and what is too much in between.
fn align<'a>(expected: &'a [Expected], told: &'a [Told]) -> Vec<Pair<'a>> {
    let (rows, columns) = (expected.len(), told.len());
    let mut longest = vec![vec![0u32; columns + 1]; rows + 1];
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            longest[row][column] = if same(&expected[row], &told[column]) {
                longest[row + 1][column + 1] + 1
            } else {
                longest[row + 1][column].max(longest[row][column + 1])
            };
        }
    }
    let (mut row, mut column) = (0, 0);
    let mut pairs = Vec::new();
    while row < rows || column < columns {
        if row < rows && column < columns && same(&expected[row], &told[column]) {
            pairs.push(Pair::Same(&expected[row], &told[column]));
            (row, column) = (row + 1, column + 1);
        } else if row < rows && (column == columns || longest[row + 1][column] >= longest[row][column + 1]) {
            pairs.push(Pair::Missing(&expected[row]));
            row += 1;
        } else {
            pairs.push(Pair::Unexpected(&told[column]));
            column += 1;
        }
    }
    pairs
}

/// The story's text with the expected lines written anew. Lines that were right keep the details they name.
pub fn blessed(story: &Story, told: &[Told]) -> String {
    let mut fresh = align(&story.expected, told)
        .into_iter()
        .filter_map(|pair| match pair {
            Pair::Same(expected, told) => Some((told.at, line(told, &expected.details))),
            Pair::Unexpected(told) => Some((told.at, line(told, &told.details))),
            Pair::Missing(_) => None,
        })
        .peekable();
    let mut out = String::new();
    let mut held = Vec::new();
    for line in &story.lines {
        let Line::Kept(text, at) = line else { continue };
        if let Some(at) = at {
            while let Some((_, line)) = fresh.next_if(|(told, _)| told < at) {
                out += &format!("{line}\n");
            }
        }
        held.push(text.clone());
        // Comments stay with the event that they stand before.
        if at.is_some() || story.moments.is_empty() {
            out += &(held.join("\n") + "\n");
            held.clear();
        }
    }
    fresh.for_each(|(_, line)| out += &format!("{line}\n"));
    out + &held.iter().map(|text| format!("{text}\n")).collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bookd::domain::Millis;

    fn told(at: i64, head: &str) -> Told {
        Told { at: Millis(at), head: head.into(), details: vec!["priority 1.0".into()] }
    }

    fn expected(at: i64, head: &str, details: &[&str]) -> Expected {
        Expected { at: Millis(at), head: head.into(), details: details.iter().map(|detail| (*detail).into()).collect() }
    }

    fn complaints(expected: &[Expected], told: &[Told]) -> usize {
        align(expected, told).iter().filter(|pair| !matches!(pair, Pair::Same(..))).count()
    }

    #[test]
    fn whatever_differs_is_seen() {
        assert_eq!(complaints(&[expected(1, "a", &["priority 1.0"])], &[told(1, "a")]), 0);
        assert_eq!(complaints(&[expected(1, "a", &["priority 2.0"])], &[told(1, "a")]), 2);
        assert_eq!(complaints(&[expected(1, "a", &[])], &[told(2, "a")]), 2);
        assert_eq!(complaints(&[], &[told(1, "a")]), 1);
        assert_eq!(complaints(&[expected(1, "a", &[])], &[]), 1);
        assert_eq!(complaints(&[expected(1, "a", &[]), expected(1, "b", &[])], &[told(1, "b"), told(1, "a")]), 2);
    }
}
