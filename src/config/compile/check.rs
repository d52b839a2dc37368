//! The measures that every value is held against; what fails is collected, and reading goes on.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::config::filter;
use crate::config::mistake::{Fault, Mistake};
use crate::config::period::Period;
use crate::config::raw::Spanned;
use crate::config::warning::Warning;
use crate::domain::Text;
use crate::domain::filter::Filter;

/// Shares and percentages are compiled to millionths of their one.
const MILLION: f64 = 1e6;

/// Names are labels of metrics and keys of records.
const MAX_NAME_BYTES: usize = 64;

/// Ids of CRM users, field names: not ours, but not endless either.
const MAX_FOREIGN_TEXT_BYTES: usize = 128;

/// What has been found so far.
#[derive(Debug, Default)]
pub struct Check {
    /// The text that places point into.
    pub text: String,
    pub mistakes: Vec<Mistake>,
    pub warnings: Vec<Warning>,
}

impl Check {
    pub fn fail(&mut self, place: Range<usize>, fault: Fault) {
        self.mistakes.push(Mistake::new(place, fault));
    }

    pub fn rule(&mut self, place: Range<usize>, rule: &'static str, help: &'static str) {
        self.fail(place, Fault::Rule { rule, help });
    }

    pub fn warn(&mut self, warning: Warning) {
        self.warnings.push(warning);
    }

    /// The number, or the nearest that is allowed.
    pub fn number(&mut self, value: &Spanned<f64>, what: &'static str, least: f64, most: f64) -> f64 {
        let number = *value.get_ref();
        // Written so that NaN fails, too.
        if number >= least && number <= most {
            return number;
        }
        self.fail(value.span(), Fault::Range { what, least, most });
        least
    }

    pub fn count<T: Copy + Into<u64>>(&mut self, value: &Spanned<T>, what: &'static str, least: u64, most: u64) -> T {
        let number = (*value.get_ref()).into();
        if number < least || number > most {
            self.fail(value.span(), Fault::Range { what, least: least as f64, most: most as f64 });
        }
        *value.get_ref()
    }

    /// 0 to 1, in millionths.
    pub fn share(&mut self, value: &Spanned<f64>, what: &'static str) -> u32 {
        (self.number(value, what, 0.0, 1.0) * MILLION).round() as u32
    }

    /// 0 to 100, in millionths of a point.
    pub fn priority(&mut self, value: &Spanned<f64>, what: &'static str) -> u32 {
        (self.number(value, what, 0.0, 100.0) * MILLION).round() as u32
    }

    /// Thousandths, of which no part may get lost.
    pub fn thousandths(&mut self, value: &Spanned<f64>, what: &'static str, most: f64) -> u32 {
        let thousandths = self.number(value, what, 0.0, most) * 1000.0;
        if (thousandths - thousandths.round()).abs() > 1e-6 {
            self.fail(value.span(), Fault::Decimals { what, decimals: 3 });
        }
        thousandths.round() as u32
    }

    /// Seconds; at least `least_s` of them.
    pub fn period(&mut self, value: &Spanned<Period>, what: &'static str, least_s: u32) -> u32 {
        if value.get_ref().0 < least_s {
            self.fail(value.span(), Fault::Short { what, least: Period(least_s) });
        }
        value.get_ref().0
    }

    pub fn name(&mut self, value: &Spanned<String>) -> Text {
        let name = value.get_ref();
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
        let begins_well = name.starts_with(|c: char| c.is_ascii_lowercase());
        if !begins_well || !name.chars().all(allowed) || name.len() > MAX_NAME_BYTES {
            self.fail(value.span(), Fault::Name(name.clone()));
        }
        name.as_str().into()
    }

    /// A text that is somebody else's, such as a CRM user's id or a field's name.
    pub fn foreign(&mut self, value: &Spanned<String>) -> Text {
        let text = value.get_ref();
        if text.is_empty() || text.len() > MAX_FOREIGN_TEXT_BYTES || text.chars().any(char::is_control) {
            self.rule(value.span(), "this text is empty, too long, or unprintable", "from 1 to 128 bytes");
        }
        text.as_str().into()
    }

    pub fn filter(&mut self, value: &Spanned<String>) -> Filter {
        match filter::parse(value.get_ref()) {
            Ok(filter) => filter,
            Err(error) => {
                let place = self.within(value, error.span);
                self.fail(place, error.fault.into());
                Filter::Never
            }
        }
    }

    /// Where a part of a text stands in the file; the whole text where escapes make that hard to say.
    fn within(&self, value: &Spanned<String>, part: Range<usize>) -> Range<usize> {
        let written = &self.text[value.span()];
        match written.find(value.get_ref().as_str()) {
            Some(quotes) if !part.is_empty() => {
                let start = value.span().start + quotes;
                start + part.start..start + part.end
            }
            _ => value.span(),
        }
    }

    /// Nothing may be there twice.
    pub fn unique<'a>(&mut self, what: &'static str, names: impl Iterator<Item = &'a Spanned<String>>) {
        let mut seen = BTreeSet::new();
        for name in names {
            if !seen.insert(name.get_ref().as_str()) {
                self.fail(name.span(), Fault::Twice { what, name: name.get_ref().clone() });
            }
        }
    }

    pub fn at_most(&mut self, place: Range<usize>, what: &'static str, found: usize, most: usize) {
        if found > most {
            self.fail(place, Fault::TooMany { what, found, most });
        }
    }

    /// The index of a name among those that there are; 0 where there is none, with a mistake.
    pub fn index<'a>(
        &mut self,
        value: &Spanned<String>,
        what: &'static str,
        known: impl Iterator<Item = &'a str> + Clone,
    ) -> usize {
        let name = value.get_ref();
        known.clone().position(|each| each == name).unwrap_or_else(|| {
            let known = known.map(str::to_owned).collect();
            self.fail(value.span(), Fault::Unknown { what, name: name.clone(), known });
            0
        })
    }
}
