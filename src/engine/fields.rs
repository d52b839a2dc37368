//! The policy's filters over account fields. Segments ask for the same few fields, and mostly whether they are the same few
//! values: an account's fields are looked up once, and each condition is judged once, however many segments ask for them.

use std::cell::Cell;

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
    /// Each once: filters that hold no others.
    conditions: Vec<Filter<Number>>,
    segments: Vec<Tree>,
    /// Of the fit, where the policy counts it: each with its weight.
    criteria: Vec<(u64, Tree)>,
}

/// A filter whose conditions are numbered.
#[derive(Debug)]
enum Tree {
    Condition(usize),
    All(Vec<Tree>),
    Any(Vec<Tree>),
    Not(Box<Tree>),
}

/// An account's values of the fields that are asked for, by number, and what was found of the conditions. Policies rarely
/// ask for more.
pub struct Found<'a> {
    values: SmallVec<[Option<&'a Value>; 8]>,
    met: SmallVec<[Cell<Option<bool>>; 64]>,
}

impl Fields {
    pub fn of(policy: &Policy) -> Fields {
        let mut fields = Fields::default();
        fields.segments = policy.segments.iter().map(|segment| fields.tree(&segment.filter)).collect();
        if let Fit::Criteria(criteria) = &policy.fit {
            fields.criteria = criteria.iter().map(|each| (u64::from(each.weight), fields.tree(&each.filter))).collect();
        }
        fields
    }

    fn tree(&mut self, filter: &Filter) -> Tree {
        match filter {
            Filter::All(parts) => Tree::All(parts.iter().map(|part| self.tree(part)).collect()),
            Filter::Any(parts) => Tree::Any(parts.iter().map(|part| self.tree(part)).collect()),
            Filter::Not(part) => Tree::Not(Box::new(self.tree(part))),
            condition => {
                let condition = condition.called(&mut |name| place(&mut self.names, name.clone()));
                Tree::Condition(place(&mut self.conditions, condition))
            }
        }
    }

    pub fn find<'a>(&self, record: &'a AccountRecordRow) -> Found<'a> {
        Found {
            values: self.names.iter().map(|name| record.field(name)).collect(),
            met: SmallVec::from_elem(Cell::new(None), self.conditions.len()),
        }
    }

    /// Bits of the segments whose filters match.
    pub fn segments(&self, found: &Found<'_>) -> u64 {
        let matching = self.segments.iter().enumerate().filter(|(_, tree)| self.holds(tree, found));
        matching.fold(0, |bits, (index, _)| bits | 1u64 << index)
    }

    /// The share of the criteria that is met, by weight, in millionths of 1; 0 where there are none.
    pub fn fit(&self, found: &Found<'_>) -> u32 {
        let all: u64 = self.criteria.iter().map(|(weight, _)| weight).sum();
        let met: u64 = self.criteria.iter().filter(|(_, tree)| self.holds(tree, found)).map(|(weight, _)| weight).sum();
        (u64::from(PRIORITY_ONE) * met).checked_div(all).unwrap_or(0) as u32
    }

    fn holds(&self, tree: &Tree, found: &Found<'_>) -> bool {
        match tree {
            Tree::Condition(number) => {
                let met = &found.met[*number];
                met.get().unwrap_or_else(|| {
                    let is_met = self.conditions[*number].matches(&|field| found.values[*field]);
                    met.set(Some(is_met));
                    is_met
                })
            }
            Tree::All(parts) => parts.iter().all(|part| self.holds(part, found)),
            Tree::Any(parts) => parts.iter().any(|part| self.holds(part, found)),
            Tree::Not(part) => !self.holds(part, found),
        }
    }
}

/// Where it stands among these, as the last one if it didn't yet.
fn place<T: PartialEq>(all: &mut Vec<T>, one: T) -> usize {
    all.iter().position(|known| *known == one).unwrap_or_else(|| {
        all.push(one);
        all.len() - 1
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::filter::Compare;

    fn names() -> impl Strategy<Value = Text> {
        prop::sample::select(vec!["country", "size", "named"]).prop_map(Text::new_static)
    }

    fn values() -> impl Strategy<Value = Value> {
        let texts = prop::sample::select(vec!["de", "fr"]).prop_map(|text| Value::Text(text.into()));
        prop_oneof![any::<bool>().prop_map(Value::Bool), (0..3i64).prop_map(Value::Number), texts]
    }

    fn filters() -> impl Strategy<Value = Filter> {
        let compare = prop::sample::select(vec![Compare::Equal, Compare::Less, Compare::GreaterEqual]);
        let condition = prop_oneof![
            Just(Filter::Always),
            Just(Filter::Never),
            (names(), compare, values()).prop_map(|(name, compare, value)| Filter::Field { name, compare, value }),
            names().prop_map(Filter::Has),
            names().prop_map(Filter::IsTrue),
        ];
        condition.prop_recursive(3, 16, 3, |part| {
            prop_oneof![
                prop::collection::vec(part.clone(), 0..3).prop_map(Filter::All),
                prop::collection::vec(part.clone(), 0..3).prop_map(Filter::Any),
                part.prop_map(|part| Filter::Not(Box::new(part))),
            ]
        })
    }

    proptest! {
        /// Many filters with few conditions, and each by itself.
        #[test]
        fn what_is_judged_once_is_what_each_filter_says(
            filters in prop::collection::vec(filters(), 1..12),
            record in prop::collection::btree_map(names(), values(), 0..4),
        ) {
            let mut fields = Fields::default();
            let trees: Vec<Tree> = filters.iter().map(|filter| fields.tree(filter)).collect();
            let values = fields.names.iter().map(|name| record.get(name)).collect();
            let found = Found { values, met: SmallVec::from_elem(Cell::new(None), fields.conditions.len()) };
            for (tree, filter) in trees.iter().zip(&filters) {
                prop_assert_eq!(fields.holds(tree, &found), filter.matches(&|name| record.get(name)));
            }
        }
    }
}
