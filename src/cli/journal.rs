//! `bookd journal`: the entries as JSON lines, or a proof that they are whole.

use std::io::Write;
use std::time::Duration;

use super::{Failure, LogArg, out};
use crate::domain::ids::Id128;
use crate::log::JournalRecord;
use crate::run::RunError;
use crate::run::error::Broken;
use crate::run::follow::Follower;
use crate::wire;

#[derive(Clone, Debug, clap::Args)]
pub struct JournalArgs {
    #[command(flatten)]
    log: LogArg,
    /// Begin with the entry of this sequence.
    #[arg(long, default_value_t = 1, value_name = "N")]
    from: u64,
    /// Print so many entries.
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Print nothing but apply every entry again: the chain, the outputs and the states must be as journalled.
    #[arg(long, conflicts_with_all = ["from", "limit"])]
    verify: bool,
}

pub fn run(args: &JournalArgs) -> Result<(), Failure> {
    if args.verify { verify(args) } else { print(args) }
}

fn verify(args: &JournalArgs) -> Result<(), Failure> {
    let open = args.log.open()?;
    let mut follower = Follower::from_start(&mut *open.open()?, open.shard())?;
    let (mut entries, mut inputs, mut outputs) = (0u64, 0, 0);
    while let Some(taken) = follower.next(Duration::ZERO)? {
        entries += 1;
        inputs += taken.entry.inputs.len();
        outputs += taken.outputs.len();
    }
    outln!(
        "{entries} entries, {inputs} inputs, {outputs} outputs: the chain is whole, and every entry decides as journalled"
    );
    if let Some(replica) = follower.replica() {
        let audit = replica.engine.audit().map_err(|broken| anyhow::anyhow!("the state breaks a rule: {broken}"));
        audit?;
        let state = wire::digest::state(&replica.engine.view());
        outln!("journal {}, entry {}, state {state}", replica.journal(), replica.sequence());
    }
    Ok(())
}

fn print(args: &JournalArgs) -> Result<(), Failure> {
    let open = args.log.open()?;
    let mut reader = open.open()?.open_journal(0)?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut chain = Chain::default();
    let mut left = args.limit.unwrap_or(u64::MAX);
    while left > 0 {
        let Some(record) = reader.next(Duration::ZERO)? else { break };
        let entry = chain.check(&record)?;
        if entry.sequence >= args.from {
            writeln!(out, "{}", wire::entry_json::json(&entry)).unwrap_or_else(|error| out::end(&error));
            left -= 1;
        }
    }
    out.flush().unwrap_or_else(|error| out::end(&error));
    Ok(())
}

/// What can be checked without an engine: sequences and digests.
#[derive(Default)]
struct Chain {
    sequence: u64,
    previous: Id128,
    decoder: wire::entry::Decoder,
}

impl Chain {
    fn check(&mut self, record: &JournalRecord) -> Result<crate::domain::Entry, RunError> {
        let expected = self.sequence + 1;
        let refused = |why| RunError::of_entry(expected, record.at, why);
        let entry = self.decoder.decode(&record.bytes).map_err(|error| refused(Broken::Bytes(error)))?;
        if entry.sequence != expected {
            return Err(refused(Broken::Sequence { expected, found: entry.sequence }));
        }
        if entry.previous != self.previous {
            return Err(refused(Broken::Chain { expected: self.previous, found: entry.previous }));
        }
        self.sequence = entry.sequence;
        self.previous = wire::entry::digest(&record.bytes);
        Ok(entry)
    }
}
