//! What is refused in a policy: the message, the word that is underlined, and the help.

use super::*;

/// The lines below which something is underlined, and the underlined words.
fn underlined(report: &str) -> Vec<String> {
    let lines: Vec<&str> = report.lines().collect();
    let words = lines.windows(2).filter_map(|pair| {
        let from = pair[1].char_indices().position(|(_, c)| c == '─')?;
        let length = pair[1].chars().skip(from).take_while(|c| *c == '─').count();
        pair[1].trim_start().starts_with('·').then(|| pair[0].chars().skip(from).take(length).collect())
    });
    words.collect()
}

fn check(text: &str, word: &str, expected: &str) {
    let report = refused(text);
    // A report wraps its lines.
    let flat = report.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
    assert!(flat.contains(expected), "{expected}\nisn't in\n{report}");
    assert!(word.is_empty() || underlined(&report).iter().any(|found| found == word), "{word} in\n{report}");
}

#[test]
fn words_that_are_not_known_have_a_nearest_one() {
    let table = [
        (with("capacity = 50", "capasity = 50"), "capasity", "did you mean `capacity`?"),
        (
            with("version = 1", "version = 1\nscoring.intent.half_life_hours = 72"),
            "half_life_hours",
            "did you mean `half_life`?",
        ),
        (with("[policy]\n", "[polisy]\n[policy]\n"), "polisy", "did you mean `policy`?"),
        (
            with("points = 20", "points = 20, per_day = 2"),
            "per_day",
            "known here: points, full_strength, max_per_day, in_market",
        ),
        (with("role = \"sdr\"", "role = \"sdrs\""), "\"sdrs\"", "did you mean `sdr`?"),
        (
            with("\"meeting_held\"]", "\"meeting_hold\"]"),
            "\"meeting_hold\"",
            "there is no kind of activity `meeting_hold`",
        ),
        (with("\"meeting_held\"]", "\"surge\"]"), "\"surge\"", "there are: email_sent, meeting_held"),
        (with("capacity = 50", "capacity = 50\nsources = [\"crn\"]"), "\"crn\"", "did you mean `crm`?"),
        (
            with("capacity = 50", "capacity = 50\nsegments = [{ name = \"everbody\" }]"),
            "\"everbody\"",
            "did you mean `everybody`?",
        ),
        (
            with("capacity = 50", "capacity = 50\nzone = \"Europe/Berln\""),
            "\"Europe/Berln\"",
            "did you mean `Europe/Berlin`?",
        ),
        (
            with("capacity = 50", "capacity = 50\nreturns.competitor = { handling = \"rset\" }"),
            "\"rset\"",
            "did you mean `rest`?",
        ),
        (
            with("capacity = 50", "capacity = 50\nreturns.competition = { handling = \"rest\" }"),
            "competition",
            "did you mean `competitor`?",
        ),
    ];
    for (text, word, expected) in table {
        check(&text, word, expected);
    }
}

#[test]
fn values_of_another_kind_are_refused_in_plain_words() {
    let table = [
        (with("\"21d\"", "21"), "21", "expected a length of time such as \"21d\""),
        (with("\"21d\"", "\"21 days\""), "\"21 days\"", "a length of time needs a number and a unit"),
        (with("capacity = 50", "capacity = -1"), "-1", "expected a whole number from 0 to 4294967295"),
        (with("capacity = 50", "capacity = 5.5"), "5.5", "expected a whole number"),
        (with("name = \"crm\"", "name = 5"), "5", "expected a text in quotes"),
        (with("points = 20", "points = \"20\""), "\"20\"", "expected a number"),
        (with("capacity = 50\n", ""), "", "the key `capacity` is missing here"),
        (with("version = 1", "version = "), "", "not TOML"),
        (with("capacity = 50", "capacity = 50\ncapacity = 60"), "capacity", "duplicate key"),
        (String::new(), "", "the key `policy` is missing here"),
    ];
    for (text, word, expected) in table {
        check(&text, word, expected);
    }
}

#[test]
fn every_limit_holds() {
    let many = |count: usize, one: &dyn Fn(usize) -> String| (0..count).map(one).collect::<String>();
    let roles = many(9, &|i| format!("[[policy.roles]]\nname = \"r{i}\"\n"));
    let segments = many(64, &|i| format!("[[policy.segments]]\nname = \"s{i}\"\n"));
    let kinds = many(255, &|i| format!("[policy.kinds.inbound.k{i}]\n"));
    let book = |line: &str| with("capacity = 50", &format!("capacity = 50\n{line}"));
    let evidence = |more: &str| with("window = \"21d\"", &format!("window = \"21d\", {more}"));
    let policy = |line: &str| with("version = 1", &format!("version = 1\n{line}"));
    let role = |line: &str| with("name = \"sdr\"\n\n", &format!("name = \"sdr\"\n{line}\n\n"));
    let table = [
        (MINIMAL.to_owned() + &roles, "there are 10 roles, 8 are the most"),
        (MINIMAL.to_owned() + &segments, "there are 65 segments, 64 are the most"),
        (MINIMAL.to_owned() + &segments, "segments of one book, 16 are the most"),
        (MINIMAL.to_owned() + &kinds, "there are 258 kinds, 256 are the most"),
        (policy("fit.otherwise = 1.1"), "the fit otherwise must be from 0 to 1"),
        (policy("scoring.fit_share = nan"), "the share of fit must be from 0 to 1"),
        (policy("scoring.half_timing_points = 0"), "half_timing_points must be from 0.001"),
        (policy("scoring.intent.half_life = \"0s\""), "a half-life must be 1s or longer"),
        (policy("scoring.intent.weight = -1"), "a weight must be from 0"),
        (policy("scoring.intent.cap = inf"), "a cap must be from 0"),
        (policy("scoring.tiers = [25, 50]"), "tiers are three ascending priorities"),
        (policy("scoring.tiers = [25, 50, 100]"), "tiers are three ascending priorities"),
        (policy("windows.late = \"8d\""), "what is sent again would count twice"),
        (policy("windows.history = \"6d\""), "less history is read while the gate is closed"),
        (policy("windows.dedup_max = 0"), "dedup_max must be from 1"),
        (policy("breaker.quiet_acts = 11"), "quiet_acts must be from 1 to 10"),
        (policy("breaker.book_share = 25"), "a share must be from 0 to 1"),
        (with("version = 1", "version = 0"), "the version must be from 1"),
        (with("points = 20", "points = 4096.001"), "points must be from 0 to 4096"),
        (with("points = 20", "points = 0.0001"), "points are counted to 3 decimals"),
        (with("points = 20", "points = 20, max_per_day = 5"), "max_per_day must be from 0 to 4"),
        (with("points = 20", "points = 20, in_market = 21"), "no event of this kind earns so many points"),
        (with("points = 20", "points = 20, full_strength = 0"), "full_strength must be from 0.001"),
        (with("capacity = 50", "capacity = 0"), "a capacity must be from 1"),
        (book("fill_idle = 101"), "fill_idle must be from 0 to 100"),
        (book("cool_off.owners = 5"), "owners must be from 0 to 4"),
        (book("caps.per_rep_day = 0"), "per_rep_day must be from 1"),
        (book("caps.per_book_hour = 2"), "per_book_hour must be from 0 to 1"),
        (book("segments = []"), "at least one segment is needed"),
        (book("segments = [{ name = \"everybody\", cap = 0 }]"), "a cap must be from 1"),
        (book("returns.competitor = { handling = \"rest\" }"), "how long does it rest?"),
        (book("returns.competitor = { handling = \"retire\", rest = \"3d\" }"), "only the handling \"rest\" rests"),
        (book("returns.competitor = { handling = \"retire\", quota_period = \"3d\" }"), "there is no quota"),
        (book("returns.competitor = { handling = \"retire\", quota = 0 }"), "a quota must be from 1"),
        (book("returns.competitor = { handling = \"retire\", min_touches = 13 }"), "min_touches must be from 0 to 12"),
        (evidence("touches = 0"), "touches must be from 1 to 12"),
        (evidence("touches = 13"), "touches must be from 1 to 12"),
        (evidence("days = 9"), "days must be from 0 to 8"),
        (evidence("contacts = 9"), "contacts must be from 0 to 8"),
        (evidence("replies = 5"), "replies must be from 0 to 4"),
        (with("window = \"21d\"", "window = \"2d\", days = 4"), "the window hasn't so many days"),
        (with("window = \"21d\"", "window = \"0s\""), "the evidence's window must be 1s or longer"),
        (with("[\"email_sent\", \"meeting_held\"]", "[]"), "at least one kind of activity is needed"),
        (role("confirm = \"results\"\nmax_unresolved = 0"), "max_unresolved must be from 1"),
        (role("confirm = \"echo\"\nmax_unresolved = 100001"), "max_unresolved must be from 1 to 100000"),
        (role("max_unresolved = 10"), "nothing is unresolved in a role whose commands are assumed"),
        (role("approve_above = 1000001"), "approve_above must be from 0 to 1000000"),
        (role("mode = \"dry\""), "`dry` isn't one of the possible values"),
        (role("confirm = \"never\""), "`never` isn't one of the possible values"),
    ];
    for (text, expected) in table {
        check(&text, "", expected);
    }
}

#[test]
fn names_are_sane_and_there_once() {
    let table = [
        (with("name = \"everybody\"", "name = \"Every body\""), "\"Every body\"", "`Every body` can't be a name"),
        (with("name = \"crm\"", "name = \"\""), "\"\"", "`` can't be a name"),
        (with("surge =", "Surge ="), "Surge", "`Surge` can't be a name"),
        (
            with("[[policy.roles]]", "[[policy.roles]]\nname = \"sdr\"\n[[policy.roles]]"),
            "\"sdr\"",
            "the role `sdr` is there twice",
        ),
        (
            with("[[policy.segments]]", "[[policy.segments]]\nname = \"everybody\"\n[[policy.segments]]"),
            "\"everybody\"",
            "the segment `everybody` is there twice",
        ),
        (
            with("[[policy.sources]]", "[[policy.sources]]\nname = \"crm\"\n[[policy.sources]]"),
            "\"crm\"",
            "the source `crm` is there twice",
        ),
        (with("\"meeting_held\"]", "\"email_sent\"]"), "\"email_sent\"", "the kind `email_sent` is there twice"),
        (
            with("[[policy.roles]]", "[[policy.roles]]\nname = \"ae\"\n[[policy.roles]]"),
            "\"ae\"",
            "this role has no book",
        ),
        (
            with("name = \"sdr\"\n\n", "name = \"sdr\"\nholding_users = [\"\"]\n\n"),
            "\"\"",
            "this text is empty, too long, or unprintable",
        ),
    ];
    for (text, word, expected) in table {
        check(&text, word, expected);
    }
}

#[test]
fn a_filter_is_underlined_inside_its_quotes() {
    let filter = |quoted: &str| with("name = \"everybody\"", &format!("name = \"everybody\"\nfilter = {quoted}"));
    let table = [
        (filter("'employees >= 5 && size(tags) > 2'"), "size", "filters have no `size`"),
        (filter("\"employees >= 5 && size(tags) > 2\""), "size", "filters have no `size`"),
        (filter("'''\n  employees >= 5 &&\n  size(tags) > 2'''"), "size", "filters have no `size`"),
        (filter("'employees >> 5'"), ">", "this isn't CEL"),
        // Escapes move the places: the whole text is underlined.
        (filter("\"industry == \\\"x\\\" && size(tags) > 2\""), "", "filters have no `size`"),
        (with("version = 1", "version = 1\nfit.criteria = [{ filter = 'a +', weight = 1 }]"), "", "this isn't CEL"),
        (
            with("version = 1", "version = 1\nfit.criteria = [{ filter = 'a', weight = 0 }]"),
            "0",
            "all the weights of fit are 0",
        ),
        (
            with("version = 1", "version = 1\nfit = { otherwise = 0.5, criteria = [{ filter = 'a', weight = 1 }] }"),
            "0.5",
            "not both",
        ),
    ];
    for (text, word, expected) in table {
        check(&text, word, expected);
    }
}

#[test]
fn one_run_shows_all_mistakes_in_the_order_of_the_file() {
    let text = with("points = 20", "points = -20, full_strenght = 4")
        .replace("capacity = 50", "capacity = 0\nzone = \"Mars\"");
    let report = refused(&text.replace("\"sdr\"\ncap", "\"bdr\"\ncap"));
    assert!(report.contains("test.toml: 5 mistakes"), "{report}");
    assert_eq!(underlined(&report), ["-20", "full_strenght", "\"bdr\"", "0", "\"Mars\""], "{report}");
    assert!(report.contains("test.toml:6:20"), "the place is there: {report}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let report = load(Path::new("/does/not/exist.toml"), &[]).unwrap_err();
    assert!(report.to_string().contains("/does/not/exist.toml"));
}
