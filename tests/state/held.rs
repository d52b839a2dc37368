//! A hold that ends behind a closed gate, beside a pass that stopped: what a live engine does, a restored one does too.

use super::*;

/// More than two entries pass over, so that a pass stops in each of its phases.
const COOLED_OFF: u64 = 130;

/// A pass that stopped in its fill, and an account whose hold ends while the gate is closed.
fn held_beside_a_stopped_pass() -> Engine {
    let mut engine = Engine::new(Id128(1), 0);
    let mut hour = 0;
    let mut play = |bodies: Vec<Body>| {
        hour += 1;
        let now = Millis(START.0 + hour * 1_000 * i64::from(HOUR));
        engine.apply(now, &batch(bodies), &mut Vec::new());
    };
    let mut policy = policy();
    policy.books[0].returns = vec![Some(ReturnRule { handling: Handling::Review, min_touches: 0, quota: None }); 8];
    let mut bodies = vec![Body::Policy(Box::new(policy)), Body::Gate(Gate::Open), sdr("a", 200, true)];
    bodies.extend([sdr("b", 0, true)]);
    bodies.extend((0..COOLED_OFF).map(|number| fitting(&number.to_string(), 600_000)));
    play(bodies);
    for _ in 0..COOLED_OFF as usize / MAX_AT_ONCE {
        play(Vec::new());
    }
    let requests = |op| (0..COOLED_OFF).map(|number| asked(op, &number.to_string(), None)).collect();
    play(requests(RequestOp::Return));
    // Nobody can take them while they come back: they are not marked any more when somebody can.
    play(vec![sdr("a", 200, false), fitting("held", 700_000)]);
    play(requests(RequestOp::ReviewDone));
    play(vec![asked(RequestOp::Hold, "held", Some(Millis(START.0 + 11_500 * i64::from(HOUR))))]);
    play(vec![sdr("a", 200, true)]);
    play(Vec::new());
    play(Vec::new());
    play(vec![Body::Gate(Gate::Closed)]);
    play(Vec::new());
    engine
}

/// More than one entry shows, and of what somebody owns more than one entry warns of, or lets wait.
const SHOWN: u32 = MAX_SHOWN + 50;
const OWNED: u32 = MAX_AT_ONCE as u32 + 50;

/// Rows that one entry leaves to the next, then warnings, then promises that fall due.
#[test]
fn an_engine_restored_amid_rows_and_warnings_goes_on_alike() {
    let owned = |number: u32| {
        let Body::Account(record) = fitting(&number.to_string(), 600_000) else { unreachable!() };
        let AccountOp::Change(mut change) = record.op else { unreachable!() };
        change.owners = vec![("sdr".into(), (number < OWNED).then(|| "a".into()))];
        Body::Account(AccountRecord { op: AccountOp::Change(change), ..record })
    };
    let mut policy = policy();
    let (grace_s, lead_s) = (policy.books[0].grace_s, policy.books[0].lead_s);
    policy.breaker.all_min = u32::MAX;
    let mut live = Engine::new(Id128(1), 0);
    live.apply(START, &batch(vec![Body::Policy(Box::new(policy)), sdr("a", OWNED, true)]), &mut Vec::new());
    live.apply(START, &batch((0..SHOWN).map(owned).collect()), &mut Vec::new());
    let warned_at = START.secs().plus(grace_s.saturating_sub(lead_s)).millis();
    let due_at = START.secs().plus(grace_s).millis();
    let mut cut = (false, false);
    let opening = vec![Body::Gate(Gate::Open)];
    for (now, bodies) in [(START, opening), (START, Vec::new()), (warned_at, Vec::new()), (due_at, Vec::new())] {
        let mut inputs = batch(bodies);
        loop {
            let mut restored = state::decode(&state::encode(&live)).unwrap();
            assert_eq!((restored.next_deadline(), restored.wants_next()), (live.next_deadline(), live.wants_next()));
            let (mut one, mut other) = (Vec::new(), Vec::new());
            live.apply(now, &inputs, &mut one);
            restored.apply(now, &inputs, &mut other);
            assert_eq!(one, other);
            assert_eq!(state::encode(&live), state::encode(&restored));
            assert_eq!(live.audit(), Ok(()));
            cut.0 |= live.state().shown_up_to.is_some();
            cut.1 |= live.state().timers_left;
            inputs.clear();
            if !live.wants_next() {
                break;
            }
        }
    }
    assert_eq!(cut, (true, true));
}

fn sdr(id: &str, capacity: u32, active: bool) -> Body {
    let change = RepChange {
        role: Change::Set("sdr".into()),
        book: Change::Set("sdr".into()),
        status: Change::Set(if active { RepStatus::Active } else { RepStatus::Inactive }),
        capacity: Change::Set(capacity),
        ..RepChange::default()
    };
    Body::Rep(RepRecord { id: id.into(), op: RepOp::Change(Box::new(change)), at: None })
}

fn fitting(id: &str, employees: i64) -> Body {
    let change = AccountChange {
        fit: Change::Set(1_000_000),
        fields: vec![("employees".into(), Some(Value::Number(employees)))],
        ..AccountChange::default()
    };
    Body::Account(AccountRecord { id: id.into(), op: AccountOp::Change(Box::new(change)), at: None })
}

fn asked(op: RequestOp, account: &str, until: Option<Millis>) -> Body {
    Body::Request(Request {
        account: vec![Candidate::CrmId(account.into())].into(),
        role: Some("sdr".into()),
        reason: Some(ReturnReason::BadData),
        until,
        dedup: entry::digest(format!("{op:?} {account}").as_bytes()).0 as u64,
        ..Request::new(op, "a".into(), START)
    })
}

#[test]
fn a_hold_that_ended_behind_a_closed_gate_is_over_for_a_restored_engine_too() {
    let mut live = held_beside_a_stopped_pass();
    let pass = live.state().roles[0].pass.as_ref().expect("it takes more entries than there were");
    assert_eq!(pass.phase, Phase::Fill);
    let mut restored = state::decode(&state::encode(&live)).unwrap();
    let later = Millis(live.now().0 + 1_000);
    let (mut one, mut other) = (Vec::new(), Vec::new());
    live.apply(later, &batch(vec![Body::Gate(Gate::Open)]), &mut one);
    restored.apply(later, &batch(vec![Body::Gate(Gate::Open)]), &mut other);
    assert!(one.iter().any(|output| matches!(output, Output::Decision(decision) if &*decision.account == "held")));
    assert_eq!(one, other);
    assert_eq!(state::encode(&live), state::encode(&restored));
}
