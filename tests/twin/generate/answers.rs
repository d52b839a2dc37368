//! What CRM writers and the CRM itself say of commands: results of every kind, and records of owners, late ones too.

use proptest::option;
use proptest::prelude::*;

/// Whom a result or a record names, seen from a seat's last command.
#[derive(Clone, Debug)]
pub enum Owner {
    /// Whom the command is for.
    New,
    /// Whom the CRM had before.
    Old,
    Nobody,
    Rep(u8),
}

/// A result of the n-th command that somebody may still answer, or of none that ever was.
#[derive(Clone, Debug)]
pub struct ResultWhat {
    pub command: Option<u8>,
    /// Issued and unanswered ones alone, where there are any.
    pub open: bool,
    /// Of the command before it.
    pub previous: bool,
    pub status: u8,
    pub observed: Option<Owner>,
    pub version: Option<u8>,
}

/// A record that names the owner of the seat of the n-th command.
#[derive(Clone, Debug)]
pub struct EchoWhat {
    pub command: u8,
    pub open: bool,
    pub owner: Owner,
    pub version: Option<u8>,
}

fn owners() -> impl Strategy<Value = Owner> {
    prop_oneof![
        3 => Just(Owner::New),
        3 => Just(Owner::Old),
        1 => Just(Owner::Nobody),
        2 => (0u8..8).prop_map(Owner::Rep),
    ]
}

fn versions() -> impl Strategy<Value = Option<u8>> {
    option::weighted(0.4, 0u8..6)
}

pub(super) fn results() -> impl Strategy<Value = ResultWhat> {
    let status = prop_oneof![3 => Just(0u8), 3 => Just(1u8), 2 => Just(2u8), 1 => Just(3u8)];
    let parts = (
        option::weighted(0.95, any::<u8>()),
        proptest::bool::weighted(0.8),
        proptest::bool::weighted(0.1),
        status,
        option::weighted(0.4, owners()),
        versions(),
    );
    parts.prop_map(|(command, open, previous, status, observed, version)| ResultWhat {
        command,
        open,
        previous,
        status,
        observed,
        version,
    })
}

pub(super) fn echoes() -> impl Strategy<Value = EchoWhat> {
    let parts = (any::<u8>(), proptest::bool::weighted(0.6), owners(), versions());
    parts.prop_map(|(command, open, owner, version)| EchoWhat { command, open, owner, version })
}
