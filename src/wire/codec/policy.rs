//! The encoding of a policy: the compiled form and its text, whole, because a journal must be replayable by a
//! build whose compiler of policies has changed.

use crate::domain::filter::{Compare, Filter};
use crate::domain::policy::{
    Book, BookSegment, Breaker, Confirm, CoolOff, Criterion, Evidence, Fit, Handling, Kind, Policy, RetrievalCaps,
    ReturnRule, Role, RoleMode, Scoring, Segment, SortKey, Source, Windows,
};
use crate::domain::time::Zone;

wire_enum!(Compare { 0 = Equal, 1 = Less, 2 = LessEqual, 3 = Greater, 4 = GreaterEqual });
wire_enum!(Filter {
    0 = Always,
    1 = Never,
    2 = All(parts),
    3 = Any(parts),
    4 = Not(part),
    5 = Field { name, compare, value },
    6 = OneOf { name, values },
    7 = Has(name),
    8 = Contains { name, value },
    9 = StartsWith { name, prefix },
    10 = EndsWith { name, suffix },
    11 = IsTrue(name),
});
wire_enum!(Fit { 0 = Given { otherwise }, 1 = Criteria(criteria) });
wire_enum!(RoleMode { 0 = Live, 1 = Shadow });
wire_enum!(Confirm { 0 = Assume, 1 = Echo, 2 = Results });
wire_enum!(Handling { 0 = Review, 1 = Rest(seconds), 2 = Date, 3 = Retire });

wire_struct! {
    Policy { version, text, roles, scoring, kinds, fit, segments, books, sources, windows, breaker }
    Role {
        name, exclude, exclude_open_opportunities, holding_users, mode, approve_above, not_after_s, confirm, max_unresolved, sort,
    }
    SortKey { field, descending }
    Scoring { half_life_s, weight, cap, half_timing_points, fit_share, tiers }
    Kind { class, name, points_milli, full_strength, max_per_day, in_market_milli }
    Criterion { filter, weight }
    Segment { name, filter, threshold }
    Book {
        name, role, capacity, segments, fill_idle, fill_slack, zone, evidence, grace_s, lead_s, caps, sources,
        rest_s, cool_off, returns,
    }
    BookSegment { segment, cap }
    Evidence { window_s, touches, days, contacts, replies, kinds }
    RetrievalCaps { per_rep_day, per_book_hour_ppm }
    CoolOff { owners, period_s }
    ReturnRule { handling, min_touches, quota }
    Source { name, lateness_s, cadence_s }
    Windows { dedup_s, dedup_max, ahead_s, late_s, history_s, unknown_max, unknown_per_account, unknown_s }
    Breaker {
        book_share_ppm, book_min, all_share_ppm, all_min, quiet_s, quiet_acts, departures_share_ppm,
        departures_min,
    }
    Zone { name, offsets }
}
