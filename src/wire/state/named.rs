//! The encoding of accounts' fields. A group of accounts has few lists of names, so those stand once: each account's
//! list by its number, lists being numbered as they occur; the lists; then what kinds all values are, and the values
//! kind by kind.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::vec::IntoIter;

use crate::domain::Text;
use crate::domain::account::Value;
use crate::engine::state::NamedValues;
use crate::wire::WireError;
use crate::wire::codec::{self, Group, Reader, Wire, column, next};

impl Wire for NamedValues {
    fn put(&self, out: &mut Vec<u8>) {
        Wire::put_group(&[self], out);
    }

    fn get(from: &mut Reader<'_>) -> Result<NamedValues, WireError> {
        codec::one(from)
    }

    fn put_group(items: &[&NamedValues], out: &mut Vec<u8>) {
        let mut known: BTreeMap<&[Text], u16> = BTreeMap::new();
        let mut lists: Vec<&[Text]> = Vec::new();
        let mut number_of = |names| {
            *known.entry(names).or_insert_with(|| {
                lists.push(names);
                lists.len() as u16 - 1
            })
        };
        let numbers: Vec<u16> = items.iter().map(|item| number_of(item.names())).collect();
        u16::put_group(&numbers.iter().collect::<Group<'_, _>>(), out);
        codec::put_lists(lists.iter().map(|names| names.iter()), out);
        put_values(&items.iter().flat_map(|item| item.values()).collect::<Vec<_>>(), out);
    }

    fn get_group(count: usize, from: &mut Reader<'_>, into: &mut Vec<NamedValues>) -> Result<(), WireError> {
        let numbers = column::<u16>(count, from)?;
        let lists = get_lists_of_names(numbers.as_slice(), from)?;
        let lists_of = || numbers.as_slice().iter().map(|number| &lists[usize::from(*number)]);
        let mut values = Values::get(lists_of().map(|names| names.len()).sum(), from)?;
        into.extend(lists_of().map(|names| NamedValues::new(names, values.take(names.len()))));
        Ok(())
    }
}

/// As many lists as were numbered, in the order in which they occur, each once, its names in order.
fn get_lists_of_names(numbers: &[u16], from: &mut Reader<'_>) -> Result<Vec<Arc<[Text]>>, WireError> {
    let occurring = numbers.iter().try_fold(0, |seen, number| (*number <= seen).then(|| seen.max(*number + 1)));
    let Some(occurring) = occurring else { return Err(from.invalid("lists of names out of order")) };
    let (counts, mut names) = codec::get_lists::<Text>(usize::from(occurring), from)?;
    let lists: Vec<Arc<[Text]>> = counts.into_iter().map(|count| names.by_ref().take(count).collect()).collect();
    if !lists.iter().all(|names| names.is_sorted_by(|one, next| one < next)) {
        return Err(from.invalid("names out of order"));
    }
    let mut sorted: Vec<_> = lists.iter().collect();
    sorted.sort_unstable();
    if sorted.is_sorted_by(|one, next| one < next) { Ok(lists) } else { Err(from.invalid("a list of names twice")) }
}

const BOOL: u8 = 0;
const NUMBER: u8 = 1;
const TEXT: u8 = 2;
const LIST: u8 = 3;

fn put_values(values: &[&Value], out: &mut Vec<u8>) {
    let (mut bools, mut numbers, mut texts, mut lists) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for value in values {
        out.push(match value {
            Value::Bool(value) => {
                bools.push(value);
                BOOL
            }
            Value::Number(number) => {
                numbers.push(number);
                NUMBER
            }
            Value::Text(text) => {
                texts.push(text);
                TEXT
            }
            Value::List(items) => {
                lists.push(items);
                LIST
            }
        });
    }
    bool::put_group(&bools, out);
    i64::put_group(&numbers, out);
    Text::put_group(&texts, out);
    codec::put_lists(lists.iter().map(|items| items.iter()), out);
}

/// Values being handed out.
struct Values {
    kinds: IntoIter<u8>,
    bools: IntoIter<bool>,
    numbers: IntoIter<i64>,
    texts: IntoIter<Text>,
    counts: IntoIter<usize>,
    items: IntoIter<Text>,
}

impl Values {
    fn get(count: usize, from: &mut Reader<'_>) -> Result<Values, WireError> {
        let kinds = from.take(count)?.to_vec();
        let mut of_kind = [0; 4];
        for kind in &kinds {
            match of_kind.get_mut(usize::from(*kind)) {
                Some(count) => *count += 1,
                None => return Err(from.invalid(format!("no Value has the tag {kind}"))),
            }
        }
        let [bools, numbers, texts, lists] = of_kind;
        let (bools, numbers, texts) = (column(bools, from)?, column(numbers, from)?, column(texts, from)?);
        let (counts, items) = codec::get_lists(lists, from)?;
        Ok(Values { kinds: kinds.into_iter(), bools, numbers, texts, counts: counts.into_iter(), items })
    }

    fn take(&mut self, count: usize) -> Box<[Value]> {
        let Values { kinds, bools, numbers, texts, counts, items } = self;
        let value = |kind| match kind {
            BOOL => Value::Bool(next(bools)),
            NUMBER => Value::Number(next(numbers)),
            TEXT => Value::Text(next(texts)),
            _ => Value::List(items.by_ref().take(next(counts)).collect()),
        };
        kinds.by_ref().take(count).map(value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::codec::{from_bytes, to_bytes};

    type Rows = Vec<NamedValues>;

    fn row(number: usize) -> NamedValues {
        let value = |kind: usize| match (number + kind) % 4 {
            0 => Value::Bool(number.is_multiple_of(3)),
            1 => Value::Number(number as i64 - 300),
            2 => Value::Text(format!("ü {number}").into()),
            _ => Value::List((0..number % 3).map(|item| format!("{item}").into()).collect()),
        };
        let count = number * number % 5;
        let names: Vec<Text> = (0..count).map(|place| format!("{}-{place}", number % 2).into()).collect();
        NamedValues::new(&names.into(), (0..count).map(value).collect())
    }

    #[test]
    fn lists_of_names_stand_once_a_group() {
        let rows: Rows = [0, 0].map(|_| NamedValues::new(&["a".into()].into(), [Value::Bool(true)].into())).into();
        assert_eq!(to_bytes(&rows), [2, 0, 0, 1, 1, b'a', 0, 0, 1, 1]);
        assert_eq!(from_bytes::<Rows>(&[2, 0, 0, 1, 1, b'a', 0, 0, 1, 1]), Ok(rows));
    }

    #[test]
    fn a_second_encoding_is_refused() {
        for (why, bytes) in [
            ("numbered otherwise", &[2, 1, 0, 1, 1, 1, 1, b'a', b'b', 0, 0, 1, 1][..]),
            ("a number left out", &[2, 0, 2, 1, 1, 1, 1, 1, 1, b'a', b'b', b'c', 0, 0, 1, 1]),
            ("a list twice", &[2, 0, 1, 1, 1, 1, 1, b'a', b'a', 0, 0, 1, 1]),
            ("names out of order", &[1, 0, 2, 1, 1, b'b', b'a', 0, 0, 1, 1]),
            ("a name twice", &[1, 0, 2, 1, 1, b'a', b'a', 0, 0, 1, 1]),
            ("no such kind", &[1, 0, 1, 1, b'a', 4, 1]),
        ] {
            assert!(matches!(from_bytes::<Rows>(bytes), Err(WireError::Invalid { .. })), "{why}");
        }
    }

    #[test]
    fn whatever_is_changed_is_refused_or_another_value() {
        let rows: Rows = (0..1_100).map(row).collect();
        let bytes = to_bytes(&rows);
        assert_eq!(from_bytes(&bytes), Ok(rows));
        for at in (0..bytes.len()).step_by(7) {
            assert!(from_bytes::<Rows>(&bytes[..at]).is_err());
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            if let Ok(other) = from_bytes::<Rows>(&changed) {
                assert_eq!(to_bytes(&other), changed, "at {at}");
            }
        }
    }
}
