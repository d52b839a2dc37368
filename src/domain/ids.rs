//! What things are called: topics, positions in them, and the candidates by which an event names an account.

/// Immutable text: external ids, names, codes. Never a person's name or address. Up to 23 bytes stand in the
/// value itself, so that the ids and kinds of an event cost no allocation; longer ones are shared when cloned.
pub type Text = smol_str::SmolStr;

/// Every topic that bookd reads or writes. The order is the order in which a batch is applied (`design`, 3):
/// reference data before activity, people's requests before signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    Reps,
    Accounts,
    Opportunities,
    Results,
    Activity,
    Requests,
    Intent,
    Engagement,
    Inbound,
    Commands,
    Shadow,
    Alerts,
    AccountState,
    DeadLetters,
    Journal,
}

impl Topic {
    /// Inputs, in the order in which a batch applies them.
    pub const INPUTS: [Topic; 9] = [
        Topic::Reps,
        Topic::Accounts,
        Topic::Opportunities,
        Topic::Results,
        Topic::Activity,
        Topic::Requests,
        Topic::Intent,
        Topic::Engagement,
        Topic::Inbound,
    ];
    pub const OUTPUTS: [Topic; 6] =
        [Topic::Commands, Topic::Shadow, Topic::Alerts, Topic::AccountState, Topic::DeadLetters, Topic::Journal];

    /// The short name: a file's in the Files log, a key in the configuration, a label in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Topic::Reps => "reps",
            Topic::Accounts => "accounts",
            Topic::Opportunities => "opportunities",
            Topic::Results => "results",
            Topic::Activity => "activity",
            Topic::Requests => "requests",
            Topic::Intent => "intent",
            Topic::Engagement => "engagement",
            Topic::Inbound => "inbound",
            Topic::Commands => "commands",
            Topic::Shadow => "shadow",
            Topic::Alerts => "alerts",
            Topic::AccountState => "account-state",
            Topic::DeadLetters => "dead-letters",
            Topic::Journal => "journal",
        }
    }

    pub fn from_name(name: &str) -> Option<Topic> {
        Topic::INPUTS.into_iter().chain(Topic::OUTPUTS).find(|topic| topic.name() == name)
    }
}

/// Where a record stands in its topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    pub topic: Topic,
    pub partition: u32,
    pub offset: u64,
}

/// One way in which an event names its account; events carry several, the first that resolves wins. A
/// company's name is never one of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Candidate {
    /// The CRM's id of the account.
    CrmId(Text),
    /// A vendor's id of the company. Resolved by a later rule; kept so that the journal has it.
    VendorId { vendor: Text, id: Text },
    /// A registrable domain, normalised by `feed`.
    Domain(Text),
    /// The registrable domain of a business e-mail address; free-mail domains never get here.
    EmailDomain(Text),
}

/// An event's candidates, in order of trust. Most events name one or two.
pub type Candidates = smallvec::SmallVec<[Candidate; 2]>;

/// Who acted, or who is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Actor {
    /// The CRM's user id of the rep.
    Rep(Text),
    /// A keyed hash of an e-mail address or of a vendor's user id; reps list theirs.
    Alias(u64),
}

/// A 128-bit id that is computed, never drawn: commands, digests, the journal's own id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id128(pub u128);

/// Of every byte.
const HEX_PAIRS: [[u8; 2]; 256] = {
    let (digits, mut pairs, mut byte) = (b"0123456789abcdef", [[0; 2]; 256], 0);
    while byte < 256 {
        pairs[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    pairs
};

impl Id128 {
    /// 32 hexadecimal digits.
    pub fn digits(self) -> [u8; 32] {
        let mut digits = [0; 32];
        for (pair, byte) in digits.as_chunks_mut::<2>().0.iter_mut().zip(self.0.to_be_bytes()) {
            *pair = HEX_PAIRS[usize::from(byte)];
        }
        digits
    }
}

impl std::fmt::Display for Id128 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(std::str::from_utf8(&self.digits()).expect("hexadecimal digits"))
    }
}

/// The hash that breaks ties between accounts and between reps: xxh3-64 of the external id.
/// Seed 0 everywhere but for the order of turns (see `docs/rules.md`).
pub fn tie_hash(external_id: &str, seed: u64) -> u64 {
    xxhash_rust::xxh3::xxh3_64_with_seed(external_id.as_bytes(), seed)
}

/// `command_id = H(journal's id, shard, sequence, ordinal)`: the same decision has the same id however often
/// it is executed again.
pub fn command_id(journal: Id128, shard: u16, sequence: u64, ordinal: u32) -> Id128 {
    let mut bytes = [0u8; 30];
    bytes[..16].copy_from_slice(&journal.0.to_be_bytes());
    bytes[16..18].copy_from_slice(&shard.to_be_bytes());
    bytes[18..26].copy_from_slice(&sequence.to_be_bytes());
    bytes[26..].copy_from_slice(&ordinal.to_be_bytes());
    Id128(xxhash_rust::xxh3::xxh3_128(&bytes))
}
