//! What the oracle would say if it were otherwise: the same end with one lie in it.

use bookd::domain::output::SeatStatus;
use serde_json::{Value, json};

use crate::end::End;
use crate::judge::complaints;

/// Changes one thing.
type Lie = fn(&mut End);

/// Tells one lie after the other, each on top of the truth.
pub fn each_lie_is_found(mut end: End) {
    let truth = (end.history.clone(), end.results.clone(), end.accounts.clone());
    let lies: [(&str, Lie); 8] = [
        ("done twice", do_twice),
        ("out of order", turn_round),
        ("behind its end", do_late),
        ("against a person", do_against_a_person),
        ("no command", do_unasked),
        ("never answered", forget_an_answer),
        ("never done", do_nothing),
        ("another owner", change_an_owner),
    ];
    for (what, lie) in lies {
        lie(&mut end);
        let (_, wrong) = complaints(&end);
        assert!(!wrong.is_empty(), "nobody noticed: {what}");
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

/// The first move that brought the account to a rep, as if nothing of the account had ever happened.
fn do_nothing(end: &mut End) {
    let to_a_rep = moves(end).into_iter().map(|at| &end.history[at]).find(|row| !row["to"].is_null());
    let account = to_a_rep.expect("somebody received an account")["account"].clone();
    end.history.retain(|row| row["account"] != account);
    end.accounts.retain(|row| row["id"] != account);
}

fn change_an_owner(end: &mut End) {
    let owned = end.seats().find(|(_, _, seat)| seat.status == SeatStatus::Owned && seat.sequence > 0);
    let (account, role, _) = owned.map(|(account, role, seat)| (account.clone(), role.clone(), seat)).expect("one");
    let row = end.accounts.iter_mut().find(|row| row["id"] == account.as_str()).expect("it is there");
    row["owners"][role.as_str()] = json!("somebody");
}
