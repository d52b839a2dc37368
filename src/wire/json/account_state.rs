//! Where an account stands in every role: a row of the compacted topic. See `schemas/account-state`.
//!
//! At the opening of a large company there is one for each account of it, so rows are written by hand. The structs that
//! the tests hold them to are the schema, field by field and in their order.

use super::SCHEMA_VERSION;
use super::writer::Writer;
use crate::domain::output::{AccountState, SeatState};

/// What most rows take no more than: without seats, and for each.
const BYTES: usize = 128;
const BYTES_OF_A_SEAT: usize = 144;

/// The row's value; `at` is its instant as text.
pub fn value(row: &AccountState, at: &[u8]) -> Vec<u8> {
    let mut out = Writer::new(BYTES + BYTES_OF_A_SEAT * row.seats.len());
    out.text(r#"{"account":{"crm_id":"#, &row.account);
    out.number(r#"},"schema_version":"#, SCHEMA_VERSION.into());
    out.plain(r#","at":"#, at);
    out.number(r#","band":"#, row.band.into());
    out.raw(r#","roles":["#);
    row.seats.iter().for_each(|seat| put_seat(&mut out, seat));
    out.close("]");
    out.raw("}");
    out.end()
}

/// With a comma behind it: see [`Writer::close`].
fn put_seat(out: &mut Writer, seat: &SeatState) {
    out.text(r#"{"role":"#, &seat.role);
    out.plain(r#","status":"#, seat.status.name().as_bytes());
    out.text_or_null(r#","owner_id":"#, seat.owner.as_deref());
    out.text_or_null(r#","crm_owner_id":"#, seat.crm_owner.as_deref());
    out.instant(r#","since":"#, seat.since);
    if seat.shadow {
        out.raw(r#","dry_run":true"#);
    }
    out.raw("},");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Serialize;

    use super::*;
    use crate::domain::output::SeatStatus;
    use crate::domain::{Secs, Text};
    use crate::wire::instant::Rfc3339;
    use crate::wire::json::reference::AccountRef;
    use crate::wire::json::time;
    use crate::wire::json::writer::odd_texts;

    #[derive(Serialize)]
    struct Row<'a> {
        account: AccountRef<'a>,
        schema_version: u32,
        at: Rfc3339,
        band: u8,
        roles: Vec<Seat<'a>>,
    }

    #[derive(Serialize)]
    struct Seat<'a> {
        role: &'a str,
        status: &'static str,
        owner_id: Option<&'a str>,
        crm_owner_id: Option<&'a str>,
        since: Rfc3339,
        #[serde(skip_serializing_if = "Option::is_none")]
        dry_run: Option<bool>,
    }

    impl Row<'_> {
        fn of(row: &AccountState) -> Row<'_> {
            Row {
                account: AccountRef { crm_id: &row.account },
                schema_version: SCHEMA_VERSION,
                at: row.at.into(),
                band: row.band,
                roles: row.seats.iter().map(Seat::of).collect(),
            }
        }
    }

    impl Seat<'_> {
        fn of(seat: &SeatState) -> Seat<'_> {
            Seat {
                role: &seat.role,
                status: seat.status.name(),
                owner_id: seat.owner.as_deref(),
                crm_owner_id: seat.crm_owner.as_deref(),
                since: seat.since.into(),
                dry_run: seat.shadow.then_some(true),
            }
        }
    }

    fn texts() -> impl Strategy<Value = Text> {
        odd_texts().prop_map(Text::from)
    }

    fn instants() -> impl Strategy<Value = Secs> {
        prop_oneof![Just(Secs(0)), Just(Secs::NEVER), any::<u32>().prop_map(Secs)]
    }

    fn seats() -> impl Strategy<Value = SeatState> {
        let status = proptest::sample::select(SeatStatus::ALL.to_vec());
        let owners = (proptest::option::of(texts()), proptest::option::of(texts()));
        (texts(), status, owners, instants(), any::<bool>()).prop_map(
            |(role, status, (owner, crm_owner), since, shadow)| SeatState {
                role,
                status,
                owner,
                crm_owner,
                since,
                shadow,
            },
        )
    }

    fn rows() -> impl Strategy<Value = AccountState> {
        (texts(), instants(), any::<u8>(), proptest::collection::vec(seats(), 0..5))
            .prop_map(|(account, at, band, seats)| AccountState { account, at, band, seats })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn rows_are_what_their_schema_says(row in rows()) {
            let expected = serde_json::to_string(&Row::of(&row)).unwrap();
            prop_assert_eq!(String::from_utf8(value(&row, time(row.at).as_bytes())).unwrap(), expected);
        }
    }
}
