//! What people ask on the command line stands in the topic of requests, acknowledged, before the command ends.

use bookd::domain::Topic;

use crate::hasty;
use crate::support::kafka::{self, Site};

#[test]
fn a_request_from_the_command_line_is_in_its_topic() {
    let site = Site::new("asks", 2);
    let home = kafka::home(&site, &hasty::policy());
    let ask = || home.bookd(&["request", "pause", "--role", "sdr", "--by", "revops"]);
    let sent = ask();
    let told = String::from_utf8(sent.stdout).unwrap();
    assert!(sent.status.success(), "{told} {}", String::from_utf8_lossy(&sent.stderr));
    assert!(told.contains(site.name(Topic::Requests)), "{told}");
    let stored = site.read(Topic::Requests);
    let requests: Vec<serde_json::Value> =
        stored.iter().map(|record| serde_json::from_slice(&record.value).unwrap()).collect();
    assert_eq!(requests.len(), 1);
    assert_eq!((&requests[0]["op"], &requests[0]["by"]), (&"pause".into(), &"revops".into()));

    // What isn't there is not made.
    let elsewhere = site.settings().replace("\"asks.requests\"", "\"asks.nowhere\"");
    home.write_config(&hasty::policy(), &elsewhere, "");
    let refused = ask();
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && told.contains("there is no topic asks.nowhere"), "{told}");
}
