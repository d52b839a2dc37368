//! The CRM's books judged before going live: exports written to files, and read as `bookd adopt` reads them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::time::Instant;

use bookd::domain::{Record, Topic};
use bookd::feed::Decoder;
use bookd::run::adopt;
use bookd::run::replay::Export;

use crate::Findings;
use crate::measure::resident;
use crate::workload::{Shape, Workload, policy};

/// Events beside the accounts: so many for each.
const EVENTS_EACH: usize = 2;
const CHUNK: usize = 20_000;

pub fn measure(shape: Shape) -> Findings {
    let dir = tempfile::tempdir().expect("a directory");
    let mut workload = Workload::new(shape);
    let mut files = Files { dir: dir.path().to_owned(), open: BTreeMap::new() };
    workload.reps(policy::ROLES[0]).iter().for_each(|record| files.add(record));
    (0..shape.accounts).for_each(|number| files.add(&workload.account(number)));
    for _ in (0..shape.accounts as usize * EVENTS_EACH).step_by(CHUNK) {
        workload.events(CHUNK).iter().for_each(|record| files.add(record));
    }
    drop(files);

    let config = policy::config(&shape, 1);
    let decoder = Decoder::new(config.feeds);
    let (before, start) = (resident(), Instant::now());
    let export = Export::read(dir.path(), &decoder, None).expect("an export");
    let (since, at) = (export.start, export.end);
    let report = adopt::study(export, &config.policy, &decoder, since, at).expect("a report");
    let owned: usize = report.roles[0].books.iter().map(|book| book.accounts.len()).sum();
    assert!(owned > 0, "nobody owns anything");
    Findings::from([
        ("seconds".to_owned(), start.elapsed().as_secs_f64()),
        ("bytes".to_owned(), resident().saturating_sub(before) as f64),
        ("accounts".to_owned(), f64::from(shape.accounts)),
    ])
}

struct Files {
    dir: std::path::PathBuf,
    open: BTreeMap<Topic, BufWriter<File>>,
}

impl Files {
    fn add(&mut self, record: &Record) {
        let path = self.dir.join(format!("{}-0.jsonl", record.topic.name()));
        let create = || BufWriter::new(File::create(path).expect("a file"));
        let file = self.open.entry(record.topic).or_insert_with(create);
        file.write_all(record.value.as_deref().expect("no tombstones")).expect("room");
        file.write_all(b"\n").expect("room");
    }
}
