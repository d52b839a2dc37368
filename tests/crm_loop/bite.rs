//! What the oracle would say if it were otherwise: the same end with one lie in it.

use bookd::domain::output::SeatStatus;
use serde_json::{Value, json};

use crate::end::{End, text};
use crate::judge::{complaints, instant};
use crate::stage::stamp;

/// Changes one thing.
type Lie = fn(&mut End);

/// What the oracle has to say of each.
const LIES: [(&str, Lie); 14] = [
    ("done twice: ", do_twice),
    ("out of order: ", turn_round),
    ("behind its end: ", do_late),
    ("expected owner: \"somebody\" and not ", do_against_a_person),
    ("no command was committed for ", do_unasked),
    ("answered twice: ", answer_twice),
    ("never answered: ", forget_an_answer),
    ("never done, and answered ", do_nothing),
    ("never done, and answered ", do_behind_the_answer),
    ("done, and answered ", deny),
    ("bookd doesn't know somewhere", found_an_account),
    ("is deleted in the CRM alone", delete_an_account),
    ("bookd takes for the CRM's owner ", change_an_owner),
    ("entered because: \"whim\" and not ", change_a_stamp),
];

/// Tells one lie after the other, each on top of the truth.
pub fn each_lie_is_found(mut end: End) {
    let truth = (end.history.clone(), end.results.clone(), end.accounts.clone());
    for (complaint, lie) in LIES {
        lie(&mut end);
        let (_, wrong) = complaints(&end);
        let found = wrong.iter().any(|wrong| wrong.contains(complaint));
        assert!(found, "nobody noticed `{complaint}`, but:\n{}", wrong.join("\n"));
        (end.history, end.results, end.accounts) = truth.clone();
    }
}

/// Where a move by the writer stands in the history.
fn moves(end: &End) -> Vec<usize> {
    let is_move = |row: &Value| row["integration"] == true && row["from"] != row["to"];
    (0..end.history.len()).filter(|at| is_move(&end.history[*at])).collect()
}

fn first_move(end: &mut End) -> &mut Value {
    let at = moves(end)[0];
    &mut end.history[at]
}

fn do_twice(end: &mut End) {
    let row = first_move(end).clone();
    end.history.push(row);
}

/// Two moves of one seat change places.
fn turn_round(end: &mut End) {
    let moves = moves(end);
    let seat = |at: usize| (&end.history[at]["account"], &end.history[at]["role"]);
    let pairs = moves.iter().flat_map(|one| moves.iter().map(move |other| (*one, *other)));
    let pair = pairs.into_iter().find(|(one, other)| one < other && seat(*one) == seat(*other));
    let (one, other) = pair.expect("some seat was moved twice");
    end.history.swap(one, other);
}

fn do_late(end: &mut End) {
    let row = first_move(end);
    row["at"] = json!(row["at"].as_i64().unwrap() + 3_600_000);
}

fn do_against_a_person(end: &mut End) {
    first_move(end)["from"] = json!("somebody");
}

fn do_unasked(end: &mut End) {
    first_move(end)["command"] = json!("0");
}

fn forget_an_answer(end: &mut End) {
    end.results.pop();
}

fn answer_twice(end: &mut End) {
    let again = end.results[0].clone();
    end.results.push(again);
}

/// A move that brought an account to a rep and was answered as applied: where it stands, and where its answer.
fn applied_move(end: &End) -> (usize, usize) {
    let answer = |row: &Value| {
        let of_it = |result: &Value| result["command_id"] == row["command"] && result["status"] == "applied";
        end.results.iter().position(of_it)
    };
    let to_a_rep = moves(end).into_iter().filter(|at| !end.history[*at]["to"].is_null());
    let answered = to_a_rep.filter_map(|at| Some((at, answer(&end.history[at])?))).next();
    answered.expect("somebody received an account")
}

/// As if nothing of the account had ever happened.
fn do_nothing(end: &mut End) {
    let account = end.history[applied_move(end).0]["account"].clone();
    end.history.retain(|row| row["account"] != account);
    end.accounts.retain(|row| row["id"] != account);
}

/// Applied, it says; a minute after the answer it was so.
fn do_behind_the_answer(end: &mut End) {
    let (at, answer) = applied_move(end);
    let (row, answered) = (end.history[at].clone(), instant(&end.results[answer]["at"]));
    // A writer that was killed may have answered long after.
    let later = answered - row["at"].as_i64().unwrap() + 60_000;
    let seat = |other: &Value| other["account"] == row["account"] && other["role"] == row["role"];
    for other in end.history[at..].iter_mut().filter(|other| seat(other)) {
        other["at"] = json!(other["at"].as_i64().unwrap() + later);
    }
}

fn deny(end: &mut End) {
    let (_, answer) = applied_move(end);
    end.results[answer]["status"] = json!("expired");
    end.results[answer]["error_code"] = json!("too_late");
}

fn found_an_account(end: &mut End) {
    let mut row = end.accounts[0].clone();
    row["id"] = json!("somewhere");
    row["deleted"] = json!(false);
    end.accounts.push(row);
}

fn delete_an_account(end: &mut End) {
    let known = |row: &&mut Value| row["deleted"] == false && !end.revived.contains(row["id"].as_str().unwrap());
    let row = end.accounts.iter_mut().find(known).expect("one is living");
    row["deleted"] = json!(true);
}

fn change_a_stamp(end: &mut End) {
    let at = applied_move(end).0;
    let (account, field) =
        (end.history[at]["account"].clone(), stamp(&text(&end.history[at]["role"]), "Entered_Because"));
    let row = end.accounts.iter_mut().find(|row| row["id"] == account).expect("it is there");
    row["fields"][field] = json!("whim");
}

fn change_an_owner(end: &mut End) {
    let owned = end.seats().find(|(_, _, seat)| seat.status == SeatStatus::Owned && seat.sequence > 0);
    let (account, role, _) = owned.map(|(account, role, seat)| (account.clone(), role.clone(), seat)).expect("one");
    let row = end.accounts.iter_mut().find(|row| row["id"] == account.as_str()).expect("it is there");
    row["owners"][role.as_str()] = json!("somebody");
}
