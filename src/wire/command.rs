//! A command read back: what recovery from the emitted commands needs of it.

use serde::Deserialize;

use crate::domain::request::ReturnReason;
use crate::domain::{DecisionKind, Millis, Text};
use crate::wire::instant::Rfc3339;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    pub shard: u16,
    pub kind: DecisionKind,
    pub account: Text,
    pub role: Text,
    pub sequence: u32,
    pub owner: Option<Text>,
    /// Of a return.
    pub reason: Option<ReturnReason>,
    pub issued_at: Millis,
}

#[derive(Deserialize)]
struct Body {
    r#type: String,
    issued_at: String,
    account: Account,
    role: Text,
    sequence: u32,
    new_owner: Option<Owner>,
    reason: Reason,
    correlation_id: String,
}

#[derive(Deserialize)]
struct Account {
    crm_id: Text,
}

#[derive(Deserialize)]
struct Owner {
    crm_user_id: Text,
}

#[derive(Deserialize)]
struct Reason {
    r#return: Option<Returned>,
}

#[derive(Deserialize)]
struct Returned {
    reason: String,
}

/// An error says what isn't as bookd writes it.
pub fn read(value: &[u8]) -> Result<Command, String> {
    let body: Body = serde_json::from_slice(value).map_err(|error| error.to_string())?;
    let kind = DecisionKind::ALL.into_iter().find(|kind| kind.name() == body.r#type);
    let reason = body.reason.r#return.map(|returned| {
        let found = ReturnReason::ALL.into_iter().find(|reason| reason.name() == returned.reason);
        found.ok_or_else(|| format!("there is no reason {:?}", returned.reason))
    });
    let issued_at = Rfc3339::parse(&body.issued_at);
    // Journal, shard, sequence.
    let shard = body.correlation_id.split('/').nth(1).and_then(|shard| shard.parse().ok());
    Ok(Command {
        shard: shard.ok_or_else(|| format!("no shard in the correlation id {:?}", body.correlation_id))?,
        kind: kind.ok_or_else(|| format!("there is no type {:?}", body.r#type))?,
        account: body.account.crm_id,
        role: body.role,
        sequence: body.sequence,
        owner: body.new_owner.map(|owner| owner.crm_user_id),
        reason: reason.transpose()?,
        issued_at: issued_at.ok_or_else(|| format!("issued at {:?}, which is no instant", body.issued_at))?.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::Id128;
    use crate::domain::output::{Decision, Disposition, Stamps, Why};
    use crate::domain::{Output, Secs};
    use crate::wire::json::{Stamp, Stamped};

    fn written(kind: DecisionKind, to: Option<Text>, why: Why) -> Vec<u8> {
        let decision = Decision {
            command_id: Id128(1),
            kind,
            disposition: Disposition::Command,
            account: "acme".into(),
            role: "sdr".into(),
            sequence: 7,
            from: Some("jane".into()),
            to,
            issued_at: Secs(9),
            not_after: Secs(10),
            policy_version: 1,
            priority: 0,
            fit: 0,
            timing: 0,
            top_signals: Vec::new(),
            stamps: Stamps::default(),
            why,
        };
        let stamp = Stamp { journal: Id128(3), shard: 5, sequence: 6 };
        Stamped::of(stamp).record(&Output::Decision(Box::new(decision)), 0).unwrap().value.unwrap()
    }

    #[test]
    fn what_was_written_is_read_back() {
        let why = Why::OwnerLeft { holds_opportunity: true, holds_meeting: false };
        let left = read(&written(DecisionKind::Departure, Some("max".into()), why)).unwrap();
        assert_eq!((left.shard, left.kind, left.sequence), (5, DecisionKind::Departure, 7));
        assert_eq!(left.issued_at, Secs(9).millis());
        assert_eq!(
            (&*left.account, &*left.role, left.owner.as_deref(), left.reason),
            ("acme", "sdr", Some("max"), None)
        );

        let why = Why::Returned { reason: ReturnReason::Duplicate, by: "jane".into() };
        let returned = read(&written(DecisionKind::Return, None, why)).unwrap();
        assert_eq!((returned.owner, returned.reason), (None, Some(ReturnReason::Duplicate)));
        assert!(read(b"{}").is_err() && read(b"\xff").is_err());
    }

    /// Not taken for 1970: a new journal's time begins with the newest command's.
    #[test]
    fn an_instant_that_cannot_be_read_is_an_error() {
        let command =
            String::from_utf8(written(DecisionKind::Retirement, None, Why::Retired { by: "jane".into() })).unwrap();
        assert!(read(command.as_bytes()).is_ok());
        let spoilt = command.replace("2020-01-01T00:00:09Z", "yesterday");
        assert_eq!(read(spoilt.as_bytes()).unwrap_err(), "issued at \"yesterday\", which is no instant");
    }
}
