//! Filters: CEL source text to our own tree, and the tree back to text.
//!
//! Only what the tree has is taken; everything else is refused by name, so that nothing ever means less than
//! it says. The text of a tree is canonical: the same filter, however it was written, gives the same text.

mod read;
mod write;

use std::ops::Range;

use cel::Env;

use crate::domain::filter::{DEPTH_MAX, Filter};
use read::Reader;
pub use write::text;

/// Longer filters are a list of accounts in disguise; that belongs into a field of the account.
pub const MAX_FILTER_BYTES: usize = 4096;

/// How the parser says that its own bound, which is above ours, is passed.
const PARSER_TOO_DEEP: &str = "Recursion limit";

/// Why a filter was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterFault {
    #[error("this isn't CEL: {0}")]
    Syntax(String),
    #[error("a filter is at most {MAX_FILTER_BYTES} bytes long")]
    TooLong,
    #[error("a filter is nested at most {DEPTH_MAX} levels deep")]
    TooDeep,
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
            FilterFault::TooLong | FilterFault::TooDeep => "give the accounts a field that says it, and compare that",
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
        Ok((tree, source)) => {
            let filter = Reader { text, source }.filter(&tree)?;
            match filter.depth() > DEPTH_MAX {
                true => Err(FilterError { fault: FilterFault::TooDeep, span: 0..text.len() }),
                false => Ok(filter),
            }
        }
        Err(errors) => Err(syntax(text, &errors)),
    }
}

fn syntax(text: &str, errors: &cel::ParseErrors) -> FilterError {
    let Some(first) = errors.errors.first() else {
        return FilterError { fault: FilterFault::Syntax("unknown".into()), span: 0..text.len() };
    };
    if first.msg.contains(PARSER_TOO_DEEP) {
        return FilterError { fault: FilterFault::TooDeep, span: 0..text.len() };
    }
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

#[cfg(test)]
mod tests;
