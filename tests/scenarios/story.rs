//! A story file, parsed: policy, reps, accounts, then events and what is expected of them.

use bookd::domain::{Body, Millis, Policy};

use super::line::{self, Event};
use super::policy::Rules;
use super::words::{self, Words};

/// What the story compares beside commands, alerts and dead letters.
#[derive(Clone, Copy, Debug, Default)]
pub struct Telling {
    /// Rows of account-state too.
    pub account_state: bool,
    /// Distributions counted by rep instead of named one by one.
    pub totals: bool,
    /// All decisions and warnings counted likewise.
    pub counts: bool,
}

/// Events of one instant: one batch.
pub struct Moment {
    pub at: Millis,
    pub events: Vec<(String, Event)>,
}

/// An expected line. Its details are those that the story cares about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    pub at: Millis,
    pub head: String,
    pub details: Vec<String>,
}

/// A line of the file, for rewriting it.
pub enum Line {
    /// Anything that stays as it is, with the instant of an event.
    Kept(String, Option<Millis>),
    Expected,
}

pub struct Story {
    pub policy: Policy,
    pub telling: Telling,
    /// Reps and accounts there are when the story begins.
    pub given: Vec<(String, Body)>,
    pub moments: Vec<Moment>,
    pub expected: Vec<Expected>,
    /// The last instant that the file names.
    pub until: Millis,
    pub lines: Vec<Line>,
}

impl Story {
    pub fn parse(text: &str) -> Result<Story, String> {
        let mut reader = Reader::default();
        if !text.starts_with("# ") {
            return Err("the first line says what the story shows: `# …`".into());
        }
        for (number, line) in text.lines().enumerate() {
            reader.line(line).map_err(|what| format!("line {}: {what}\n    {line}", number + 1))?;
        }
        reader.done()
    }
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Section {
    #[default]
    Head,
    Policy,
    Reps,
    Accounts,
    Events,
}

#[derive(Default)]
struct Reader {
    section: Section,
    rules: Option<Rules>,
    /// As the story begins, and as it is at the line being read.
    first: Option<Policy>,
    policy: Option<Policy>,
    telling: Telling,
    given: Vec<(String, Body)>,
    moments: Vec<Moment>,
    expected: Vec<Expected>,
    last: Option<Millis>,
    until: Option<Millis>,
    lines: Vec<Line>,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), String> {
        let text = without_comment(line);
        let is_expected = self.section == Section::Events && self.expectation(text)?;
        if is_expected {
            self.lines.push(Line::Expected);
            return Ok(());
        }
        if !text.is_empty() && !self.header(text)? {
            self.content(text)?;
        }
        let at = if self.section == Section::Events { words::leading_instant(text)?.map(|(at, _)| at) } else { None };
        self.lines.push(Line::Kept(line.to_string(), at));
        Ok(())
    }

    /// `policy: standard`, `reps:`, `accounts:`, `events:`, `tell: account-state`.
    fn header(&mut self, text: &str) -> Result<bool, String> {
        if text.starts_with(char::is_whitespace) {
            return Ok(false);
        }
        let Some((name, rest)) = text.split_once(':').filter(|(name, _)| name.chars().all(char::is_alphabetic)) else {
            return Ok(false);
        };
        self.section = match name {
            "policy" => {
                self.rules = Some(Rules::base(rest.trim())?);
                Section::Policy
            }
            "tell" => return self.tell(rest).map(|()| true),
            "reps" => Section::Reps,
            "accounts" => Section::Accounts,
            "events" => Section::Events,
            _ => return Err(format!("no section is called `{name}`")),
        };
        if self.section != Section::Policy && self.policy.is_none() {
            self.policy = Some(self.rules.as_ref().ok_or("the policy comes first")?.compile()?);
            self.first = self.policy.clone();
        }
        Ok(true)
    }

    fn tell(&mut self, rest: &str) -> Result<(), String> {
        for word in rest.split([',', ' ']).filter(|word| !word.is_empty()) {
            match word {
                "account-state" => self.telling.account_state = true,
                "totals" => self.telling.totals = true,
                "counts" => self.telling.counts = true,
                _ => return Err(format!("can't tell `{word}`")),
            }
        }
        Ok(())
    }

    fn content(&mut self, text: &str) -> Result<(), String> {
        match self.section {
            Section::Head => Err("before any section".into()),
            Section::Policy => self.rules.as_mut().ok_or("no policy")?.change(text.trim()),
            Section::Reps => {
                let policy = self.policy.as_ref().ok_or("no policy")?;
                self.given.push((text.trim().into(), line::rep(policy, Words::new(text))?));
                Ok(())
            }
            Section::Accounts => {
                for text in line::numbered(text)? {
                    self.given.push((text.trim().into(), line::account(Words::new(&text))?));
                }
                Ok(())
            }
            Section::Events => self.event(text),
        }
    }

    /// `> …`, with or without an instant before it.
    fn expectation(&mut self, text: &str) -> Result<bool, String> {
        let (at, rest) = match words::leading_instant(text)? {
            Some((at, rest)) => (Some(at), rest),
            None => (self.last, text.trim_start()),
        };
        let Some(what) = rest.strip_prefix('>') else { return Ok(false) };
        let at = at.ok_or("expected before anything happened")?;
        self.passes(at);
        let (head, details) = what.trim().split_once('[').unwrap_or((what.trim(), ""));
        let details = details.trim_end_matches(']').split(',').map(str::trim).filter(|detail| !detail.is_empty());
        self.expected.push(Expected { at, head: head.trim().into(), details: details.map(String::from).collect() });
        Ok(true)
    }

    fn passes(&mut self, at: Millis) {
        self.last = Some(at);
        self.until = self.until.max(Some(at));
    }

    fn event(&mut self, text: &str) -> Result<(), String> {
        let (at, rest) = words::leading_instant(text)?.ok_or("an event starts with its instant")?;
        let Some(repeated) = rest.strip_prefix("..") else { return self.event_at(at, rest) };
        let mut words = Words::new(repeated);
        let until = words.instant()?;
        let every = match (words.next(), words.next()) {
            (Some("every"), Some(every)) => words::duration(every)?.max(1),
            _ => return Err("`from .. until every 12h what`".into()),
        };
        let what = words.rest();
        let mut at = at;
        while at <= until {
            self.event_at(at, &what)?;
            at = Millis(at.0 + every);
        }
        Ok(())
    }

    fn event_at(&mut self, at: Millis, what: &str) -> Result<(), String> {
        self.passes(at);
        let policy = self.policy.as_ref().ok_or("no policy")?;
        let number = self.moments.iter().map(|moment| moment.events.len()).sum::<usize>() as u64;
        let event = match line::event(policy, what, at, number)? {
            Event::Policy(_) => self.policy_change(what)?,
            event => event,
        };
        let moment = match self.moments.iter_mut().find(|moment| moment.at == at) {
            Some(moment) => moment,
            None => {
                self.moments.push(Moment { at, events: Vec::new() });
                self.moments.last_mut().expect("just pushed")
            }
        };
        moment.events.push((what.to_string(), event));
        Ok(())
    }

    fn policy_change(&mut self, what: &str) -> Result<Event, String> {
        let rules = self.rules.as_mut().ok_or("no policy")?;
        for change in what.trim_start_matches("policy").split(';') {
            rules.change(change.trim())?;
        }
        rules.next_version();
        let policy = rules.compile()?;
        self.policy = Some(policy.clone());
        Ok(Event::Policy(Box::new(policy)))
    }

    fn done(mut self) -> Result<Story, String> {
        self.moments.sort_by_key(|moment| moment.at);
        Ok(Story {
            policy: self.first.ok_or("no policy")?,
            telling: self.telling,
            given: self.given,
            until: self.until.ok_or("no events")?,
            moments: self.moments,
            expected: self.expected,
            lines: self.lines,
        })
    }
}

/// A comment starts the line, or stands behind two blanks.
fn without_comment(line: &str) -> &str {
    if line.starts_with('#') {
        return "";
    }
    line.split("  #").next().unwrap_or("").trim_end()
}
