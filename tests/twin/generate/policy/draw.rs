//! How random policies are drawn: what is usual often, what is extreme now and then.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;

pub fn policies() -> impl Strategy<Value = PolicySpec> {
    let parts = (
        vec(roles(), 1..=2),
        vec((prop_oneof![1 => Just(0u8), 2 => 0u8..10], prop_oneof![3 => Just(0u8), 3 => 1u8..4, 1 => 4u8..8]), 1..=4),
        vec(books(), 2..=3),
        scorings(),
        vec(kinds(), 8),
        vec((0u8..6, 4u8..10), 0..=3),
        windows(),
        breakers(),
    );
    parts.prop_map(|(roles, segments, books, scoring, kinds, sources, windows, breaker)| PolicySpec {
        roles,
        segments,
        books,
        scoring,
        kinds,
        sources,
        windows,
        breaker,
    })
}

fn roles() -> impl Strategy<Value = RoleSpec> {
    let confirm = prop_oneof![3 => Just(0u8), 3 => Just(1u8), 1 => Just(2u8)];
    let most = prop_oneof![4 => Just(HUGE), 1 => 1u8..5];
    let shadow = proptest::bool::weighted(0.2);
    let holding = (0u8..6, shadow, option::weighted(0.25, 0u8..3));
    let parts = (prop_oneof![4 => Just(0u8), 1 => 1u8..10], any::<bool>(), holding, 0u8..4, 3u8..8, confirm, most);
    parts.prop_map(|(exclude, exclude_open, held, sort, not_after, confirm, max_unresolved)| RoleSpec {
        exclude,
        exclude_open,
        holding: held.0,
        shadow: held.1,
        approve_above: held.2,
        sort,
        not_after,
        confirm,
        max_unresolved,
    })
}

fn scorings() -> impl Strategy<Value = ScoringSpec> {
    (any::<[u8; 4]>(), any::<[u8; 4]>(), any::<[u8; 4]>(), any::<u8>(), 0u8..4, 0u8..4, 0u8..3).prop_map(
        |(half_lives, weights, caps, half_timing, fit_share, fit, tiers)| ScoringSpec {
            half_lives,
            weights,
            caps,
            half_timing,
            fit_share,
            fit,
            tiers,
        },
    )
}

fn kinds() -> impl Strategy<Value = KindSpec> {
    let parts = (proptest::bool::weighted(0.05), 0u8..6, any::<bool>(), 0u8..=4, 0u8..4);
    parts.prop_map(|(dropped, points, full_strength, max_per_day, in_market)| KindSpec {
        dropped,
        points,
        full_strength,
        max_per_day: max_per_day % 4,
        in_market,
    })
}

fn books() -> impl Strategy<Value = BookSpec> {
    let limits = (
        prop_oneof![1u8..6, Just(12u8)],
        vec((0u8..4, option::weighted(0.3, 0u8..4)), 1..=4),
        option::weighted(0.4, 0u8..8),
        prop_oneof![3 => Just(1u8), 1 => 0u8..4],
        0u8..4,
        evidences(),
    );
    let losses = (
        prop_oneof![Just(0u8), 3u8..8],
        prop_oneof![Just(0u8), 1u8..7],
        prop_oneof![1u8..3, Just(20u8)],
        prop_oneof![Just(0u8), 1u8..4],
        vec(any::<bool>(), 3),
        prop_oneof![Just(0u8), 1u8..9],
        (0u8..=4, 3u8..10),
        vec(returns(), 8),
    );
    (limits, losses).prop_map(|(limits, losses)| {
        let (capacity, segments, fill_idle, slack, zone, evidence) = limits;
        let (grace, lead, per_rep_day, per_book_hour, sources, rest, cool_off, returns) = losses;
        BookSpec {
            capacity,
            segments,
            fill_idle,
            slack,
            zone,
            evidence,
            grace,
            lead,
            per_rep_day,
            per_book_hour,
            sources,
            rest,
            cool_off,
            returns,
        }
    })
}

fn evidences() -> impl Strategy<Value = EvidenceSpec> {
    (3u8..9, 1u8..4, 0u8..3, 0u8..3, 0u8..2, any::<u8>()).prop_map(
        |(window, touches, days, contacts, replies, kinds)| EvidenceSpec {
            window,
            touches,
            days,
            contacts,
            replies,
            kinds,
        },
    )
}

fn returns() -> impl Strategy<Value = ReturnSpec> {
    (
        0u8..9,
        prop_oneof![3 => Just(0u8), 1 => 1u8..3],
        option::weighted(0.6, (prop_oneof![3 => Just(1u8), 1 => Just(2u8)], 5u8..11)),
    )
        .prop_map(|(handling, min_touches, quota)| ReturnSpec { handling, min_touches, quota })
}

fn windows() -> impl Strategy<Value = WindowsSpec> {
    (4u8..10, 1u8..30, 2u8..8, 4u8..10, 6u8..12, 1u8..12, 1u8..5, 4u8..11).prop_map(
        |(dedup, dedup_max, ahead, late, history, unknown_max, unknown_per_account, unknown)| WindowsSpec {
            dedup,
            dedup_max,
            ahead,
            late,
            history,
            unknown_max,
            unknown_per_account,
            unknown,
        },
    )
}

fn breakers() -> impl Strategy<Value = BreakerSpec> {
    let pair = || prop_oneof![2 => Just((200u8, 0u8)), 3 => (0u8..4, 0u8..6)];
    (pair(), pair(), (4u8..9, prop_oneof![2 => 1u8..4, 1 => Just(10u8)]), pair())
        .prop_map(|(book, all, quiet, departures)| BreakerSpec { book, all, quiet, departures })
}
