//! Digests over canonical outputs and state: integers and codes, never JSON.

use xxhash_rust::xxh3::Xxh3;

use super::codec::Wire;
use crate::domain::Output;
use crate::domain::ids::Id128;
use crate::engine::view::View;

/// Over an entry's outputs, dead letters left out.
pub fn outputs(outputs: &[Output]) -> Id128 {
    let mut digest = Digest::new();
    for output in outputs.iter().filter(|output| !matches!(output, Output::DeadLetter { .. })) {
        digest.row(output);
    }
    digest.id()
}

/// Over the deciding state.
pub fn state(view: &View) -> Id128 {
    let mut digest = Digest::new();
    let View {
        now,
        sequence,
        policy_version,
        gate_open,
        opened,
        accounts,
        reps,
        sources,
        tripped,
        commands,
        writers,
        paused,
        shadow,
        waves,
        rate,
        issued,
        issued_losses,
        undo,
        undo_forgotten,
        remembered,
        unknown,
    } = view;
    digest.row(&(*now, *sequence, *policy_version, *gate_open));
    digest.row(opened);
    digest.rows(accounts);
    digest.rows(reps);
    digest.rows(sources);
    digest.rows(tripped);
    digest.row(&(*remembered, *unknown));
    digest.rows(commands);
    digest.rows(writers);
    digest.rows(paused);
    digest.rows(shadow);
    digest.rows(waves);
    digest.row(rate);
    digest.rows(issued);
    digest.rows(issued_losses);
    digest.rows(undo);
    digest.row(undo_forgotten);
    digest.id()
}

/// Rows into one hash, through a buffer of one row: ten million accounts never stand in memory twice.
struct Digest {
    hash: Xxh3,
    row: Vec<u8>,
}

impl Digest {
    fn new() -> Digest {
        Digest { hash: Xxh3::new(), row: Vec::new() }
    }

    fn row(&mut self, row: &impl Wire) {
        self.row.clear();
        row.put(&mut self.row);
        self.hash.update(&self.row);
    }

    /// A list with its count before it, or the end of one list could pass for the beginning of the next.
    fn rows(&mut self, rows: &[impl Wire]) {
        self.row(&(rows.len() as u64));
        for row in rows {
            self.row(row);
        }
    }

    fn id(&self) -> Id128 {
        Id128(self.hash.digest128())
    }
}
