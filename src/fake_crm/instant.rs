//! Instants as the APIs write them.

use chrono::{DateTime, SecondsFormat, Utc};

use crate::domain::Millis;

/// Now, by this machine.
pub fn now() -> Millis {
    Millis(Utc::now().timestamp_millis())
}

fn utc(at: Millis) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at.0).unwrap_or_default()
}

/// `2026-05-04T14:00:00.000+0000`: Salesforce keeps whole seconds.
pub fn salesforce(at: Millis) -> String {
    utc(at).format("%Y-%m-%dT%H:%M:%S.000+0000").to_string()
}

/// `2026-05-04T14:00:00.250Z`
pub fn precise(at: Millis) -> String {
    utc(at).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Reads both, any other RFC 3339, and milliseconds since 1970 in digits.
pub fn parse(text: &str) -> Option<Millis> {
    if let Ok(milliseconds) = text.parse() {
        return Some(Millis(milliseconds));
    }
    let known =
        DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"));
    known.ok().map(|at| Millis(at.timestamp_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn salesforce_knows_no_milliseconds_and_hubspot_does() {
        let at = Millis(1_777_903_200_250);
        assert_eq!(salesforce(at), "2026-05-04T14:00:00.000+0000");
        assert_eq!(precise(at), "2026-05-04T14:00:00.250Z");
    }

    #[test]
    fn what_is_written_is_read_again() {
        let at = Millis(1_777_903_200_000);
        let texts = [salesforce(at), precise(at), at.0.to_string(), "2026-05-04T16:00:00+02:00".to_owned()];
        assert!(texts.iter().all(|text| parse(text) == Some(at)));
        assert!(parse("tomorrow").is_none() && parse("").is_none());
    }
}
