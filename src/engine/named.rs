//! An account's fields: values under names. Accounts have the same names in common, so those that do share one list
//! of them, and each keeps its values alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::Text;
use crate::domain::account::Value;

use super::reps::change_fields;

/// Sorted by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedValues(Option<Named>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    names: Arc<[Text]>,
    /// As many.
    values: Box<[Value]>,
}

impl NamedValues {
    /// Of nothing: as long as there is none, it takes no memory.
    pub const NONE: NamedValues = NamedValues(None);

    /// As many values as there are names, which are in order and each there once.
    pub fn new(names: &Arc<[Text]>, values: Box<[Value]>) -> NamedValues {
        assert_eq!(names.len(), values.len(), "each name has its value");
        NamedValues((!names.is_empty()).then(|| Named { names: names.clone(), values }))
    }

    pub fn names(&self) -> &[Text] {
        self.0.as_ref().map_or(&[], |named| &named.names)
    }

    /// By the order of their names.
    pub fn values(&self) -> &[Value] {
        self.0.as_ref().map_or(&[], |named| &named.values)
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        let named = self.0.as_ref()?;
        let place = named.names.binary_search_by(|each| (**each).cmp(name)).ok()?;
        Some(&named.values[place])
    }

    /// As [`change_fields`] changes a list.
    pub fn change(&mut self, replace: bool, changes: &[(Text, Option<Value>)], lists: &mut NameLists) {
        if self.overwrite(replace, changes) {
            return;
        }
        let mut fields = Vec::new();
        if !replace {
            fields.extend(self.names().iter().cloned().zip(self.values().iter().cloned()));
        }
        change_fields(&mut fields, false, changes);
        let (names, values): (Vec<Text>, Vec<Value>) = fields.into_iter().unzip();
        *self = NamedValues::new(&lists.share(&names), values.into());
    }

    /// Most records say again what an account has. False: the names would be others, and nothing is changed.
    fn overwrite(&mut self, replace: bool, changes: &[(Text, Option<Value>)]) -> bool {
        let Some(named) = &mut self.0 else { return false };
        if replace && !changes.iter().map(|(name, _)| name).eq(named.names.iter()) {
            return false;
        }
        let place = |name: &Text| named.names.binary_search(name).ok();
        if !changes.iter().all(|(name, value)| value.is_some() && place(name).is_some()) {
            return false;
        }
        for (name, value) in changes {
            if let (Some(place), Some(value)) = (place(name), value) {
                named.values[place].clone_from(value);
            }
        }
        true
    }
}

/// The lists of names that accounts have, each once, as long as they are few. They decide nothing: two lists of the
/// same names are as one.
#[derive(Debug, Default)]
pub struct NameLists {
    lists: BTreeSet<Arc<[Text]>>,
    /// At so many the next look for those that nobody has any more.
    next_look: usize,
    /// Of lists that found no place here, how many since the last look.
    alone: usize,
}

/// Fewer lists than this aren't worth looking for those that nobody has.
const LEAST_LISTS: usize = 64;
/// Accounts with names beyond these have lists of their own: where nearly each has other names, sharing saves nothing, and
/// looking at all lists would hold up everybody.
const MAX_LISTS: usize = 4_096;

impl NameLists {
    fn share(&mut self, names: &[Text]) -> Arc<[Text]> {
        if let Some(known) = self.lists.get(names) {
            return known.clone();
        }
        let is_full = self.lists.len() >= MAX_LISTS;
        if self.lists.len() >= self.next_look.max(LEAST_LISTS) && (!is_full || self.alone >= MAX_LISTS) {
            self.lists.retain(|list| Arc::strong_count(list) > 1);
            self.next_look = (2 * self.lists.len()).min(MAX_LISTS);
            self.alone = 0;
        }
        let new: Arc<[Text]> = names.into();
        if self.lists.len() < MAX_LISTS {
            self.lists.insert(new.clone());
        } else {
            self.alone += 1;
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::chance::draws;

    fn list(values: &NamedValues) -> Vec<(Text, Value)> {
        values.names().iter().cloned().zip(values.values().iter().cloned()).collect()
    }

    #[test]
    fn it_changes_as_a_list_of_pairs_does() {
        let mut draw = draws(3);
        let (mut lists, mut pairs) = (NameLists::default(), Vec::new());
        let mut values = NamedValues::NONE;
        for _ in 0..5_000 {
            let changes: Vec<(Text, Option<Value>)> = (0..draw(5))
                .map(|_| (format!("name-{}", draw(6)).into(), (draw(3) > 0).then(|| Value::Number(draw(100) as i64))))
                .collect();
            let replace = draw(3) == 0;
            change_fields(&mut pairs, replace, &changes);
            values.change(replace, &changes, &mut lists);
            assert_eq!(list(&values), pairs);
            for (name, _) in &changes {
                let place = pairs.iter().position(|(each, _)| each == name);
                assert_eq!(values.get(name), place.map(|place| &pairs[place].1));
            }
        }
    }

    #[test]
    fn accounts_share_the_lists_of_their_names_and_what_nobody_has_is_dropped() {
        let mut lists = NameLists::default();
        let said = |name: &str| [(Text::from(name), Some(Value::Bool(true)))];
        let (mut one, mut other) = (NamedValues::NONE, NamedValues::NONE);
        one.change(true, &said("kept"), &mut lists);
        for number in 0..10_000 {
            other.change(true, &said(&format!("gone-{number}")), &mut lists);
        }
        assert!(lists.lists.len() <= LEAST_LISTS);
        other.change(true, &said("kept"), &mut lists);
        assert_eq!((one.names().as_ptr(), &one), (other.names().as_ptr(), &other));
    }

    #[test]
    fn of_very_many_lists_no_more_are_shared_until_some_are_dropped() {
        let mut lists = NameLists::default();
        let of_own = |number: usize, lists: &mut NameLists| {
            let mut values = NamedValues::NONE;
            values.change(true, &[(format!("name-{number}").into(), Some(Value::Bool(true)))], lists);
            values
        };
        let many: Vec<NamedValues> = (0..3 * MAX_LISTS).map(|number| of_own(number, &mut lists)).collect();
        assert_eq!(lists.lists.len(), MAX_LISTS);
        assert!(many.iter().enumerate().all(|(number, values)| *values.names()[0] == format!("name-{number}")));
        drop(many);
        let kept: Vec<NamedValues> = (0..=MAX_LISTS).map(|number| of_own(MAX_LISTS + number, &mut lists)).collect();
        assert!(kept.iter().any(|values| lists.lists.contains(values.names())));
        assert!(lists.lists.iter().all(|list| Arc::strong_count(list) > 1), "what nobody has is gone");
    }
}
