//! Our tree as text.

use crate::domain::account::Value;
use crate::domain::filter::{Compare, Filter};

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
