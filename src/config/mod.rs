//! Configuration: a raw mirror of the file (unknown keys fail), then validated types whose names carry units.
//!
//! Three parts in one TOML file: `[policy]` (the rules of engagement; becomes state through the journal),
//! `[feeds]` (the edge), and the rest, settings local to this process. `config/default.toml` has every key.

mod compile;
pub mod filter;
mod local;
pub mod mistake;
pub mod period;
mod raw;
pub mod settings;
mod source;
pub mod warning;
pub mod writer;
mod zone;

use std::path::Path;

use serde::de::DeserializeOwned;
use toml::de::DeTable;

use crate::domain::Policy;
use crate::domain::feeds::Feeds;
use compile::check::Check;
use mistake::{Fault, Mistake, Mistakes};
use raw::{RawConfig, Spanned};
pub use settings::{LogSettings, Settings};
use source::Source;
pub use source::environment;
use warning::Warning;

/// Unknown keys that one run shows; a file with more is another program's.
const MAX_UNKNOWN_KEYS: usize = 16;
/// Read where none is named.
pub const DEFAULT_FILE: &str = "bookd.toml";

#[derive(Clone, Debug)]
pub struct Config {
    pub policy: Policy,
    pub feeds: Feeds,
    pub settings: Settings,
    /// What the file may say but hardly means; for `check` and for the log at the start.
    pub warnings: Vec<Warning>,
}

/// Reads a file, lays the environment's `BOOKD__A__B=value` over it, validates and compiles it.
///
/// The report names file, line, the word, and the nearest right one.
pub fn load(path: &Path, environment: &[(String, String)]) -> Result<Config, miette::Report> {
    let text = std::fs::read_to_string(path).map_err(|error| unread(path, &error))?;
    parse(&path.display().to_string(), &text, environment)
}

fn unread(path: &Path, error: &std::io::Error) -> miette::Report {
    let message = format!("the configuration {} can't be read: {error}", path.display());
    if error.kind() != std::io::ErrorKind::NotFound || path != Path::new(DEFAULT_FILE) {
        return miette::miette!("{message}");
    }
    miette::miette!(help = "copy config/default.toml to bookd.toml, or name one with --config", "{message}")
}

/// The same from text, for tests, scenarios and the built-in demo; `name` stands for the file.
pub fn parse(name: &str, text: &str, environment: &[(String, String)]) -> Result<Config, miette::Report> {
    read(name, text, environment, |raw: &RawConfig, check| Config {
        policy: compile::policy(&raw.policy, check),
        feeds: local::feeds(raw, check),
        settings: local::settings(raw, check),
        warnings: std::mem::take(&mut check.warnings),
    })
}

/// Reads a file's text into its mirror `R` and validates that; the report has every mistake of both.
fn read<R: DeserializeOwned, T>(
    name: &str,
    text: &str,
    environment: &[(String, String)],
    compile: impl FnOnce(&R, &mut Check) -> T,
) -> Result<T, miette::Report> {
    let source = Source::new(text, environment);
    let (table, mut mistakes) = source.table();
    let shown = source.blotted(table.get_ref());
    let refuse = |mistakes| Err(Mistakes::new(name, &shown, mistakes).into());
    if !mistakes.is_empty() {
        // A half-read file would only lead to mistakes that aren't there.
        return refuse(mistakes);
    }
    let raw = mirror(table, &mut mistakes);
    let mut check = Check { text: shown.clone(), mistakes, warnings: Vec::new() };
    let Some(raw) = raw else {
        return refuse(check.mistakes);
    };
    let compiled = compile(&raw, &mut check);
    if check.mistakes.is_empty() { Ok(compiled) } else { refuse(check.mistakes) }
}

/// Reads the table into the mirror. Unknown keys are taken out and noted; anything else ends the reading.
fn mirror<R: DeserializeOwned>(mut table: Spanned<DeTable<'_>>, mistakes: &mut Vec<Mistake>) -> Option<R> {
    loop {
        let error = match R::deserialize(toml::de::Deserializer::from(table.clone())) {
            Ok(raw) => return Some(raw),
            Err(error) => error,
        };
        let place = error.span().unwrap_or(0..0);
        let fault = mistake::from_serde(error.message());
        let unknown_key = matches!(fault, Fault::UnknownKey { .. });
        mistakes.push(Mistake::new(place.clone(), fault));
        let again = unknown_key && mistakes.len() < MAX_UNKNOWN_KEYS;
        if !again || source::remove_at(table.get_mut(), &place).is_none() {
            return None;
        }
    }
}

#[cfg(test)]
mod tests;
