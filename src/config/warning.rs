//! What a configuration may say, but hardly means.

use crate::domain::Text;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    #[error(
        "book {book}: the warning's lead is as long as the evidence's window: every owned account is at risk at once"
    )]
    LeadCoversWindow { book: Text },
    #[error("book {book}: grace is shorter than the lead: a new owner is warned on the first day")]
    GraceBelowLead { book: Text },
    #[error("book {book}: the cap of segment {segment} isn't below the book's capacity and never acts")]
    CapNeverActs { book: Text, segment: Text },
    #[error("book {book}: fill_idle isn't below the lowest threshold of its segments and never acts")]
    FillIdleNeverActs { book: Text },
    #[error("book {book} depends on no activity source: a silent connector looks like idle reps")]
    NoSources { book: Text },
    #[error("segment {segment} is in no book of role {role}: nobody there gets its accounts by it")]
    SegmentUnused { role: Text, segment: Text },
    #[error("no hash_key: contacts and reps' e-mail addresses are hashed without a secret and can be guessed")]
    NoHashKey,
}
