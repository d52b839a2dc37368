//! `[[policy.books]]`: target books and the rules of engagement that go with them.

use serde::{Deserialize, Serialize};

use super::{Spanned, unwritten};
use crate::config::period::Period;

const DAY: u32 = 86_400;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawBook {
    pub name: Spanned<String>,
    pub role: Spanned<String>,
    pub capacity: Spanned<u32>,
    pub fill_idle: Option<Spanned<f64>>,
    #[serde(default = "one")]
    pub fill_slack: Spanned<u32>,
    #[serde(default = "utc")]
    pub zone: Spanned<String>,
    /// Absent: the evidence's window.
    pub grace: Option<Spanned<Period>>,
    #[serde(default = "three_days")]
    pub lead: Spanned<Period>,
    #[serde(default = "thirty_days")]
    pub rest: Spanned<Period>,
    /// Absent: every source of the policy. None must be written out, as an empty list.
    pub sources: Option<Vec<Spanned<String>>>,
    pub evidence: RawEvidence,
    #[serde(default)]
    pub caps: RawCaps,
    #[serde(default)]
    pub cool_off: RawCoolOff,
    /// Absent: every segment of the policy, in its order, without caps.
    pub segments: Option<Spanned<Vec<RawBookSegment>>>,
    #[serde(default)]
    pub returns: RawReturns,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawBookSegment {
    pub name: Spanned<String>,
    pub cap: Option<Spanned<u32>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawEvidence {
    pub window: Spanned<Period>,
    #[serde(default = "one_touch")]
    pub touches: Spanned<u8>,
    #[serde(default = "none")]
    pub days: Spanned<u8>,
    #[serde(default = "none")]
    pub contacts: Spanned<u8>,
    #[serde(default = "none")]
    pub replies: Spanned<u8>,
    pub kinds: Spanned<Vec<Spanned<String>>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawCaps {
    pub per_rep_day: Spanned<u32>,
    pub per_book_hour: Spanned<f64>,
}

impl Default for RawCaps {
    fn default() -> RawCaps {
        RawCaps { per_rep_day: unwritten(5), per_book_hour: unwritten(0.02) }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawCoolOff {
    pub owners: Spanned<u8>,
    pub period: Spanned<Period>,
}

impl Default for RawCoolOff {
    fn default() -> RawCoolOff {
        RawCoolOff { owners: unwritten(1), period: unwritten(Period(90 * DAY)) }
    }
}

/// By reason. A reason that isn't named keeps the rule given here.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawReturns {
    pub duplicate: Spanned<RawReturn>,
    pub bad_data: Spanned<RawReturn>,
    pub no_icp_match: Spanned<RawReturn>,
    pub no_relevant_contact: Spanned<RawReturn>,
    pub call_back: Spanned<RawReturn>,
    pub not_interested: Spanned<RawReturn>,
    pub competitor: Spanned<RawReturn>,
    pub out_of_business: Spanned<RawReturn>,
}

impl Default for RawReturns {
    fn default() -> RawReturns {
        let rule = |handling, rest: Option<u32>| {
            unwritten(RawReturn {
                handling,
                rest: rest.map(|days| unwritten(Period(days * DAY))),
                min_touches: unwritten(0),
                quota: None,
                quota_period: None,
            })
        };
        RawReturns {
            duplicate: rule(RawHandling::Review, None),
            bad_data: rule(RawHandling::Review, None),
            no_icp_match: rule(RawHandling::Review, None),
            no_relevant_contact: rule(RawHandling::Rest, Some(90)),
            call_back: rule(RawHandling::Date, None),
            not_interested: rule(RawHandling::Rest, Some(90)),
            competitor: rule(RawHandling::Rest, Some(180)),
            out_of_business: rule(RawHandling::Retire, None),
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawReturn {
    pub handling: RawHandling,
    pub rest: Option<Spanned<Period>>,
    #[serde(default = "none")]
    pub min_touches: Spanned<u8>,
    pub quota: Option<Spanned<u32>>,
    pub quota_period: Option<Spanned<Period>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RawHandling {
    Review,
    Rest,
    Date,
    Retire,
    Refuse,
}

fn none() -> Spanned<u8> {
    unwritten(0)
}

fn one_touch() -> Spanned<u8> {
    unwritten(1)
}

fn one() -> Spanned<u32> {
    unwritten(1)
}

fn utc() -> Spanned<String> {
    unwritten("UTC".into())
}

fn three_days() -> Spanned<Period> {
    unwritten(Period(3 * DAY))
}

fn thirty_days() -> Spanned<Period> {
    unwritten(Period(30 * DAY))
}
