//! A journal that lost its records: a new one, in a new topic, from the commands that the broker still has.

use bookd::domain::{EntryKind, Topic};
use bookd::wire;

use crate::expiry::{run, send};
use crate::kill::send_reference;
use crate::support::generated;
use crate::support::kafka::{self, Site};
use crate::{hasty, twin};

const EVENTS: usize = 400;
/// Exit code of bookd: journal or topic isn't what it must be.
const REFUSED: i32 = 4;

#[test]
fn a_lost_journal_is_begun_anew_from_the_commands() {
    let company = generated::company(13, 120, 8, 20);
    let mut site = Site::new("recover", 2);
    let home = kafka::home(&site, &hasty::policy());
    send_reference(&site, &site.feeder(), &company);
    send(&site, &company.events[..EVENTS]);
    let records = site.inputs().values().map(Vec::len).sum::<usize>();
    run(&home, &site, records);
    let before = site.commands();
    assert!(!before.is_empty());

    site.delete(&[Topic::Journal]);
    let code = home.start().exit_code();
    let told = home.told();
    assert!(code == Some(REFUSED) && told.contains("bookd recover --from-commands"), "{code:?} {told}");
    let refused = home.bookd(&["recover", "--from-commands"]);
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && told.contains("needs a new topic"), "{told}");

    site.begin_journal("recover.journal.again");
    kafka::change_policy(&home, &site, &hasty::policy());
    let done = home.bookd(&["recover", "--from-commands"]);
    let told = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{told} {}", String::from_utf8_lossy(&done.stderr));
    assert!(told.contains(&format!("{} commands read", before.len())), "{told}");

    let mut process = home.start();
    site.wait_until_decided(&mut process, records);
    // While sources speak, accounts that nobody works are lost within seconds, and dealt again.
    let mut sent = EVENTS;
    process.wait(|| {
        send(&site, &company.events[sent..sent + 20]);
        sent += 20;
        site.commands().len() > before.len()
    });
    site.wait_until_decided(&mut process, records + sent - EVENTS);
    process.stop();
    let committed = site.committed();
    committed.check_commands();
    assert_eq!(wire::entry::decode(&committed.journal[0]).unwrap().kind, EntryKind::Rebase);
    let owned = twin::judge_owners(&committed.journal, &committed.commands);
    println!("{} commands before, {} in all, {owned} seats owned", before.len(), committed.commands.len());
    assert!(owned > 0);
}
