//! The policy's filters over account fields, their fields numbered: an account's are looked up once, however many
//! segments ask for them.

use smallvec::SmallVec;

use crate::domain::Text;
use crate::domain::account::Value;
use crate::domain::filter::Filter;
use crate::domain::policy::{Fit, PRIORITY_ONE, Policy};

use super::state::AccountRecordRow;

/// A field by its place among those that any filter here asks for.
type Number = usize;

#[derive(Debug, Default)]
pub struct Fields {
    /// Asked for by some filter, each once.
    names: Vec<Text>,
    segments: Vec<Filter<Number>>,
    /// Of the fit, where the policy counts it: each with its weight.
    criteria: Vec<(u64, Filter<Number>)>,
}

/// An account's values of the fields that are asked for, by number. Policies rarely ask for more.
pub struct Found<'a>(SmallVec<[Option<&'a Value>; 8]>);

impl Fields {
    pub fn of(policy: &Policy) -> Fields {
        let mut names = Vec::new();
        let mut number = |name: &Text| {
            names.iter().position(|known| known == name).unwrap_or_else(|| {
                names.push(name.clone());
                names.len() - 1
            })
        };
        let segments = policy.segments.iter().map(|segment| segment.filter.called(&mut number)).collect();
        let criteria = match &policy.fit {
            Fit::Given { .. } => Vec::new(),
            Fit::Criteria(criteria) => {
                criteria.iter().map(|each| (u64::from(each.weight), each.filter.called(&mut number))).collect()
            }
        };
        Fields { names, segments, criteria }
    }

    pub fn find<'a>(&self, record: &'a AccountRecordRow) -> Found<'a> {
        Found(self.names.iter().map(|name| record.field(name)).collect())
    }

    /// Bits of the segments whose filters match.
    pub fn segments(&self, found: &Found<'_>) -> u64 {
        let matching = self.segments.iter().enumerate().filter(|(_, filter)| found.satisfy(filter));
        matching.fold(0, |bits, (index, _)| bits | 1u64 << index)
    }

    /// The share of the criteria that is met, by weight, in millionths of 1; 0 where there are none.
    pub fn fit(&self, found: &Found<'_>) -> u32 {
        let all: u64 = self.criteria.iter().map(|(weight, _)| weight).sum();
        let met: u64 = self.criteria.iter().filter(|(_, filter)| found.satisfy(filter)).map(|(weight, _)| weight).sum();
        (u64::from(PRIORITY_ONE) * met).checked_div(all).unwrap_or(0) as u32
    }
}

impl Found<'_> {
    fn satisfy(&self, filter: &Filter<Number>) -> bool {
        filter.matches(&|number| self.0[*number])
    }
}
