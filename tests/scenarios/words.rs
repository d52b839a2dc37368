//! The words of a line, taken one by one; instants and durations as the stories write them.

use bookd::domain::{Millis, Secs};
use chrono::{DateTime, NaiveDate, NaiveDateTime};

pub struct Words<'a> {
    rest: std::iter::Peekable<std::vec::IntoIter<&'a str>>,
}

impl<'a> Words<'a> {
    pub fn new(line: &'a str) -> Words<'a> {
        Words { rest: line.split_whitespace().collect::<Vec<_>>().into_iter().peekable() }
    }

    pub fn next(&mut self) -> Option<&'a str> {
        self.rest.next()
    }

    pub fn need(&mut self, what: &str) -> Result<&'a str, String> {
        self.next().ok_or_else(|| format!("{what} is missing"))
    }

    /// `2026-03-02 09:00`, `2026-03-02 09:00:30`, or a day alone for its midnight. UTC.
    pub fn instant(&mut self) -> Result<Millis, String> {
        let day = self.need("a date")?;
        let is_clock = |word: &&str| word.contains(':') && word.starts_with(|c: char| c.is_ascii_digit());
        let clock = self.rest.next_if(is_clock).unwrap_or("00:00");
        instant(day, clock)
    }

    pub fn rest(self) -> String {
        self.rest.collect::<Vec<_>>().join(" ")
    }
}

fn instant(day: &str, clock: &str) -> Result<Millis, String> {
    let day = NaiveDate::parse_from_str(day, "%Y-%m-%d").map_err(|_| format!("`{day}` is no day"))?;
    let seconds = if clock.matches(':').count() == 1 { ":00" } else { "" };
    let text = format!("{day} {clock}{seconds}");
    let parsed = NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S");
    parsed.map(|at| Millis(at.and_utc().timestamp_millis())).map_err(|_| format!("`{clock}` is no time of day"))
}

/// The instant at the start of a line, if it starts with one, and what follows.
pub fn leading_instant(line: &str) -> Result<Option<(Millis, &str)>, String> {
    let line = line.trim_start();
    let Some((day, rest)) = line.split_once(' ') else { return Ok(None) };
    if !day.starts_with(|c: char| c.is_ascii_digit()) || !day.contains('-') {
        return Ok(None);
    }
    let rest = rest.trim_start();
    let (clock, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    Ok(Some((instant(day, clock)?, rest.trim_start())))
}

/// `90s`, `5m`, `12h`, `3d` in milliseconds.
pub fn duration(word: &str) -> Result<i64, String> {
    let bad = || format!("`{word}` is no length of time");
    let unit = match word.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3_600,
        Some('d') => 86_400,
        _ => return Err(bad()),
    };
    let count: i64 = word[..word.len() - 1].parse().map_err(|_| bad())?;
    Ok(count * unit * 1_000)
}

pub fn written(at: Secs) -> String {
    let at = DateTime::from_timestamp_millis(at.millis().0).expect("instants of stories are in range");
    let clock = if at.timestamp() % 60 == 0 { "%Y-%m-%d %H:%M" } else { "%Y-%m-%d %H:%M:%S" };
    at.format(clock).to_string()
}

#[test]
fn instants_are_read_and_written_alike() {
    for text in ["2026-03-02 09:00", "2026-03-02 09:00:30"] {
        let at = Words::new(text).instant().expect("an instant");
        assert_eq!(written(at.secs()), text);
    }
    assert_eq!(Words::new("2026-03-02 then").instant().map(|at| written(at.secs())), Ok("2026-03-02 00:00".into()));
    assert!(Words::new("2026-13-02").instant().is_err());
    assert_eq!(duration("12h"), Ok(43_200_000));
    assert!(duration("12").is_err());
}
