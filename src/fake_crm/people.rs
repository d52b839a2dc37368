//! People in the CRM: they give accounts to others and merge duplicates, on request or at random.

use std::time::Duration;

use serde_json::{Value, json};

use super::crm::Crm;
use super::fence::Values;
use super::org::{ASSIGNMENT_RULE_OWNER, Author, INTEGRATION_USER, Update};
use super::refusal::Refusal;
use super::shape::{OWNER_ID, Role};
use super::{Shared, instant};
use crate::domain::Text;

/// The most that random people do in a second.
const MAX_PER_SECOND: f64 = 1_000.0;
/// How often it is looked whether somebody begins to do something.
const IDLE: Duration = Duration::from_millis(100);
/// However slow they are told to be.
const LONGEST: Duration = Duration::from_secs(3_600);

/// Says what is wrong with a pace.
pub fn check_pace(per_second: f64) -> Result<(), String> {
    let fine = (0.0..=MAX_PER_SECOND).contains(&per_second);
    if fine { Ok(()) } else { Err(format!("{per_second} a second: from 0 to {MAX_PER_SECOND}")) }
}

/// Lets random people change owners, as many a second as it is told just now.
pub async fn live(shared: Shared) {
    loop {
        let per_second = shared.lock().people_per_second;
        if per_second <= 0.0 {
            tokio::time::sleep(IDLE).await;
            continue;
        }
        tokio::time::sleep(Duration::from_secs_f64(1.0 / per_second).min(LONGEST)).await;
        let mut crm = shared.lock();
        // They may have been told to stop meanwhile.
        if crm.people_per_second > 0.0 && !crm.org.is_full() {
            act(&mut crm);
        }
    }
}

/// Somebody gives some account to somebody.
fn act(crm: &mut Crm) {
    let Some((account, role, to, who)) = draw(crm) else { return };
    // Whatever they may not do they don't do.
    if change(crm, &account, &role, to, who).is_ok() {
        crm.count("people");
    }
}

fn draw(crm: &mut Crm) -> Option<(Text, Role, Option<Text>, Text)> {
    let Crm { org, people_dice: dice, .. } = crm;
    let own = [INTEGRATION_USER, ASSIGNMENT_RULE_OWNER, &org.nobody];
    let people: Vec<&Text> =
        org.users().filter(|(user, active)| *active && !own.contains(&user.as_str())).map(|(user, _)| user).collect();
    let living: Vec<&Text> = org.accounts().filter(|(_, account)| !account.deleted).map(|(id, _)| id).collect();
    let mut pick = |from: &[&Text]| from.get(dice.below(from.len() as u64) as usize).map(|found| (*found).clone());
    let (account, to, who) = (pick(&living)?, pick(&people)?, pick(&people)?);
    let role = org.shape.roles.get(dice.below(org.shape.roles.len() as u64) as usize)?.clone();
    Some((account, role, Some(to), who))
}

/// A person gives an account to somebody, or to nobody.
pub fn change(crm: &mut Crm, account: &str, role: &Role, to: Option<Text>, who: Text) -> Result<(), Refusal> {
    let stand_in = (role.owner == OWNER_ID).then(|| crm.org.nobody.clone());
    let owner: Value = json!(to.or(stand_in));
    let update = Update { account: account.into(), values: Values::from([(role.owner.clone(), owner)]) };
    let (author, now) = (Author::Person(who), instant::now());
    crm.org.check(&author, &update, now)?;
    crm.commit(&author, vec![update], false, now);
    Ok(())
}
