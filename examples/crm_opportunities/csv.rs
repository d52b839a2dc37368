//! Just as much CSV as the data set needs: a header, commas, no quotes. What isn't so is an error, not a guess.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail, ensure};

pub struct Table {
    pub rows: Vec<Row>,
}

pub struct Row {
    /// The row's number in its file, from 1 behind the header.
    pub number: u64,
    cells: BTreeMap<String, String>,
}

impl Row {
    /// A column that `read` was asked for; without white space around it.
    pub fn get(&self, column: &str) -> &str {
        self.cells.get(column).map_or("", String::as_str)
    }
}

/// Reads a file that has at least these columns, in any order.
pub fn read(path: &Path, columns: &[&str]) -> anyhow::Result<Table> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} can't be read", path.display()))?;
    parse(&text, columns).with_context(|| path.display().to_string())
}

fn parse(text: &str, columns: &[&str]) -> anyhow::Result<Table> {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().context("there is no header")?.split(',').map(str::trim).collect();
    for column in columns {
        ensure!(header.contains(column), "there is no column {column}");
    }
    let mut rows = Vec::new();
    for (number, line) in (1..).zip(lines) {
        if line.contains('"') {
            bail!("row {number} has quotes, which this reader doesn't know");
        }
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        ensure!(cells.len() == header.len(), "row {number} has {} cells, not {}", cells.len(), header.len());
        let cells = header.iter().zip(cells).map(|(name, cell)| ((*name).to_owned(), cell.to_owned())).collect();
        rows.push(Row { number, cells });
    }
    Ok(Table { rows })
}
