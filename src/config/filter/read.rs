//! The parser's tree to ours.

use std::ops::Range;

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, SourceInfo, operators};

use super::{FilterError, FilterFault};
use crate::domain::account::Value;
use crate::domain::filter::{Compare, Filter};

/// Numbers are compared in thousandths; beyond this a double no longer holds them exactly.
const MAX_NUMBER: f64 = 1e12;

pub(super) struct Reader<'a> {
    pub text: &'a str,
    pub source: SourceInfo,
}

type Read<T> = Result<T, FilterError>;

impl Reader<'_> {
    fn fail<T>(&self, at: &IdedExpr, fault: FilterFault) -> Read<T> {
        let span = match self.source.offset_for(at.id) {
            Some((start, stop)) => clip(self.text, start as usize, stop as usize + 1),
            None => 0..self.text.len(),
        };
        Err(FilterError { fault, span: with_name(self.text, span) })
    }

    pub fn filter(&self, at: &IdedExpr) -> Read<Filter> {
        match &at.expr {
            Expr::Literal(LiteralValue::Boolean(value)) => {
                Ok(if *value.inner() { Filter::Always } else { Filter::Never })
            }
            Expr::Ident(_) | Expr::Select(_) => Ok(Filter::IsTrue(self.field(at)?.into())),
            Expr::Call(call) => self.call(at, call),
            Expr::Literal(_) => self.fail(at, FilterFault::NoFieldAndValue),
            other => self.fail(at, FilterFault::Unsupported(construct(other).into())),
        }
    }

    fn call(&self, at: &IdedExpr, call: &CallExpr) -> Read<Filter> {
        if let Some(target) = &call.target {
            return self.method(at, target, call);
        }
        let compare = |compare| self.compare(at, compare, &call.args);
        match call.func_name.as_str() {
            operators::LOGICAL_AND => Ok(Filter::All(self.flat(&call.args, operators::LOGICAL_AND)?)),
            operators::LOGICAL_OR => Ok(Filter::Any(self.flat(&call.args, operators::LOGICAL_OR)?)),
            operators::LOGICAL_NOT => Ok(Filter::Not(Box::new(self.filter(self.only(at, "!", &call.args)?)?))),
            operators::EQUALS => compare(Compare::Equal),
            operators::NOT_EQUALS => Ok(Filter::Not(Box::new(compare(Compare::Equal)?))),
            operators::LESS => compare(Compare::Less),
            operators::LESS_EQUALS => compare(Compare::LessEqual),
            operators::GREATER => compare(Compare::Greater),
            operators::GREATER_EQUALS => compare(Compare::GreaterEqual),
            operators::IN => self.within(at, &call.args),
            "has" => Ok(Filter::Has(self.field(self.only(at, "has", &call.args)?)?.into())),
            other => self.fail(at, FilterFault::Unsupported(readable(other).into())),
        }
    }

    /// The terms of a chain of the same operator, in the order written: the parser balances long chains.
    fn flat(&self, terms: &[IdedExpr], operator: &str) -> Read<Vec<Filter>> {
        let mut parts = Vec::new();
        for term in terms {
            match &term.expr {
                Expr::Call(call) if call.target.is_none() && call.func_name == operator => {
                    parts.extend(self.flat(&call.args, operator)?);
                }
                _ => parts.push(self.filter(term)?),
            }
        }
        Ok(parts)
    }

    fn compare(&self, at: &IdedExpr, compare: Compare, sides: &[IdedExpr]) -> Read<Filter> {
        let [left, right] = sides else {
            return self.fail(at, FilterFault::NoFieldAndValue);
        };
        let (field, value, compare) = match (self.value(left)?, self.value(right)?) {
            (None, Some(value)) => (left, value, compare),
            (Some(value), None) => (right, value, mirrored(compare)),
            (Some(_), Some(_)) => return self.fail(at, FilterFault::NoFieldAndValue),
            (None, None) => {
                self.field(left).and(self.field(right))?;
                return self.fail(at, FilterFault::NoFieldAndValue);
            }
        };
        let name = self.field(field)?.into();
        match (compare, value) {
            (Compare::Equal, Value::Bool(true)) => Ok(Filter::IsTrue(name)),
            (Compare::Equal, value) => Ok(Filter::Field { name, compare, value }),
            (_, Value::Bool(_)) => self.fail(at, FilterFault::NoOrder),
            (_, value) => Ok(Filter::Field { name, compare, value }),
        }
    }

    fn within(&self, at: &IdedExpr, sides: &[IdedExpr]) -> Read<Filter> {
        let [item, list] = sides else {
            return self.fail(at, FilterFault::NoFieldAndValue);
        };
        let Expr::List(list_expr) = &list.expr else {
            return match self.value(item)? {
                Some(Value::Text(value)) => Ok(Filter::Contains { name: self.field(list)?.into(), value }),
                _ => self.fail(item, FilterFault::NotAText),
            };
        };
        if list_expr.elements.is_empty() {
            return self.fail(list, FilterFault::EmptyList);
        }
        let mut values = Vec::new();
        for element in &list_expr.elements {
            match self.value(element)? {
                Some(value) => values.push(value),
                None => return self.fail(element, FilterFault::NoFieldAndValue),
            }
        }
        Ok(Filter::OneOf { name: self.field(item)?.into(), values })
    }

    fn method(&self, at: &IdedExpr, target: &IdedExpr, call: &CallExpr) -> Read<Filter> {
        let name = call.func_name.as_str();
        if name != "startsWith" && name != "endsWith" {
            return self.fail(at, FilterFault::Unsupported(name.into()));
        }
        let argument = self.only(at, name, &call.args)?;
        let Some(Value::Text(text)) = self.value(argument)? else {
            return self.fail(argument, FilterFault::NotAText);
        };
        let field = self.field(target)?.into();
        Ok(match name {
            "startsWith" => Filter::StartsWith { name: field, prefix: text },
            _ => Filter::EndsWith { name: field, suffix: text },
        })
    }

    fn only<'e>(&self, at: &IdedExpr, name: &str, args: &'e [IdedExpr]) -> Read<&'e IdedExpr> {
        match args {
            [one] => Ok(one),
            _ => self.fail(at, FilterFault::Arguments(name.into())),
        }
    }

    /// A field: `name`, or `account.name`.
    fn field<'e>(&self, at: &'e IdedExpr) -> Read<&'e str> {
        match &at.expr {
            Expr::Ident(name) if name != "account" => Ok(name),
            Expr::Ident(name) => self.fail(at, FilterFault::NotAField(name.clone())),
            Expr::Select(select) => match &select.operand.expr {
                Expr::Ident(root) if root == "account" => Ok(&select.field),
                _ => self.fail(at, FilterFault::NotAField(select.field.clone())),
            },
            Expr::Call(call) if call.func_name != operators::NEGATE => {
                self.fail(at, FilterFault::Unsupported(readable(&call.func_name).into()))
            }
            _ => self.fail(at, FilterFault::NoFieldAndValue),
        }
    }

    /// A literal's value, `None` where it is something else.
    fn value(&self, at: &IdedExpr) -> Read<Option<Value>> {
        let found = match &at.expr {
            Expr::Literal(LiteralValue::Boolean(value)) => Value::Bool(*value.inner()),
            Expr::Literal(LiteralValue::String(text)) => Value::Text(text.inner().into()),
            Expr::Literal(LiteralValue::Int(number)) => self.number(at, *number.inner() as f64)?,
            Expr::Literal(LiteralValue::Double(number)) => self.number(at, *number.inner())?,
            Expr::Literal(_) => return self.fail(at, FilterFault::Unsupported(self.source_of(at).into())),
            Expr::Call(call) if call.func_name == operators::NEGATE => {
                match self.value(self.only(at, "-", &call.args)?)? {
                    Some(Value::Number(thousandths)) => Value::Number(-thousandths),
                    _ => return self.fail(at, FilterFault::Unsupported("-".into())),
                }
            }
            _ => return Ok(None),
        };
        Ok(Some(found))
    }

    fn number(&self, at: &IdedExpr, number: f64) -> Read<Value> {
        let thousandths = (number * 1000.0).round();
        // What three decimals can't hold would compare other than it reads.
        let exact = (thousandths / 1000.0 - number).abs() <= number.abs() * f64::EPSILON;
        if number.abs() <= MAX_NUMBER && exact {
            Ok(Value::Number(thousandths as i64))
        } else {
            self.fail(at, FilterFault::Number)
        }
    }

    fn source_of(&self, at: &IdedExpr) -> &str {
        self.source
            .offset_for(at.id)
            .map_or(self.text, |(start, stop)| &self.text[clip(self.text, start as usize, stop as usize + 1)])
    }
}

/// The parser places a call at its parenthesis and a selection at its dot; people look for the name.
fn with_name(text: &str, span: Range<usize>) -> Range<usize> {
    let in_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    match &text[span.clone()] {
        "(" => {
            let start = text[..span.start].trim_end_matches(in_name).len();
            if start == span.start { span } else { start..span.start }
        }
        "." => {
            let end = text.len() - text[span.end..].trim_start_matches(in_name).len();
            if end == span.end { span } else { span.end..end }
        }
        _ => span,
    }
}

/// A range that certainly lies within the text, on character boundaries.
fn clip(text: &str, start: usize, end: usize) -> Range<usize> {
    let floor = |mut index: usize| {
        index = index.min(text.len());
        while !text.is_char_boundary(index) {
            index -= 1;
        }
        index
    };
    let start = floor(start);
    start..floor(end).max(start)
}

fn mirrored(compare: Compare) -> Compare {
    match compare {
        Compare::Equal => Compare::Equal,
        Compare::Less => Compare::Greater,
        Compare::LessEqual => Compare::GreaterEqual,
        Compare::Greater => Compare::Less,
        Compare::GreaterEqual => Compare::LessEqual,
    }
}

fn construct(expression: &Expr) -> &'static str {
    match expression {
        Expr::List(_) => "list on its own",
        Expr::Map(_) => "map",
        Expr::Struct(_) => "struct",
        Expr::Comprehension(_) => "comprehension",
        _ => "such expression",
    }
}

/// The operator as it is written: the parser calls `+` `_+_`.
fn readable(function: &str) -> &str {
    match function {
        operators::CONDITIONAL => "? :",
        operators::INDEX | operators::OPT_INDEX => "[ ]",
        other => other.trim_matches('_'),
    }
}
