//! Filters over account fields, as a small tree of our own: parsed from CEL in `config`, evaluated here, so
//! that a library's upgrade can never change a replay.

use super::Text;
use super::account::Value;

/// Filters within filters. A policy is written into the journal, whose reader bounds how deep things are nested; nobody
/// can read even as many as these.
pub const DEPTH_MAX: usize = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Compare {
    Equal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

/// A comparison with a field that is absent, or of another type, is false; so `!(x == 1)` (also written
/// `x != 1`) is true where `x` is absent. `Name` is what a field is called by: its name, or a number for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter<Name = Text> {
    Always,
    Never,
    All(Vec<Filter<Name>>),
    Any(Vec<Filter<Name>>),
    Not(Box<Filter<Name>>),
    Field {
        name: Name,
        compare: Compare,
        value: Value,
    },
    /// The field equals one of these.
    OneOf {
        name: Name,
        values: Vec<Value>,
    },
    /// The field is present.
    Has(Name),
    /// The field is a list that holds this text.
    Contains {
        name: Name,
        value: Text,
    },
    StartsWith {
        name: Name,
        prefix: Text,
    },
    EndsWith {
        name: Name,
        suffix: Text,
    },
    /// A boolean field that is true.
    IsTrue(Name),
}

impl<Name> Filter<Name> {
    /// How many filters stand within each other.
    pub fn depth(&self) -> usize {
        let within = match self {
            Filter::All(parts) | Filter::Any(parts) => parts.iter().map(Filter::depth).max().unwrap_or(0),
            Filter::Not(part) => part.depth(),
            _ => 0,
        };
        1 + within
    }

    /// Whether the fields that `field` looks up satisfy the filter.
    pub fn matches<'a>(&self, field: &impl Fn(&Name) -> Option<&'a Value>) -> bool {
        match self {
            Filter::Always => true,
            Filter::Never => false,
            Filter::All(parts) => parts.iter().all(|part| part.matches(field)),
            Filter::Any(parts) => parts.iter().any(|part| part.matches(field)),
            Filter::Not(part) => !part.matches(field),
            Filter::Field { name, compare, value } => field(name).is_some_and(|found| holds(*compare, found, value)),
            Filter::OneOf { name, values } => field(name).is_some_and(|found| values.contains(found)),
            Filter::Has(name) => field(name).is_some(),
            Filter::Contains { name, value } => {
                matches!(field(name), Some(Value::List(items)) if items.contains(value))
            }
            Filter::StartsWith { name, prefix } => {
                matches!(field(name), Some(Value::Text(text)) if text.starts_with(&**prefix))
            }
            Filter::EndsWith { name, suffix } => {
                matches!(field(name), Some(Value::Text(text)) if text.ends_with(&**suffix))
            }
            Filter::IsTrue(name) => matches!(field(name), Some(Value::Bool(true))),
        }
    }

    /// The same filter, its fields called by what `call` makes of their names.
    pub fn called<Other>(&self, call: &mut impl FnMut(&Name) -> Other) -> Filter<Other> {
        match self {
            Filter::Always => Filter::Always,
            Filter::Never => Filter::Never,
            Filter::All(parts) => Filter::All(parts.iter().map(|part| part.called(call)).collect()),
            Filter::Any(parts) => Filter::Any(parts.iter().map(|part| part.called(call)).collect()),
            Filter::Not(part) => Filter::Not(Box::new(part.called(call))),
            Filter::Field { name, compare, value } => {
                Filter::Field { name: call(name), compare: *compare, value: value.clone() }
            }
            Filter::OneOf { name, values } => Filter::OneOf { name: call(name), values: values.clone() },
            Filter::Has(name) => Filter::Has(call(name)),
            Filter::Contains { name, value } => Filter::Contains { name: call(name), value: value.clone() },
            Filter::StartsWith { name, prefix } => Filter::StartsWith { name: call(name), prefix: prefix.clone() },
            Filter::EndsWith { name, suffix } => Filter::EndsWith { name: call(name), suffix: suffix.clone() },
            Filter::IsTrue(name) => Filter::IsTrue(call(name)),
        }
    }
}

fn holds(compare: Compare, found: &Value, wanted: &Value) -> bool {
    if std::mem::discriminant(found) != std::mem::discriminant(wanted) {
        return false;
    }
    match compare {
        Compare::Equal => found == wanted,
        Compare::Less => found < wanted,
        Compare::LessEqual => found <= wanted,
        Compare::Greater => found > wanted,
        Compare::GreaterEqual => found >= wanted,
    }
}
