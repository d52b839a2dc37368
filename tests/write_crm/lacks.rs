//! What an admin forgot is said in one line, and carried on with once it is there.

use serde_json::json;

use crate::desk::{Desk, accounts, on_files, wish};

#[test]
fn a_missing_field_is_named_before_anything_is_written() {
    let accounts = accounts(1);
    let desk = Desk::new(&[], &accounts);
    assert!(desk.check().status.success());
    desk.crm.tell("/fake/fields", &json!({ "name": "Bookd_Sequence__c", "exists": false, "updateable": false }));
    desk.crm.tell("/fake/fields", &json!({ "name": "Bookd_Reason__c", "exists": true, "updateable": false }));
    let checked = desk.check();
    let told = String::from_utf8(checked.stdout).unwrap();
    assert_eq!(checked.status.code(), Some(1));
    assert_eq!(
        told,
        "Account.Bookd_Sequence__c isn't there, or this user may not see it\n\
         Account.Bookd_Reason__c isn't editable for this user\n"
    );
    desk.lay(&[wish(&accounts[0], 1, None, Some("ana"))]);
    let mut writer = desk.start();
    writer.wait(|| desk.ready().is_some_and(|(_, told)| told.contains("Bookd_Sequence__c")));
    assert_eq!(desk.history(), Vec::<serde_json::Value>::new());
    writer.stop();
}

/// Taken away while it works: nothing is answered, nothing is lost.
#[test]
fn a_field_that_is_locked_meanwhile_stops_it_until_it_is_open_again() {
    let accounts = accounts(2);
    let desk = Desk::new(&[], &accounts);
    let mut writer = desk.start_working(&accounts[0]);
    desk.crm.tell("/fake/fields", &json!({ "name": "Bookd_Priority__c", "exists": true, "updateable": false }));
    desk.lay(&[wish(&accounts[1], 1, None, Some("ana"))]);
    writer.wait(|| desk.ready().is_some_and(|(status, told)| status == 503 && told.contains("Bookd_Priority__c")));
    assert_eq!(desk.results().len(), 1);
    desk.crm.tell("/fake/fields", &json!({ "name": "Bookd_Priority__c", "exists": true, "updateable": true }));
    let results = desk.wait_for(&mut writer, 2);
    assert!(results.values().all(|result| result["status"] == "applied"), "{results:?}");
    writer.stop();
}

#[test]
fn a_token_that_is_not_known_is_said() {
    let desk = Desk::new(&["--token", "another"], &accounts(1));
    let mut writer = desk.start();
    writer.wait(|| desk.ready().is_some_and(|(_, told)| told.contains("401 INVALID_SESSION_ID")));
    assert!(!writer.told().contains("fake-token"));
    writer.stop();
}

#[test]
fn a_token_that_is_empty_is_told_at_the_start() {
    let (home, _crm) = on_files(&accounts(1));
    let file = home.path().join("write-crm.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, config.replace("token_file = \"token\"", "token_env = \"EMPTY_TOKEN\"")).unwrap();
    let mut writer = home.spawn("write-crm", &[("EMPTY_TOKEN".to_owned(), String::new())]);
    assert_eq!(writer.exit_code(), Some(2));
    assert!(writer.told().contains("this secret is empty"), "{}", writer.told());
}
