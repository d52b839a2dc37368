//! `bookd fake-crm`: a CRM to try things with, until it is told to end.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::bail;
use clap::ValueEnum;

use crate::domain::Text;
use crate::fake_crm::{self, Destination, Destinations, Faults, OWNER_ID, Role, Settings, Version};

#[derive(Clone, Debug, clap::Args)]
pub struct FakeCrmArgs {
    /// Where to listen; port 0 takes a free one. The first line on stdout says which.
    #[arg(long, default_value = "127.0.0.1:8090", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// A role of bookd's, and the field that names its owner: `ae`, or `sdr=SDR_Owner__c`. Default field: OwnerId.
    #[arg(long = "role", value_parser = role, default_value = "ae", value_name = "ROLE[=FIELD]")]
    roles: Vec<Role>,
    /// The user who owns in the CRM what nobody owns: an account can't be without an owner there.
    #[arg(long, default_value = "nobody", value_name = "USER")]
    nobody: String,
    /// Without the validation rules that refuse what comes late, twice, or against a person's change.
    #[arg(long)]
    without_fence: bool,
    /// What the canonical records bear as `crm_version`.
    #[arg(long, value_enum, default_value_t = VersionArg::Commit)]
    crm_version: VersionArg,
    /// A bearer token that never expires; others come from `/services/oauth2/token`.
    #[arg(long, default_value = "fake-token", value_name = "TOKEN")]
    token: String,
    /// Salesforce's requests a day.
    #[arg(long, default_value_t = 1_000_000, value_name = "REQUESTS")]
    daily_requests: u64,
    /// HubSpot's requests in any ten seconds.
    #[arg(long, default_value_t = 190, value_name = "REQUESTS")]
    rolling_requests: usize,
    /// The same seed and requests give the same faults.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    #[command(flatten)]
    faults: Faults,
    /// So many owners are changed by random people in a second.
    #[arg(long, default_value_t = 0.0, value_name = "CHANGES")]
    people_per_second: f64,
    /// Accounts, JSON lines as in the topic `accounts`.
    #[arg(long, value_name = "FILE")]
    accounts: Vec<PathBuf>,
    /// Users, JSON lines as in the topic `reps`.
    #[arg(long, value_name = "FILE")]
    reps: Vec<PathBuf>,
    /// Append change events as Salesforce shapes them to this file.
    #[arg(long, value_name = "FILE")]
    changes_file: Option<PathBuf>,
    /// Append bookd's canonical records of them to this file.
    #[arg(long, value_name = "FILE")]
    records_file: Option<PathBuf>,
    /// The broker of the topics below.
    #[arg(long, value_name = "ADDRESSES")]
    brokers: Option<String>,
    /// Produce change events as Salesforce shapes them to this topic.
    #[arg(long, value_name = "TOPIC", requires = "brokers")]
    changes_topic: Option<String>,
    /// Produce bookd's canonical records of them to this topic.
    #[arg(long, value_name = "TOPIC", requires = "brokers")]
    records_topic: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum VersionArg {
    /// The commit number of the change event.
    Commit,
    /// The modification stamp, in whole seconds.
    Modified,
}

fn role(text: &str) -> Result<Role, String> {
    let (name, owner) = text.split_once('=').unwrap_or((text, OWNER_ID));
    if name.is_empty() || owner != OWNER_ID && !owner.ends_with("__c") {
        return Err(format!("ROLE, or ROLE=FIELD where FIELD is {OWNER_ID} or ends in __c"));
    }
    Ok(Role { name: name.into(), owner: owner.into() })
}

pub fn run(args: &FakeCrmArgs) -> anyhow::Result<()> {
    fake_crm::serve(&args.settings()?, |address| outln!("listening on http://{address}"))
}

impl FakeCrmArgs {
    fn settings(&self) -> anyhow::Result<Settings> {
        for (index, role) in self.roles.iter().enumerate() {
            if self.roles[..index].iter().any(|other| other.name == role.name || other.owner == role.owner) {
                bail!("--role {}={}: a role and a field can be named once", role.name, role.owner);
            }
        }
        Ok(Settings {
            listen: self.listen,
            roles: self.roles.clone(),
            nobody: Text::from(&self.nobody),
            fence: !self.without_fence,
            version: match self.crm_version {
                VersionArg::Commit => Version::Commit,
                VersionArg::Modified => Version::Modified,
            },
            token: self.token.clone(),
            daily_requests: self.daily_requests,
            rolling_requests: self.rolling_requests,
            seed: self.seed,
            faults: self.faults.clone(),
            people_per_second: self.people_per_second,
            destinations: Destinations {
                changes: self.destinations(self.changes_file.as_ref(), self.changes_topic.as_ref()),
                canonical: self.destinations(self.records_file.as_ref(), self.records_topic.as_ref()),
            },
            accounts: self.accounts.clone(),
            reps: self.reps.clone(),
        })
    }

    fn destinations(&self, file: Option<&PathBuf>, topic: Option<&String>) -> Vec<Destination> {
        let file = file.cloned().map(Destination::File);
        let topic = self.brokers.clone().zip(topic.cloned());
        let topic = topic.map(|(brokers, name)| Destination::Topic { brokers, name });
        file.into_iter().chain(topic).collect()
    }
}
