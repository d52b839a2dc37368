//! The command line as its users meet it: exit codes, messages, journal, explain, replay.

mod support;

use std::fs::File;
use std::path::Path;
use std::process::{Output, Stdio};

use bookd::domain::{Millis, Topic};
use bookd::wire::instant::Rfc3339;
use support::company;
use support::instance::MONDAY;
use support::process::{Home, append, bookd_program};

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn minutes(minutes: i64) -> Millis {
    Millis(MONDAY.0 + minutes * 60_000)
}

/// Exports of a morning: `mine` is owned and idle, `busy` is owned and worked, `hot` is nobody's.
fn exports(dir: &Path) {
    let line = |topic, text: String| append(dir, topic, &format!("{text}\n"));
    for rep in ["ana", "ben"] {
        line(Topic::Reps, company::rep(rep));
    }
    line(Topic::Accounts, company::owned_account("mine", "ana"));
    line(Topic::Accounts, company::owned_account("busy", "ben"));
    line(Topic::Accounts, company::account("hot"));
    line(Topic::Accounts, company::account("cold"));
    for minute in (0..120).step_by(10) {
        line(Topic::Activity, company::email(&format!("m{minute}"), "ben", "busy", minutes(minute)));
    }
    line(Topic::Intent, company::surge("e1", "hot", minutes(15)));
    line(Topic::Intent, company::surge("e1", "hot", minutes(15)));
    line(Topic::Intent, "nonsense".to_owned());
    // A date that somebody mistyped must not drag the clock to 2090.
    line(Topic::Intent, company::surge("e2", "cold", minutes(64 * 365 * 1440)));
}

fn replayed(home: &Home, out: &str, more: &[&str]) -> Output {
    let dir = home.path().join("exports");
    if !dir.exists() {
        std::fs::create_dir(&dir).unwrap();
        exports(&dir);
    }
    let mut args = vec!["replay", "exports", "--out", out];
    args.extend(more);
    home.bookd(&args)
}

/// Kind, account and instant of every command.
fn moved(home: &Home, out: &str) -> Vec<(String, String, String)> {
    let commands = std::fs::read_to_string(home.path().join(out).join("commands-0.jsonl")).unwrap();
    let commands = commands.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    commands
        .map(|command| (text(&command["type"]), text(&command["account"]["crm_id"]), text(&command["issued_at"])))
        .collect()
}

#[test]
fn a_replay_takes_commands_for_carried_out_whatever_the_policy_waits_for() {
    let assumes = Home::new("");
    let role = "name = \"sdr\"\n\n[[policy.segments]]";
    let confirming = role.replacen('\n', "\nconfirm = \"results\"\nmax_unresolved = 1\n", 1);
    assert!(company::POLICY.contains(role));
    let confirms = Home::with_policy(&company::POLICY.replace(role, &confirming), "");
    for home in [&assumes, &confirms] {
        let done = replayed(home, "out", &[]);
        assert!(done.status.success(), "{}", stderr(&done));
    }
    assert_eq!(moved(&assumes, "out"), moved(&confirms, "out"));
    assert!(moved(&confirms, "out").len() > 1);
}

#[test]
fn a_replay_decides_in_the_order_of_events_and_two_give_the_same_bytes() {
    let home = Home::new("");
    let first = replayed(&home, "one", &[]);
    assert!(first.status.success(), "{}", stderr(&first));
    assert!(replayed(&home, "two", &[]).status.success());
    for file in ["commands-0.jsonl", "alerts-0.jsonl", "account-state-0.jsonl", "dead-letters-0.jsonl"] {
        let bytes = |out: &str| std::fs::read(home.path().join(out).join(file)).unwrap();
        assert_eq!(bytes("one"), bytes("two"), "{file}");
    }
    // The entries too; their frames in the file bear the time of day at which they were written.
    let journal = |out: &str| stdout(&home.bookd(&["journal", "--log", out]));
    assert_eq!(journal("one"), journal("two"));
    let moved = moved(&home, "one");
    let hot = ("distribution".to_owned(), "hot".to_owned(), Rfc3339(minutes(15)).to_string());
    assert!(moved.contains(&hot), "{moved:?}");
    let lost: Vec<_> = moved.iter().filter(|(kind, account, _)| kind == "retrieval" && account == "mine").collect();
    // Owned and idle from the opening: 30 minutes of grace, with the warning 5 minutes before; the frontier is
    // the tick's end.
    assert_eq!(lost.len(), 1, "{moved:?}");
    assert_eq!(lost[0].2, Rfc3339(minutes(30)).to_string());
    assert!(!moved.iter().any(|(kind, account, _)| kind == "retrieval" && account == "busy"), "{moved:?}");
    let told = stdout(&first);
    for figure in
        ["22 records, 1 of them duplicates", "dead letter: intent malformed", "dead letter: intent too_far_ahead"]
    {
        assert!(told.contains(figure), "{figure} in\n{told}");
    }
    let letters = std::fs::read_to_string(home.path().join("one/dead-letters-0.jsonl")).unwrap();
    let late: serde_json::Value = serde_json::from_str(letters.lines().next().unwrap()).unwrap();
    let original = company::surge("e2", "cold", minutes(64 * 365 * 1440));
    assert_eq!(late["value"], original, "the engine's dead letters bear the original bytes too: {letters}");
    let again = replayed(&home, "one", &[]);
    assert_eq!(again.status.code(), Some(1));
    assert!(stderr(&again).contains("already holds a journal"), "{}", stderr(&again));
}

#[test]
fn a_replay_opens_when_it_is_told_and_runs_on_until_its_sources_are_complete() {
    let home = Home::new("");
    let open_at = Rfc3339(minutes(60)).to_string();
    let complete = Rfc3339(minutes(240)).to_string();
    let done = replayed(&home, "out", &["--open-at", &open_at, "--complete-until", &complete, "--tick", "5m"]);
    assert!(done.status.success(), "{}", stderr(&done));
    let commands = std::fs::read_to_string(home.path().join("out/commands-0.jsonl")).unwrap();
    let commands: Vec<serde_json::Value> = commands.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(commands.iter().all(|command| command["issued_at"].as_str().unwrap() >= open_at.as_str()), "{commands:?}");
    let lost =
        |account: &str| commands.iter().any(|each| each["type"] == "retrieval" && each["account"]["crm_id"] == account);
    // Its last mail was at minute 110: lost half an hour later, which only `--complete-until` lets anybody know.
    assert!(lost("busy") && lost("mine"), "{commands:?}");
    let verified = home.bookd(&["journal", "--verify", "--log", "out"]);
    assert!(verified.status.success(), "{}", stderr(&verified));
    assert!(stdout(&verified).contains("the chain is whole"));
}

#[test]
fn a_breaker_that_trips_is_told_and_with_proceed_it_goes_on_in_the_same_tick() {
    let policy =
        company::POLICY.replace("rest = \"10m\"", "rest = \"10m\"\ncaps = { per_rep_day = 99, per_book_hour = 1.0 }");
    let home = Home::with_policy(&policy, "");
    let dir = home.path().join("exports");
    std::fs::create_dir(&dir).unwrap();
    exports(&dir);
    for number in 0..8 {
        append(&dir, Topic::Accounts, &format!("{}\n", company::owned_account(&format!("idle{number}"), "ana")));
    }
    let lost = |out: &str, more: &[&str]| {
        let done = replayed(&home, out, more);
        assert!(done.status.success(), "{}", stderr(&done));
        let commands = std::fs::read_to_string(home.path().join(out).join("commands-0.jsonl")).unwrap();
        let lost =
            commands.lines().filter(|line| line.contains("retrieval") && line.contains("\"crm_id\":\"idle")).count();
        (lost, stdout(&done))
    };
    let (stopped, told) = lost("stopped", &[]);
    assert_eq!(stopped, 0, "{told}");
    assert!(told.contains("2026-03-02T09:30:00Z") && told.contains("until somebody says proceed"), "{told}");
    let (gone, told) = lost("gone", &["--proceed"]);
    assert_eq!(gone, 8, "{told}");
    assert!(told.contains("breaker_reset"), "{told}");
}

#[test]
fn explain_tells_why_and_why_not() {
    let home = Home::new("");
    assert!(replayed(&home, "out", &[]).status.success());
    let told = stdout(&home.bookd(&["explain", "hot", "--log", "out", "--rep", "ana"]));
    for part in ["hot (sdr): pool → ", "intent surge", "chosen", "in the pool since", "why not ana (sdr)?"] {
        assert!(told.contains(part), "{part} in\n{told}");
    }
    let told = stdout(&home.bookd(&["explain", "mine", "--log", "out"]));
    assert!(told.contains("mine goes cold") && told.contains("not worked") | told.contains("never worked"), "{told}");
    let told = stdout(&home.bookd(&["explain", "cold", "--log", "out", "--rep", "ana"]));
    assert!(told.contains("priority 25.0 is below the 30.0 that everybody asks for"), "{told}");
    let told = stdout(&home.bookd(&["explain", "busy", "--log", "out"]));
    assert!(told.contains("owned by ben since") && told.contains(", kept as worked until"), "{told}");
    let command = std::fs::read_to_string(home.path().join("out/commands-0.jsonl")).unwrap();
    let command: serde_json::Value = serde_json::from_str(command.lines().next().unwrap()).unwrap();
    let told = stdout(&home.bookd(&["explain", command["command_id"].as_str().unwrap(), "--log", "out"]));
    assert!(told.contains(command["account"]["crm_id"].as_str().unwrap()), "{told}");
    let mistyped = home.bookd(&["explain", "hot", "--log", "out", "--role", "sdrr"]);
    assert_eq!(mistyped.status.code(), Some(1));
    assert!(stderr(&mistyped).contains("there is no role sdrr: the roles are sdr"), "{}", stderr(&mistyped));
    let unknown = home.bookd(&["explain", "nobody", "--log", "out"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(stderr(&unknown).contains("neither an account nor a command"), "{}", stderr(&unknown));
}

#[test]
fn the_journal_is_told_as_lines_and_a_flipped_bit_is_named() {
    let home = Home::new("");
    assert!(replayed(&home, "out", &[]).status.success());
    let told = stdout(&home.bookd(&["journal", "--log", "out", "--from", "2", "--limit", "3"]));
    let sequences: Vec<u64> = told
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["sequence"].as_u64().unwrap())
        .collect();
    assert_eq!(sequences, [2, 3, 4]);
    let journal = home.path().join("out/journal-0.log");
    let mut bytes = std::fs::read(&journal).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(&journal, bytes).unwrap();
    let refused = home.bookd(&["journal", "--verify", "--log", "out"]);
    assert_eq!(refused.status.code(), Some(4), "{}{}", stdout(&refused), stderr(&refused));
}

#[test]
fn exit_codes_say_what_sort_of_failure_it_was() {
    let home = Home::new("[http]\nlisten = \"off\"\n");
    home.append(Topic::Reps, &format!("{}\n", company::rep("ana")));
    home.append(Topic::Accounts, &format!("{}\n", company::account("a")));
    let mut first = home.start();
    first.wait(|| home.journal().len() > 3);
    let second = home.bookd(&["run"]);
    assert_eq!(second.status.code(), Some(3), "{}", stderr(&second));
    first.stop();
    let text = std::fs::read_to_string(home.config()).unwrap();
    std::fs::write(home.config(), text.replace("capacity = 4", "capacity = 5")).unwrap();
    let reused = home.bookd(&["run"]);
    assert_eq!(reused.status.code(), Some(2), "{}", stderr(&reused));
    assert!(stderr(&reused).contains("give the changed policy a higher version"), "{}", stderr(&reused));
    std::fs::write(home.config(), text.replace("capacity = 4", "capacitty = 4")).unwrap();
    let mistyped = home.bookd(&["run"]);
    assert_eq!(mistyped.status.code(), Some(2));
    assert!(stderr(&mistyped).contains("capacitty"), "{}", stderr(&mistyped));
    assert_eq!(home.bookd(&["fly"]).status.code(), Some(2));
    std::fs::write(home.config(), &text).unwrap();
    home.start().kill();
}

#[test]
fn output_that_nobody_reads_ends_quietly_and_a_full_disk_is_told_in_one_line() {
    let home = Home::new("");
    let check = |stdout: Stdio| {
        let mut command = bookd_program();
        command.arg("check").env("BOOKD_CONFIG", home.config()).stdout(stdout).stderr(Stdio::piped());
        command.output().unwrap()
    };
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let unread = check(writer.into());
    assert!(unread.status.success() && !stderr(&unread).contains("panicked"), "{}", stderr(&unread));
    let full = check(File::options().write(true).open("/dev/full").unwrap().into());
    assert_eq!(full.status.code(), Some(1));
    assert!(stderr(&full).starts_with("bookd: standard output: No space left"), "{}", stderr(&full));
}

#[test]
fn places_that_are_not_there_are_named_and_nothing_is_made_of_them() {
    let home = Home::new("");
    for args in [
        &["journal", "--log", "nowhere"][..],
        &["journal", "--verify", "--log", "nowhere"],
        &["explain", "hot", "--log", "nowhere"],
    ] {
        let refused = home.bookd(args);
        assert_eq!(refused.status.code(), Some(1), "{args:?}");
        assert!(stderr(&refused).contains("no journal in nowhere"), "{args:?} {}", stderr(&refused));
    }
    let mistyped = home.bookd(&["replay", "nowhere"]);
    assert_eq!(mistyped.status.code(), Some(1));
    assert!(stderr(&mistyped).contains("nowhere doesn't exist"), "{}", stderr(&mistyped));
    assert!(!home.path().join("nowhere").exists());
    std::fs::create_dir(home.path().join("empty")).unwrap();
    let empty = home.bookd(&["replay", "empty"]);
    assert!(stderr(&empty).contains("there is nothing to replay in empty"), "{}", stderr(&empty));
    assert!(!home.path().join("empty/out").exists());
    let mut command = bookd_program();
    let elsewhere = home.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let missing = command.arg("check").env_remove("BOOKD_CONFIG").current_dir(&elsewhere).output().unwrap();
    assert_eq!(missing.status.code(), Some(2));
    assert!(stderr(&missing).contains("copy config/default.toml"), "{}", stderr(&missing));
}

#[test]
fn a_run_makes_its_directory_and_an_input_that_was_removed_is_refused_like_a_cut_one() {
    let home = Home::new("[http]\nlisten = \"off\"\n");
    std::fs::remove_dir(home.log_dir()).unwrap();
    let mut first = home.start();
    first.wait(|| home.log_dir().join("journal-0.log").exists());
    first.stop();
    home.append(Topic::Reps, &format!("{}\n{}\n", company::rep("ana"), "nonsense"));
    let mut second = home.start();
    second.wait(|| home.entries().iter().any(|entry| entry.spans.iter().any(|span| span.topic == Topic::Reps)));
    second.wait(|| {
        let told = std::fs::read_to_string(home.path().join("stderr")).unwrap();
        told.contains("records were turned away") && told.contains("malformed")
    });
    second.stop();
    std::fs::remove_file(home.log_dir().join("reps-0.jsonl")).unwrap();
    let removed = home.bookd(&["run"]);
    assert_eq!(removed.status.code(), Some(4), "{}", stderr(&removed));
    assert!(stderr(&removed).contains("bookd recover --rebase"), "{}", stderr(&removed));
}

#[test]
fn adopt_says_what_the_books_would_mean() {
    let home = Home::new("");
    let dir = home.path().join("exports");
    std::fs::create_dir(&dir).unwrap();
    exports(&dir);
    let at = Rfc3339(minutes(120)).to_string();
    let adopt = |more: &[&str]| home.bookd(&[&["adopt", "exports", "--at", &at], more].concat());

    let told = stdout(&adopt(&[]));
    for part in
        ["2 accounts in 2 books, 2 in the pool", "their owners keep 1 (1 as worked)", "going live then:", "1 of intent"]
    {
        assert!(told.contains(part), "{part} in\n{told}");
    }
    let told = stdout(&adopt(&["--rep", "ana"]));
    assert!(told.contains("ana: 1 of 4, book sdr of role sdr\n  mine ") && told.contains("lost Monday"), "{told}");
    let json: serde_json::Value = serde_json::from_str(&stdout(&adopt(&["--json"]))).unwrap();
    let book = &json["roles"][0]["books"][1];
    assert_eq!((&book["rep"], &book["accounts"][0]["verdict"]), (&"ben".into(), &"keeps".into()));

    let unknown = adopt(&["--rep", "zoe"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(stderr(&unknown).contains("no book of zoe; there are those of ana, ben"), "{}", stderr(&unknown));
    let early = home.bookd(&["adopt", "exports", "--at", "2020-01-01T00:00:00Z"]);
    assert!(stderr(&early).contains("before the first event"), "{}", stderr(&early));
    let nowhere = home.bookd(&["adopt", "nowhere"]);
    assert!(stderr(&nowhere).contains("there is nothing to adopt"), "{}", stderr(&nowhere));
}

#[test]
fn the_last_line_of_an_export_counts_without_its_newline() {
    let home = Home::new("");
    let dir = home.path().join("exports");
    std::fs::create_dir(&dir).unwrap();
    exports(&dir);
    append(&dir, Topic::Accounts, &company::account("last"));
    let done = replayed(&home, "out", &[]);
    assert!(stdout(&done).contains("23 records"), "{}{}", stdout(&done), stderr(&done));
    let told = stdout(&home.bookd(&["explain", "last", "--log", "out"]));
    assert!(told.contains("last as of"), "{told}");
}

#[test]
fn a_demo_leaves_another_that_runs_alone() {
    let home = Home::new("");
    let dir = home.path().join("demo");
    std::fs::create_dir(&dir).unwrap();
    std::fs::write(dir.join("demo.toml"), "of the other").unwrap();
    let other = File::open(&dir).unwrap();
    other.lock().unwrap();
    let refused = home.bookd(&["demo", "--fast", "--dir", "demo"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("another demo runs in demo; name another --dir"), "{}", stderr(&refused));
    assert_eq!(std::fs::read_to_string(dir.join("demo.toml")).unwrap(), "of the other");
}
