//! A writer's desk: the commands that are laid on it, the writer itself, and what came of it.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

use bookd::domain::{Millis, Topic};
use bookd::run::clock::Clock;
use bookd::wire::instant::Rfc3339;
use serde_json::{Value, json};

use crate::support::broker;
use crate::support::crm::{FakeCrm, TOKEN};
use crate::support::kafka::{Feeder, Site};
use crate::support::process::{Home, Process};

const HOUR_MS: i64 = 3_600_000;

const SALESFORCE: &str = r#"kind = "salesforce"
[roles.ae]
owner_field = "OwnerId"
nobody = "nobody"
command_field = "Bookd_Command__c"
sequence_field = "Bookd_Sequence__c"
expected_owner_field = "Bookd_Expected_Owner__c"
[roles.ae.stamps]
entered_at = "Bookd_Entered_At__c"
entered_because = "Bookd_Entered_Because__c"
reason = "Bookd_Reason__c"
priority = "Bookd_Priority__c"
at_risk_at = "Bookd_At_Risk_At__c"
not_after = "Bookd_Not_After__c"
"#;

const HUBSPOT: &str = r#"kind = "hubspot"
[roles.ae]
owner_field = "hubspot_owner_id"
command_field = "bookd_command"
sequence_field = "bookd_sequence"
[roles.ae.stamps]
entered_because = "bookd_entered_because"
reason = "bookd_reason"
priority = "bookd_priority"
"#;

const TOKEN_FILE: &str = "token_file = \"token\"\n";

/// In haste: a request that isn't answered within a second is given up.
const REQUESTS: &str = "[requests]\ntimeout = \"1s\"\nmargin = \"2s\"\nper_10s = 1000\n";

pub struct Desk {
    pub crm: FakeCrm,
    pub site: Site,
    feeder: Feeder,
    home: Home,
    port: u16,
}

/// A command of the role `ae`, from whom to whom; `None` is nobody.
#[derive(Clone, Debug)]
pub struct Wish {
    pub account: String,
    pub role: &'static str,
    pub sequence: u64,
    pub from: Option<&'static str>,
    pub to: Option<&'static str>,
    pub not_after: Millis,
}

pub fn wish(account: &str, sequence: u64, from: Option<&'static str>, to: Option<&'static str>) -> Wish {
    let not_after = Millis(Clock::Wall.now().0 + HOUR_MS);
    Wish { account: account.to_owned(), role: "ae", sequence, from, to, not_after }
}

impl Wish {
    pub fn id(&self) -> String {
        let text = format!("{}/{}/{}", self.account, self.role, self.sequence);
        format!("{:032x}", xxhash_rust::xxh3::xxh3_128(text.as_bytes()))
    }

    pub fn json(&self) -> Value {
        json!({
            "command_id": self.id(), "type": "distribution", "schema_version": 1,
            "issued_at": Rfc3339(Clock::Wall.now()).to_string(), "not_after": Rfc3339(self.not_after).to_string(),
            "account": { "crm_id": self.account }, "role": self.role, "sequence": self.sequence,
            "expected_owner_id": self.from, "new_owner": self.to.map(|to| json!({ "crm_user_id": to })),
            "reason": { "code": "placed", "text": "because", "rule": "segment:all", "priority": 61.5, "fit": 0.5,
                        "timing": 0.5, "top_signals": [] },
            "stamps": { "entered_book_at": self.to.map(|_| "2026-05-04T14:00:00Z"), "entered_book_because": "adopted",
                        "at_risk_at": "2026-05-04T15:00:00Z", "priority": 61.5 },
            "policy_version": 1, "dry_run": false, "correlation_id": format!("{}/0/1", "0".repeat(32)),
        })
    }
}

impl Desk {
    /// With a fake CRM of these flags, and accounts of nobody.
    pub fn new(flags: &[&str], accounts: &[String]) -> Desk {
        Desk::with(SALESFORCE, TOKEN_FILE, flags, accounts)
    }

    pub fn of_hubspot(flags: &[&str], accounts: &[String]) -> Desk {
        Desk::with(HUBSPOT, TOKEN_FILE, flags, accounts)
    }

    /// Results bear versions.
    pub fn with_versions(accounts: &[String]) -> Desk {
        Desk::with(SALESFORCE, "token_file = \"token\"\nversions = \"modified\"\n", &[], accounts)
    }

    /// Which logs in for tokens that end.
    pub fn with_client(accounts: &[String]) -> Desk {
        Desk::with(SALESFORCE, "client_id = \"writer\"\nclient_secret_file = \"token\"\n", &[], accounts)
    }

    /// `more` is TOML of `[crm]`, before its kind.
    fn with(kind: &str, more: &str, flags: &[&str], accounts: &[String]) -> Desk {
        Desk::on(&broker::shared(), kind, more, flags, accounts)
    }

    /// On a broker of its own.
    pub fn on_brokers(address: &str, flags: &[&str], accounts: &[String]) -> Desk {
        Desk::on(address, SALESFORCE, TOKEN_FILE, flags, accounts)
    }

    fn on(address: &str, kind: &str, more: &str, flags: &[&str], accounts: &[String]) -> Desk {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let crm = FakeCrm::start(flags);
        let ids: Vec<&str> = accounts.iter().map(String::as_str).collect();
        crm.load(&ids, &["ana", "ben", "cleo"]);
        let site = Site::on(address, &format!("wc{}", COUNT.fetch_add(1, Ordering::Relaxed)), 3, 1);
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (home, feeder) = (Home::with_log("", "", ""), site.feeder());
        let config = format!(
            "[crm]\nurl = \"{}\"\n{more}{kind}{REQUESTS}[kafka]\nbrokers = \"{}\"\ngroup = \"{}\"\n\
             [kafka.topics]\ncommands = \"{}\"\nresults = \"{}\"\ndead-letters = \"{}\"\n\
             [http]\nlisten = \"127.0.0.1:{port}\"\n",
            crm.url(),
            site.brokers(),
            site.name(Topic::Commands).replace('.', "-"),
            site.name(Topic::Commands),
            site.name(Topic::Results),
            site.name(Topic::DeadLetters)
        );
        std::fs::write(home.path().join("token"), TOKEN).unwrap();
        std::fs::write(home.path().join("write-crm.toml"), config).unwrap();
        Desk { crm, site, feeder, home, port }
    }

    pub fn start(&self) -> Process {
        self.home.spawn("write-crm", &[])
    }

    /// One that works: it has given the account to Ana.
    pub fn start_working(&self, account: &str) -> Process {
        let mut process = self.start();
        self.lay(&[wish(account, 1, None, Some("ana"))]);
        self.wait_for(&mut process, 1);
        process
    }

    /// A second one: the address is the first's.
    pub fn start_beside(&self) -> Process {
        self.home.spawn("write-crm", &[("BOOKD__HTTP__LISTEN".to_owned(), "off".to_owned())])
    }

    /// All that its processes wrote to stderr.
    pub fn told(&self) -> String {
        self.home.told()
    }

    pub fn check(&self) -> std::process::Output {
        self.home.bookd(&["write-crm", "--check"])
    }

    /// Lays commands on the desk; those of one account come in this order.
    pub fn lay(&self, wishes: &[Wish]) {
        for wish in wishes {
            self.site.send(&self.feeder, Topic::Commands, &wish.account, &wish.json().to_string());
        }
        self.site.flush(&self.feeder);
    }

    pub fn lay_text(&self, key: &str, text: &str) {
        self.site.send(&self.feeder, Topic::Commands, key, text);
        self.site.flush(&self.feeder);
    }

    /// All that is committed, by command; each must be there once.
    pub fn results(&self) -> BTreeMap<String, Value> {
        let mut results = BTreeMap::new();
        for record in self.site.read(Topic::Results) {
            let result: Value = serde_json::from_slice(&record.value).unwrap();
            let id = result["command_id"].as_str().unwrap().to_owned();
            let before = results.insert(id, result.clone());
            assert_eq!(before, None, "twice: {result}");
        }
        results
    }

    pub fn wait_for(&self, process: &mut Process, results: usize) -> BTreeMap<String, Value> {
        process.wait(|| self.results().len() >= results);
        self.results()
    }

    /// What `/readyz` answers; `None` if nobody does.
    pub fn ready(&self) -> Option<(u16, String)> {
        get(&format!("http://127.0.0.1:{}/readyz", self.port))
    }

    pub fn metrics(&self) -> String {
        get(&format!("http://127.0.0.1:{}/metrics", self.port)).unwrap_or_default().1
    }

    /// Owners in the CRM by account, as bookd means them.
    pub fn owner(&self, account: &str) -> Value {
        self.crm.owner(account, "ae")
    }

    pub fn history(&self) -> Vec<Value> {
        self.crm.ask("/fake/history").as_array().unwrap().clone()
    }
}

/// A writer's configuration in the directory of a bookd on files, and its CRM.
pub fn on_files(accounts: &[String]) -> (Home, FakeCrm) {
    let crm = FakeCrm::start(&["--slow", "0.5", "--slow-ms", "300"]);
    let ids: Vec<&str> = accounts.iter().map(String::as_str).collect();
    crm.load(&ids, &["ana", "ben"]);
    let home = Home::new("");
    let log = format!("[log]\nkind = \"files\"\ndir = {:?}\n[http]\nlisten = \"off\"\n", home.log_dir());
    let config = format!("[crm]\nurl = \"{}\"\n{TOKEN_FILE}{SALESFORCE}{REQUESTS}{log}", crm.url());
    std::fs::write(home.path().join("token"), TOKEN).unwrap();
    std::fs::write(home.path().join("write-crm.toml"), config).unwrap();
    (home, crm)
}

fn get(url: &str) -> Option<(u16, String)> {
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
    let mut answer = agent.get(url).call().ok()?;
    let status = answer.status().as_u16();
    Some((status, answer.body_mut().read_to_string().ok()?))
}

pub fn accounts(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("acc-{number:03}")).collect()
}

/// From the pool to ana, from ana to ben, and back: three commands of each account, account by account in turn.
pub fn rounds(accounts: &[String]) -> Vec<Wish> {
    cycles(accounts, 1)
}

/// The same so many times.
pub fn cycles(accounts: &[String], count: u64) -> Vec<Wish> {
    let steps = [(None, Some("ana")), (Some("ana"), Some("ben")), (Some("ben"), None)];
    let steps = (0..count).flat_map(|_| steps).zip(1..);
    let wishes = steps.flat_map(|((from, to), sequence)| {
        accounts.iter().map(|account| wish(account, sequence, from, to)).collect::<Vec<_>>()
    });
    wishes.collect()
}

/// The CRM's own history: of every account each command moved the owner once, in order, before its end, and from whom
/// it expected. A write that moves nobody may be there again: then it bears the same command as the one before.
pub fn judge_history(history: &[Value], wishes: &[Wish]) {
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    let mut moved: BTreeMap<String, u32> = BTreeMap::new();
    for row in history.iter().filter(|row| row["from"] != row["to"] && !row["command"].is_null()) {
        let (account, sequence) = (row["account"].as_str().unwrap(), row["sequence"].as_u64().unwrap());
        let wish = wishes.iter().find(|wish| wish.account == account && wish.sequence == sequence);
        let wish = wish.unwrap_or_else(|| panic!("nobody wished {row}"));
        let before = last.insert(account, sequence);
        assert!(before.unwrap_or(0) < sequence, "out of order: {row} after {before:?}");
        assert_eq!(row["from"], json!(wish.from), "against a person: {row}");
        assert!(row["at"].as_i64().unwrap() <= wish.not_after.0, "too late: {row}");
        *moved.entry(wish.id()).or_default() += 1;
    }
    for wish in wishes {
        assert_eq!(moved.get(&wish.id()), Some(&1), "{wish:?}");
    }
}
