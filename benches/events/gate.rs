//! Instructions an event, held to what they were: CI fails where one stage takes more than a twentieth more.

use std::fs;

use crate::counted;
use crate::findings::Findings;

const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.txt");
const STAGES: [&str; 4] = ["decode", "apply", "outputs", "journal"];
/// Seeds of hashed containers move the counts by less than a hundredth.
const ALLOWED: f64 = 1.05;
/// Below this the kept figure is worth writing anew, so that the gain can't be lost unseen.
const GAINED: f64 = 0.90;

const HEAD: &str =
    "# Instructions an event, by stage, on the small workload; kept by `.ci/instructions`, which fails at 5 % more.
# Written anew with `.ci/instructions --bless`. From the build that CI makes: our code at opt-level 3, without LTO.
";

pub fn hold() {
    let Some(found) = counted::count(&["engine"]) else {
        println!("instructions: no valgrind here: NOT compared with benches/instructions.txt");
        return;
    };
    let text = fs::read_to_string(KEPT).expect("benches/instructions.txt is in the repository");
    let failed = STAGES.iter().filter(|stage| !is_held(&text, &found, stage)).count();
    assert_eq!(
        failed, 0,
        "more instructions than were kept: make it cheaper, or `.ci/instructions --bless` and say why"
    );
}

fn is_held(text: &str, found: &Findings, stage: &str) -> bool {
    let now = instructions(found, stage);
    let kept = text.lines().find_map(|line| line.strip_prefix(stage)).and_then(|rest| rest.trim().parse::<f64>().ok());
    let kept = kept.unwrap_or_else(|| panic!("benches/instructions.txt names no {stage}"));
    let held = now <= kept * ALLOWED;
    let verdict = match () {
        () if !held => "TOO MANY",
        () if now < kept * GAINED => "fewer: `.ci/instructions --bless` keeps the gain",
        () => "held",
    };
    println!("instructions: {stage:<8} {now:>8.0} an event, {kept:.0} kept: {verdict}");
    held
}

pub fn bless() {
    let found = counted::count(&["engine"]).expect("valgrind is needed to count");
    let lines: Vec<String> =
        STAGES.iter().map(|stage| format!("{stage} {:.0}\n", instructions(&found, stage))).collect();
    fs::write(KEPT, format!("{HEAD}{}", lines.concat())).expect("benches/instructions.txt can be written");
    print!("{}", lines.concat());
}

fn instructions(found: &Findings, stage: &str) -> f64 {
    let name = format!("instructions.{stage}");
    found.median(&name).expect("each stage was counted")
}
