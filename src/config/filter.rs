//! Filters: CEL source text to our own tree, and the tree back to text.
//!
//! Only what the tree has is taken; everything else is refused by name, so that nothing ever means less than
//! it says. The text of a tree is canonical: the same filter, however it was written, gives the same text.

use std::ops::Range;

use cel::Env;
use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, SourceInfo, operators};

use crate::domain::account::Value;
use crate::domain::filter::{Compare, Filter};

/// Longer filters are a list of accounts in disguise; that belongs into a field of the account.
pub const MAX_FILTER_BYTES: usize = 4096;

/// Numbers are compared in thousandths; beyond this a double no longer holds them exactly.
const MAX_NUMBER: f64 = 1e12;

/// Why a filter was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterFault {
    #[error("this isn't CEL: {0}")]
    Syntax(String),
    #[error("a filter is at most {MAX_FILTER_BYTES} bytes long")]
    TooLong,
    #[error("filters have no `{0}`")]
    Unsupported(String),
    #[error("a comparison needs a field on one side and a value on the other")]
    NoFieldAndValue,
    #[error("`{0}` isn't a field of the account")]
    NotAField(String),
    #[error("only texts and numbers have an order")]
    NoOrder,
    #[error("numbers are compared to three decimals, up to a million millions")]
    Number,
    #[error("this list is empty: nothing would ever match")]
    EmptyList,
    #[error("this must be a text in quotes")]
    NotAText,
    #[error("`{0}` takes one argument")]
    Arguments(String),
}

impl FilterFault {
    /// How to write it instead.
    pub fn help(&self) -> &'static str {
        match self {
            FilterFault::Syntax(_) => "for example: industry == \"software\" && employees >= 200",
            FilterFault::TooLong => "give the accounts a field that says it, and compare that",
            FilterFault::Unsupported(name) if name == "contains" => {
                "for a list write \"x\" in field; texts know startsWith, endsWith and field in [\"x\", \"y\"]"
            }
            FilterFault::Unsupported(_) => {
                "filters have: && || ! == != < <= > >=, field in [..], \"x\" in field, has(field), \
                 field.startsWith(\"x\"), field.endsWith(\"x\"), true, false"
            }
            FilterFault::NoFieldAndValue => "for example: employees >= 200; fields aren't compared with each other",
            FilterFault::NotAField(_) => "write the field's name, or account. and the field's name",
            FilterFault::NoOrder => "compare yes/no fields as they are: customer, !customer",
            FilterFault::Number => "use another unit in the field, such as millions",
            FilterFault::EmptyList => "write false if that is meant",
            FilterFault::NotAText => "for example: country.startsWith(\"D\")",
            FilterFault::Arguments(_) => "for example: has(industry)",
        }
    }
}

/// A fault and the bytes of the filter's text that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    pub fault: FilterFault,
    pub span: Range<usize>,
}

/// Parses a filter.
pub fn parse(text: &str) -> Result<Filter, FilterError> {
    if text.len() > MAX_FILTER_BYTES {
        return Err(FilterError { fault: FilterFault::TooLong, span: 0..text.len() });
    }
    // The default environment has no macros: `has(x)` and `exists(..)` stay the calls that they are written as.
    match Env::default().parser().parse_with_source_info(text) {
        Ok((tree, source)) => Reader { text, source }.filter(&tree),
        Err(errors) => Err(syntax(text, &errors)),
    }
}

fn syntax(text: &str, errors: &cel::ParseErrors) -> FilterError {
    let Some(first) = errors.errors.first() else {
        return FilterError { fault: FilterFault::Syntax("unknown".into()), span: 0..text.len() };
    };
    let reason = first.msg.strip_prefix("Syntax error: ").unwrap_or(&first.msg);
    FilterError { fault: FilterFault::Syntax(reason.to_owned()), span: word_at(text, first.pos) }
}

/// The word at a line and column of the text, both counted from 1.
fn word_at(text: &str, (line, column): (isize, isize)) -> Range<usize> {
    let line_start: usize = text.split_inclusive('\n').take(line.max(1) as usize - 1).map(str::len).sum();
    let rest = &text[line_start.min(text.len())..];
    let within = rest.char_indices().nth(column.max(1) as usize - 1).map_or(rest.len(), |(index, _)| index);
    let start = line_start + within;
    let length = text[start..].find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len() - start);
    let next_char = text[start..].chars().next().map_or(0, char::len_utf8);
    start..start + length.max(next_char)
}

struct Reader<'a> {
    text: &'a str,
    source: SourceInfo,
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

    fn filter(&self, at: &IdedExpr) -> Read<Filter> {
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

/// The filter as canonical CEL: parsing it gives the same tree.
pub fn text(filter: &Filter) -> String {
    match filter {
        Filter::Always => "true".into(),
        Filter::Never => "false".into(),
        Filter::All(parts) => joined(parts, " && "),
        Filter::Any(parts) => joined(parts, " || "),
        Filter::Not(part) => negated(part),
        Filter::Field { name, compare, value } => format!("{name} {} {}", sign(*compare), literal(value)),
        Filter::OneOf { name, values } => {
            format!("{name} in [{}]", values.iter().map(literal).collect::<Vec<_>>().join(", "))
        }
        Filter::Has(name) => format!("has({name})"),
        Filter::Contains { name, value } => format!("{} in {name}", quoted(value)),
        Filter::StartsWith { name, prefix } => format!("{name}.startsWith({})", quoted(prefix)),
        Filter::EndsWith { name, suffix } => format!("{name}.endsWith({})", quoted(suffix)),
        Filter::IsTrue(name) => name.to_string(),
    }
}

fn joined(parts: &[Filter], operator: &str) -> String {
    let term = |part: &Filter| match part {
        Filter::All(_) | Filter::Any(_) => format!("({})", text(part)),
        _ => text(part),
    };
    parts.iter().map(term).collect::<Vec<_>>().join(operator)
}

fn negated(part: &Filter) -> String {
    match part {
        Filter::Field { name, compare: Compare::Equal, value } => format!("{name} != {}", literal(value)),
        Filter::IsTrue(_) | Filter::Has(_) | Filter::Always | Filter::Never => format!("!{}", text(part)),
        _ => format!("!({})", text(part)),
    }
}

fn sign(compare: Compare) -> &'static str {
    match compare {
        Compare::Equal => "==",
        Compare::Less => "<",
        Compare::LessEqual => "<=",
        Compare::Greater => ">",
        Compare::GreaterEqual => ">=",
    }
}

fn literal(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Number(thousandths) => decimal(*thousandths),
        Value::Text(text) => quoted(text),
        Value::List(items) => format!("[{}]", items.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", ")),
    }
}

fn decimal(thousandths: i64) -> String {
    let sign = if thousandths < 0 { "-" } else { "" };
    let (whole, rest) = (thousandths.unsigned_abs() / 1000, thousandths.unsigned_abs() % 1000);
    if rest == 0 {
        return format!("{sign}{whole}");
    }
    format!("{sign}{whole}.{}", format!("{rest:03}").trim_end_matches('0'))
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
#[path = "filter_tests.rs"]
mod tests;
