//! The configuration of `bookd write-crm`: a file of its own, since the writer is a program beside bookd's and may run
//! elsewhere. `config/write-crm.toml` has every key.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::compile::check::Check;
use super::local;
use super::mistake::Fault;
use super::raw::Spanned;
use super::raw::local::RawLogKind;
use super::raw::writer::{RawBegin, RawCrm, RawCrmKind, RawOtherRoles, RawRequests, RawRole, RawVersions, RawWriter};
use crate::domain::{Text, Topic};

/// Where the configuration is read that isn't named.
pub const DEFAULT_FILE: &str = "write-crm.toml";

const REQUESTS_PER_10S_MAX: u64 = 10_000;
const ATTEMPTS_MAX: u64 = 100;
/// A batch is answered as a whole: a larger one makes its first commands wait for its last.
const COMMANDS_TOGETHER_MAX: u64 = 10_000;

#[derive(Clone, Debug, PartialEq)]
pub struct WriterSettings {
    pub crm: CrmSettings,
    pub roles: BTreeMap<Text, RoleFields>,
    pub requests: RequestSettings,
    pub source: Source,
    /// `None`: no HTTP.
    pub http_listen: Option<SocketAddr>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CrmSettings {
    pub kind: CrmKind,
    /// Without a slash at its end.
    pub url: String,
    /// Of Salesforce: `v62.0`.
    pub api_version: String,
    pub access: Access,
    /// PEM, in place of the certificates that this machine trusts.
    pub certificates_file: Option<PathBuf>,
    /// Results bear the record's time of modification.
    pub versions: bool,
    /// Commands of roles that aren't configured are another writer's.
    pub skips_other_roles: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrmKind {
    Salesforce,
    HubSpot,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Access {
    /// A token that doesn't end.
    Token(Secret),
    /// OAuth 2.0 client credentials, for which tokens are given.
    Client { id: String, secret: Secret },
}

/// Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The CRM's fields of one role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleFields {
    pub owner: Text,
    /// The CRM user who stands for nobody; `None`: the field can be empty.
    pub nobody: Option<Text>,
    pub command: Text,
    pub sequence: Text,
    /// `None`: no fence.
    pub expected_owner: Option<Text>,
    pub stamps: Stamps,
}

/// Fields written beside the owner; `None` is switched off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamps {
    pub entered_at: Option<Text>,
    pub entered_because: Option<Text>,
    pub reason: Option<Text>,
    pub priority: Option<Text>,
    pub at_risk_at: Option<Text>,
    pub not_after: Option<Text>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RequestSettings {
    pub timeout_s: u32,
    /// No request leaves later than this and a timeout before a command's end.
    pub margin_s: u32,
    pub per_10s: u32,
    /// Of the CRM's daily requests, in millionths.
    pub daily_share: u32,
    /// For one command, where the CRM says that it may work later.
    pub attempts: u32,
    pub commands_together: usize,
}

#[derive(Clone, PartialEq)]
pub enum Source {
    Files { dir: PathBuf },
    Kafka { brokers: String, group: String, from_latest: bool, topics: Topics, properties: BTreeMap<String, String> },
}

/// Properties hold passwords: only their names are shown.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Files { dir } => f.debug_struct("Files").field("dir", dir).finish(),
            Source::Kafka { brokers, group, topics, properties, .. } => f
                .debug_struct("Kafka")
                .field("brokers", brokers)
                .field("group", group)
                .field("topics", topics)
                .field("properties", &properties.keys())
                .finish(),
        }
    }
}

/// Names in Kafka.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    pub commands: String,
    pub results: String,
    pub dead_letters: String,
}

/// Reads a file, lays the environment's `BOOKD__A__B=value` over it and validates it; mistakes as [`super::load`].
pub fn load(path: &Path, environment: &[(String, String)]) -> Result<WriterSettings, miette::Report> {
    let text = std::fs::read_to_string(path).map_err(|error| unread(path, &error))?;
    parse(&path.display().to_string(), &text, environment)
}

fn unread(path: &Path, error: &std::io::Error) -> miette::Report {
    let help = "copy config/write-crm.toml, or name a file with --config";
    miette::miette!(help = help, "the configuration {} can't be read: {error}", path.display())
}

/// The same from text; `name` stands for the file.
pub fn parse(name: &str, text: &str, environment: &[(String, String)]) -> Result<WriterSettings, miette::Report> {
    super::read(name, text, environment, |raw: &RawWriter, check| WriterSettings {
        crm: crm(&raw.crm, check),
        roles: roles(raw, check),
        requests: requests(&raw.requests, check),
        source: source(raw, check),
        http_listen: local::listen(&raw.http.listen, check),
    })
}

fn crm(raw: &RawCrm, check: &mut Check) -> CrmSettings {
    CrmSettings {
        kind: match raw.kind {
            RawCrmKind::Salesforce => CrmKind::Salesforce,
            RawCrmKind::HubSpot => CrmKind::HubSpot,
        },
        url: url(&raw.url, check),
        api_version: api_version(&raw.api_version, check),
        access: access(raw, check),
        certificates_file: raw.certificates_file.as_ref().map(|path| path.get_ref().into()),
        versions: raw.versions == RawVersions::Modified,
        skips_other_roles: raw.other_roles == RawOtherRoles::Skip,
    }
}

fn url(value: &Spanned<String>, check: &mut Check) -> String {
    let url = value.get_ref().trim_end_matches('/');
    let host = url.strip_prefix("https://").or(url.strip_prefix("http://"));
    if host
        .is_none_or(|host| host.is_empty() || host.contains(['/', '?', '#', '@']) || host.contains(char::is_whitespace))
    {
        check.rule(value.span(), "this isn't a host to reach", "for example \"https://acme.my.salesforce.com\"");
    }
    url.to_owned()
}

fn api_version(value: &Spanned<String>, check: &mut Check) -> String {
    let digits = value.get_ref().strip_prefix('v').unwrap_or_default();
    if digits.is_empty() || !digits.chars().all(|c| c.is_ascii_digit() || c == '.') {
        check.rule(value.span(), "this isn't a version of Salesforce's API", "for example \"v62.0\"");
    }
    value.get_ref().clone()
}

fn access(raw: &RawCrm, check: &mut Check) -> Access {
    let token = secret(&raw.token_env, &raw.token_file, check);
    let client = secret(&raw.client_secret_env, &raw.client_secret_file, check);
    match (token, client, &raw.client_id) {
        (Some(token), None, None) => Access::Token(token),
        (None, Some(secret), Some(id)) if raw.kind == RawCrmKind::Salesforce => {
            Access::Client { id: check.foreign(id).into(), secret }
        }
        _ => {
            check.rule(
                raw.url.span(),
                "how to log in isn't clear",
                "token_env or token_file; for Salesforce instead client_id with client_secret_env or client_secret_file",
            );
            Access::Token(Secret(String::new()))
        }
    }
}

/// From a variable of the environment or a file, never from the configuration itself.
fn secret(variable: &Option<Spanned<String>>, file: &Option<Spanned<String>>, check: &mut Check) -> Option<Secret> {
    let before = check.mistakes.len();
    let (text, place) = match (variable, file) {
        (None, None) => return None,
        (Some(name), None) => (environment_secret(name, check), name.span()),
        (_, Some(path)) => (local::secret_file(path.get_ref(), path.span(), check), path.span()),
    };
    // What can't be read is empty too, and was told.
    if text.is_empty() && check.mistakes.len() == before {
        check.rule(place.clone(), "this secret is empty", "the variable or the file holds it, and nothing else");
    }
    if variable.is_some() && file.is_some() {
        check.rule(place.clone(), "a variable and a file are both there", "keep one of them");
    }
    if text.chars().any(|c| c.is_control() || c == ' ') {
        check.rule(place, "this secret has spaces or line breaks in it", "one line, nothing else");
    }
    Some(Secret(text))
}

fn environment_secret(name: &Spanned<String>, check: &mut Check) -> String {
    std::env::var(name.get_ref()).unwrap_or_else(|_| {
        check.fail(name.span(), Fault::Variable(name.get_ref().clone()));
        String::new()
    })
}

fn roles(raw: &RawWriter, check: &mut Check) -> BTreeMap<Text, RoleFields> {
    if raw.roles.is_empty() {
        check.fail(raw.crm.url.span(), Fault::NoneAtAll("role ([roles.<name>])"));
    }
    let mut taken = BTreeMap::new();
    let mut roles = BTreeMap::new();
    for (name, role) in &raw.roles {
        let fields = role_fields(raw.crm.kind, role, check);
        for field in own_fields(&fields) {
            if let Some(other) = taken.insert(field.clone(), name.get_ref()) {
                let name = format!("{field} (in the role {other} too)");
                check.fail(role.owner_field.span(), Fault::Twice { what: "field", name });
            }
        }
        roles.insert(check.name(name), fields);
    }
    roles
}

fn role_fields(kind: RawCrmKind, raw: &RawRole, check: &mut Check) -> RoleFields {
    let fields = RoleFields {
        owner: check.foreign(&raw.owner_field),
        nobody: raw.nobody.as_ref().map(|nobody| check.foreign(nobody)),
        command: check.foreign(&raw.command_field),
        sequence: check.foreign(&raw.sequence_field),
        expected_owner: raw.expected_owner_field.as_ref().map(|field| check.foreign(field)),
        stamps: Stamps {
            entered_at: raw.stamps.entered_at.as_ref().map(|field| check.foreign(field)),
            entered_because: raw.stamps.entered_because.as_ref().map(|field| check.foreign(field)),
            reason: raw.stamps.reason.as_ref().map(|field| check.foreign(field)),
            priority: raw.stamps.priority.as_ref().map(|field| check.foreign(field)),
            at_risk_at: raw.stamps.at_risk_at.as_ref().map(|field| check.foreign(field)),
            not_after: raw.stamps.not_after.as_ref().map(|field| check.foreign(field)),
        },
    };
    if kind == RawCrmKind::Salesforce && fields.owner == "OwnerId" && fields.nobody.is_none() {
        check.rule(
            raw.owner_field.span(),
            "in Salesforce an account always has an owner",
            "`nobody` names the user who holds accounts that nobody owns",
        );
    }
    if let (RawCrmKind::HubSpot, Some(field)) = (kind, &raw.expected_owner_field) {
        check.rule(field.span(), "HubSpot has no rule that could check it", "leave expected_owner_field out");
    }
    fields
}

/// Each holds what belongs to one role alone.
fn own_fields(fields: &RoleFields) -> Vec<Text> {
    let stamps = &fields.stamps;
    let optional = [
        &fields.expected_owner,
        &stamps.entered_at,
        &stamps.entered_because,
        &stamps.reason,
        &stamps.priority,
        &stamps.at_risk_at,
        &stamps.not_after,
    ];
    let needed = [&fields.owner, &fields.command, &fields.sequence];
    needed.into_iter().chain(optional.into_iter().flatten()).cloned().collect()
}

impl RoleFields {
    /// All of them, in the order in which documents name them.
    pub fn all(&self) -> Vec<Text> {
        own_fields(self)
    }
}

fn requests(raw: &RawRequests, check: &mut Check) -> RequestSettings {
    RequestSettings {
        timeout_s: check.period(&raw.timeout, "timeout", 1),
        margin_s: check.period(&raw.margin, "margin", 0),
        per_10s: check.count(&raw.per_10s, "per_10s", 1, REQUESTS_PER_10S_MAX),
        daily_share: check.share(&raw.daily_share, "daily_share"),
        attempts: check.count(&raw.attempts, "attempts", 1, ATTEMPTS_MAX),
        commands_together: check.count(&raw.commands_together, "commands_together", 1, COMMANDS_TOGETHER_MAX) as usize,
    }
}

fn source(raw: &RawWriter, check: &mut Check) -> Source {
    if raw.log.kind == RawLogKind::Files {
        return Source::Files { dir: local::dir(&raw.log.dir, check) };
    }
    let kafka = &raw.kafka;
    let mut name = |set: &Option<Spanned<String>>, topic| match set {
        Some(value) => local::topic_name(value, &BTreeMap::new(), check),
        None => local::default_topic(topic),
    };
    let topics = Topics {
        commands: name(&kafka.topics.commands, Topic::Commands),
        results: name(&kafka.topics.results, Topic::Results),
        dead_letters: name(&kafka.topics.dead_letters, Topic::DeadLetters),
    };
    Source::Kafka {
        brokers: local::brokers(&kafka.brokers, check),
        group: check.name(&kafka.group).into(),
        from_latest: kafka.begin == RawBegin::Latest,
        topics,
        properties: local::properties(&kafka.properties, check),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../config/write-crm.toml");

    fn mistakes(text: &str) -> String {
        format!("{:?}", parse("write-crm.toml", text, &[]).expect_err("it has mistakes"))
    }

    fn with_token(text: &str) -> (tempfile::TempDir, String) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        std::fs::write(&file, "geheim\n").unwrap();
        let text = text.replace("/run/secrets/crm-client-secret", &file.display().to_string());
        (dir, text)
    }

    #[test]
    fn the_shipped_file_is_read_and_shows_no_secret() {
        let (_dir, text) = with_token(SHIPPED);
        let settings = parse("write-crm.toml", &text, &[]).unwrap();
        let Access::Client { secret, .. } = &settings.crm.access else { panic!("{:?}", settings.crm.access) };
        assert_eq!(secret, &Secret("geheim".into()));
        assert!(!format!("{settings:?}").contains("geheim"));
        let role = &settings.roles["ae"];
        assert_eq!(role.expected_owner.as_deref(), Some("Bookd_Expected_Owner__c"));
        assert_eq!(role.all().len(), 10);
        assert!(matches!(&settings.source, Source::Kafka { group, .. } if group == "bookd-writer"));
    }

    /// What the shipped file sets to its default is what a file without it means.
    #[test]
    fn the_shipped_file_says_the_defaults() {
        let (_dir, text) = with_token(SHIPPED);
        let shipped = parse("write-crm.toml", &text, &[]).unwrap();
        let short: String = text.split("\n[requests]").next().unwrap().to_owned();
        let defaults = parse("write-crm.toml", &short, &[]).unwrap();
        assert_eq!(defaults.requests, shipped.requests);
        assert_eq!(defaults.source, shipped.source);
    }

    #[test]
    fn an_account_of_salesforce_is_never_without_an_owner() {
        let (_dir, text) = with_token(SHIPPED);
        let told = mistakes(&text.replace("nobody =", "# nobody ="));
        assert!(told.contains("an account always has an owner"), "{told}");
    }

    #[test]
    fn two_roles_share_no_field() {
        let (_dir, text) = with_token(SHIPPED);
        let second = "[roles.sdr]\nowner_field = \"Sdr__c\"\ncommand_field = \"Bookd_Command__c\"\n\
                      sequence_field = \"Bookd_Sdr_Sequence__c\"\n";
        let told = mistakes(&format!("{text}\n{second}"));
        assert!(told.contains("Bookd_Command__c (in the role ae too)"), "{told}");
    }

    #[test]
    fn a_secret_stands_in_no_configuration() {
        let told = mistakes(&SHIPPED.replace("client_secret_file", "client_secret"));
        assert!(told.contains("no key `client_secret`"), "{told}");
        let told = mistakes(&SHIPPED.replace("client_secret_file", "client_secret_env"));
        assert!(told.contains("isn't set") && !told.contains("is empty"), "{told}");
    }

    #[test]
    fn an_empty_secret_is_none() {
        for nothing in ["", "\n"] {
            let (dir, text) = with_token(SHIPPED);
            std::fs::write(dir.path().join("token"), nothing).unwrap();
            let told = mistakes(&text);
            assert!(told.contains("this secret is empty"), "{told}");
        }
        let told = mistakes(SHIPPED);
        assert!(told.contains("No such file") && !told.contains("is empty"), "{told}");
    }

    #[test]
    fn a_key_of_bookds_own_log_is_none_of_the_writers() {
        let (_dir, text) = with_token(SHIPPED);
        let told = mistakes(&text.replace("[log]\n", "[log]\nsync_every_commits = 1\n"));
        assert!(told.contains("no key `sync_every_commits`"), "{told}");
    }
}
