//! What keeps an owned account, and until when: for people's questions. Nothing is decided by it.

use crate::domain::Secs;
use crate::domain::output::{Missing, SeatStatus};

use super::Engine;
use super::state::AccountId;

/// What keeps an account with its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keeps {
    OpenOpportunity,
    Meeting,
    Hold,
    /// Enough activity.
    Worked,
    /// Nothing yet: the owner got it lately.
    Grace,
}

impl Keeps {
    pub const ALL: [Keeps; 5] = [Keeps::OpenOpportunity, Keeps::Meeting, Keeps::Hold, Keeps::Worked, Keeps::Grace];

    pub fn name(self) -> &'static str {
        match self {
            Keeps::OpenOpportunity => "open_opportunity",
            Keeps::Meeting => "meeting",
            Keeps::Hold => "hold",
            Keeps::Worked => "worked",
            Keeps::Grace => "grace",
        }
    }
}

/// How an owned account stands as of the last entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// What keeps it longest, and until when (NEVER: as long as it lasts). `None`: nothing does any more.
    pub kept: Option<(Keeps, Secs)>,
    /// When its owner was told that it goes.
    pub promised: Option<Secs>,
    /// What its owner would have to do for it to count as worked when it goes, or now.
    pub missing: Missing,
}

impl Engine {
    /// `None` where nobody owns it in the role.
    pub fn keeping(&self, role: usize, account: AccountId) -> Option<Keeping> {
        let seat = &self.state.seats[role][account.index()];
        let book = (seat.status == SeatStatus::Owned).then(|| self.book_of(seat.owner)).flatten()?;
        let tenure = self.tenure_of(role, account)?;
        let row = &self.state.accounts[account.index()];
        let kept = if row.open_opportunities > 0 {
            Some((Keeps::OpenOpportunity, Secs::NEVER))
        } else {
            let ends = [
                (Keeps::Meeting, row.meeting),
                (Keeps::Hold, row.hold.max(seat.hold)),
                (Keeps::Worked, tenure.evidence.worked_until(&book.evidence)),
                (Keeps::Grace, tenure.grace),
            ];
            let lasting = ends.into_iter().filter(|(_, until)| *until > self.state.now);
            lasting.max_by_key(|(_, until)| *until)
        };
        let asked_at = tenure.promised.unwrap_or(self.state.now).max(self.state.now);
        Some(Keeping { kept, promised: tenure.promised, missing: tenure.evidence.missing(&book.evidence, asked_at) })
    }
}
