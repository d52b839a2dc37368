//! Where an account stands in every role: a row of the compacted topic. See `schemas/account-state`.

use serde::Serialize;

use super::{AccountRef, SCHEMA_VERSION};
use crate::domain::output::{AccountState, SeatState};
use crate::wire::instant::Rfc3339;

#[derive(Serialize)]
pub struct Row<'a> {
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
    pub fn of(row: &AccountState) -> Row<'_> {
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
