//! What was found, as named lists of numbers: printed by one process, read by another.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use crate::measure::median;

#[derive(Clone, Debug, Default)]
pub struct Findings(BTreeMap<String, Vec<f64>>);

impl Findings {
    pub fn add(&mut self, name: impl Into<String>, value: f64) {
        self.0.entry(name.into()).or_default().push(value);
    }

    pub fn set(&mut self, name: impl Into<String>, values: impl IntoIterator<Item = f64>) {
        self.0.insert(name.into(), values.into_iter().collect());
    }

    pub fn all(&self, name: &str) -> &[f64] {
        self.0.get(name).map_or(&[], |values| values)
    }

    /// `None` where nothing of that name was measured.
    pub fn median(&self, name: &str) -> Option<f64> {
        self.0.get(name).map(|values| median(values))
    }

    pub fn max(&self, name: &str) -> Option<f64> {
        self.all(name).iter().copied().reduce(f64::max)
    }

    /// The median of what one took over what the other took in the same rounds; of different rounds, the medians'.
    pub fn ratio(&self, of: &str, to: &str) -> Option<f64> {
        let (of, to) = (self.0.get(of)?, self.0.get(to)?);
        if of.len() != to.len() {
            return Some(median(of) / median(to));
        }
        let each: Vec<f64> = of.iter().zip(to).map(|(of, to)| of / to).collect();
        Some(median(&each))
    }

    pub fn merge(&mut self, other: Findings) {
        self.0.extend(other.0);
    }

    pub fn print(&self) {
        for (name, values) in &self.0 {
            let values: Vec<String> = values.iter().map(f64::to_string).collect();
            println!("{name} {}", values.join(" "));
        }
    }

    fn read(&mut self, text: &str) {
        for line in text.lines() {
            let mut words = line.split_whitespace();
            let Some(name) = words.next() else { continue };
            let values = words.map(|word| word.parse::<f64>().expect("a number, as `print` wrote it"));
            self.0.entry(name.to_owned()).or_default().extend(values);
        }
    }

    /// What this program finds when it is run with these words: in a process of its own, so that nobody's memory
    /// is another's.
    pub fn gather(&mut self, words: &[&str], environment: &[(&str, &str)]) {
        let program = std::env::current_exe().expect("this program has a path");
        let run = Command::new(program).args(words).envs(environment.iter().copied()).stderr(Stdio::inherit()).output();
        let run = run.expect("this program can be run again");
        assert!(run.status.success(), "{words:?} failed: {}", run.status);
        self.read(&String::from_utf8_lossy(&run.stdout));
    }
}
