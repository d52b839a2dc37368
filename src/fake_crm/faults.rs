//! Faults on demand: how often each happens, and what is in store for one request or one event.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::dice::Dice;

/// The longest that anything is made to wait.
const MAX_WAIT_MS: u64 = 600_000;

/// Shares are from 0 to 1. Flags and `POST /fake/faults` have the same names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct Faults {
    /// Share of requests answered 429, with `Retry-After`.
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    pub throttled: f64,
    /// What `Retry-After` says, in seconds.
    #[arg(long, default_value_t = 1, value_name = "SECONDS")]
    pub retry_after_s: u64,
    /// Share of requests answered 403 REQUEST_LIMIT_EXCEEDED (Salesforce), or 429 DAILY (HubSpot).
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    pub limit_exceeded: f64,
    /// Share of requests answered 500.
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    pub server_error: f64,
    /// Share of requests answered with the HTML page of an outage, 503.
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    pub outage: f64,
    /// Share of requests that are done, but whose connection ends without an answer.
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    pub lost_answer: f64,
    /// Share of requests that are done, but whose answer never comes.
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    pub no_answer: f64,
    /// How long a connection without an answer stays open, in milliseconds.
    #[arg(long, default_value_t = 60_000, value_name = "MILLISECONDS")]
    pub no_answer_ms: u64,
    /// Share of requests that wait before they are done, whether or not somebody still waits for the answer.
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    pub slow: f64,
    /// For how long at most, in milliseconds.
    #[arg(long, default_value_t = 2_000, value_name = "MILLISECONDS")]
    pub slow_ms: u64,
    /// Share of records whose row is locked: UNABLE_TO_LOCK_ROW.
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    pub locked: f64,
    /// Share of change events that come late; later ones of the same account wait behind them.
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    pub late_events: f64,
    /// Share of change events that come late alone, so that later ones of the same account overtake them.
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    pub overtaken_events: f64,
    /// How late at most, in milliseconds.
    #[arg(long, default_value_t = 2_000, value_name = "MILLISECONDS")]
    pub late_events_ms: u64,
    /// Share of change events that come a second time.
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    pub repeated_events: f64,
}

/// What a request gets instead of being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Instead {
    Throttled,
    LimitExceeded,
    ServerError,
    Outage,
}

/// What becomes of the answer of a request that was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    Dropped,
    Silent(Duration),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    pub instead: Option<Instead>,
    pub wait: Option<Duration>,
    pub loss: Option<Loss>,
}

/// How an event is delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    pub delay: Duration,
    /// Later events of the same account don't wait for it.
    pub alone: bool,
    /// When it comes once more, after the first time.
    pub again: Option<Duration>,
}

impl Faults {
    /// Every request draws the same number of times, so that one fault more or less doesn't move the others.
    pub fn plan(&self, dice: &mut Dice) -> Plan {
        let [throttled, limited, broken, out, dropped, silent, slow] = [
            self.throttled,
            self.limit_exceeded,
            self.server_error,
            self.outage,
            self.lost_answer,
            self.no_answer,
            self.slow,
        ]
        .map(|share| dice.happens(share));
        let wait = Duration::from_millis(dice.below(self.slow_ms) + 1);
        let instead = [
            (out, Instead::Outage),
            (broken, Instead::ServerError),
            (limited, Instead::LimitExceeded),
            (throttled, Instead::Throttled),
        ];
        let silence = Loss::Silent(Duration::from_millis(self.no_answer_ms));
        let loss = [(dropped, Loss::Dropped), (silent, silence)];
        Plan { instead: first(&instead), wait: slow.then_some(wait), loss: first(&loss) }
    }

    pub fn delivery(&self, dice: &mut Dice) -> Delivery {
        let [late, alone, repeated] =
            [self.late_events, self.overtaken_events, self.repeated_events].map(|share| dice.happens(share));
        let [delay, again] = [0; 2].map(|_| Duration::from_millis(dice.below(self.late_events_ms) + 1));
        Delivery { delay: if late || alone { delay } else { Duration::ZERO }, alone, again: repeated.then_some(again) }
    }

    /// These, with what the JSON object names.
    pub fn changed(&self, by: &Value) -> Result<Faults, String> {
        let (mut all, Value::Object(by)) = (serde_json::to_value(self).map_err(text)?, by) else {
            return Err("not an object of faults".to_owned());
        };
        for (name, value) in by {
            all[name] = value.clone();
        }
        let faults: Faults = serde_json::from_value(all).map_err(text)?;
        faults.check()?;
        Ok(faults)
    }

    pub fn check(&self) -> Result<(), String> {
        let shares = [
            ("throttled", self.throttled),
            ("limit_exceeded", self.limit_exceeded),
            ("server_error", self.server_error),
            ("outage", self.outage),
            ("lost_answer", self.lost_answer),
            ("no_answer", self.no_answer),
            ("slow", self.slow),
            ("locked", self.locked),
            ("late_events", self.late_events),
            ("overtaken_events", self.overtaken_events),
            ("repeated_events", self.repeated_events),
        ];
        if let Some((name, share)) = shares.iter().find(|(_, share)| !(0.0..=1.0).contains(share)) {
            return Err(format!("{name} is {share}: a share is from 0 to 1"));
        }
        let waits =
            [("no_answer_ms", self.no_answer_ms), ("slow_ms", self.slow_ms), ("late_events_ms", self.late_events_ms)];
        match waits.iter().find(|(_, wait)| *wait > MAX_WAIT_MS) {
            Some((name, wait)) => Err(format!("{name} is {wait}, at most {MAX_WAIT_MS}")),
            None => Ok(()),
        }
    }
}

fn first<T: Copy>(of: &[(bool, T)]) -> Option<T> {
    of.iter().find(|(happens, _)| *happens).map(|(_, fault)| *fault)
}

fn text(error: serde_json::Error) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fake_crm::dice::Stream;

    #[test]
    fn what_is_named_changes_and_what_is_wrong_is_said() {
        let faults = Faults { slow: 0.5, ..Faults::default() };
        let changed = faults.changed(&json!({ "outage": 1, "retry_after_s": 7 })).unwrap();
        assert_eq!((changed.outage, changed.retry_after_s, changed.slow), (1.0, 7, 0.5));
        assert!(faults.changed(&json!({ "outrage": 1 })).unwrap_err().contains("outrage"));
        assert!(faults.changed(&json!({ "outage": 1.5 })).unwrap_err().contains("outage is 1.5"));
        assert!(faults.changed(&json!({ "slow_ms": 600_001 })).unwrap_err().contains("slow_ms"));
        assert!(faults.changed(&json!([])).is_err());
    }

    #[test]
    fn one_fault_more_leaves_the_others_where_they_were() {
        let plans = |faults: &Faults| {
            let mut dice = Dice::new(3, Stream::Requests);
            (0..200).map(|_| faults.plan(&mut dice)).collect::<Vec<_>>()
        };
        let few = Faults { slow: 0.2, slow_ms: 10, ..Faults::default() };
        let more = Faults { throttled: 0.3, ..few.clone() };
        let (few, more) = (plans(&few), plans(&more));
        assert!(few.iter().zip(&more).all(|(few, more)| few.wait == more.wait));
        assert!(few.iter().all(|plan| plan.instead.is_none()));
        assert!(more.iter().any(|plan| plan.instead == Some(Instead::Throttled)));
    }

    #[test]
    fn without_faults_nothing_happens() {
        let mut dice = Dice::new(3, Stream::Events);
        let plan = Faults::default().plan(&mut dice);
        assert_eq!(plan, Plan { instead: None, wait: None, loss: None });
        assert_eq!(Faults::default().delivery(&mut dice), Delivery::default());
    }
}
