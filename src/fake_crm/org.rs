//! The org: users, accounts and the history of owners. Every change is checked first, and then committed under a number.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fence::{self, Values};
use super::refusal::{QUEUE_PREFIX, Refusal};
use super::shape::{Kind, OWNER_ID, Role, Shape, Stamp};
use crate::domain::{Millis, Text};

/// Where commit numbers begin: beyond 2^53, as real ones are, so that whoever reads them as floats is found out.
const FIRST_COMMIT: u64 = 1_745_500_000_000_000_000;
/// Accounts at most, deleted ones included.
pub const MAX_ACCOUNTS: usize = 1_000_000;
pub const MAX_USERS: usize = 65_534;
/// Rows of history at most; an org that has so many takes no more changes.
pub const MAX_HISTORY: usize = 2_000_000;

/// The user by whose name APIs write.
pub const INTEGRATION_USER: &str = "bookd-integration";
/// Where the assignment rule puts accounts whose writers forget to switch it off.
pub const ASSIGNMENT_RULE_OWNER: &str = "assignment-rule";

/// Who changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Author {
    /// By `INTEGRATION_USER`, through an API.
    Integration,
    Person(Text),
}

impl Author {
    pub fn user(&self) -> &str {
        match self {
            Author::Integration => INTEGRATION_USER,
            Author::Person(user) => user,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Fields that hold something. Null is absence.
    pub values: Values,
    pub created: Millis,
    pub modified: Millis,
    pub modified_by: Text,
    /// Of its last change; 0: as it was loaded.
    pub commit: u64,
    pub deleted: bool,
    /// The account that it was merged into.
    pub merged_into: Option<Text>,
    /// The integration user may not change it.
    pub read_only: bool,
}

/// What a record shall hold: null clears.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    pub account: Text,
    pub values: Values,
}

/// A write of an owner's field, whether or not it changed who owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub commit: u64,
    pub at: Millis,
    pub account: Text,
    pub role: Text,
    pub from: Option<Text>,
    pub to: Option<Text>,
    pub by: Text,
    pub integration: bool,
    /// The stamps that the integration user wrote beside it.
    pub command: Option<Text>,
    pub sequence: Option<u64>,
    pub expected: Option<Text>,
}

/// What a commit did to one account, for the change events.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub commit: u64,
    /// Its place within the commit, from 1.
    pub number: usize,
    pub at: Millis,
    pub author: Author,
    pub account: Text,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// The fields whose value changed, null for those that hold nothing now.
    Update(Values),
    Delete,
}

pub struct Org {
    pub shape: Shape,
    /// The user who owns in the CRM what nobody owns: `OwnerId` can't be empty.
    pub nobody: Text,
    pub fence: bool,
    /// Users by id, and whether they are active.
    users: BTreeMap<Text, bool>,
    accounts: BTreeMap<Text, Account>,
    history: Vec<Change>,
    commits: u64,
    /// Of the last commit: instants never go back.
    last: Millis,
}

impl Org {
    pub fn new(roles: &[Role], nobody: Text, fence: bool) -> Org {
        let users = [nobody.clone(), INTEGRATION_USER.into(), ASSIGNMENT_RULE_OWNER.into()];
        Org {
            shape: Shape::new(roles),
            nobody,
            fence,
            users: users.into_iter().map(|user| (user, true)).collect(),
            accounts: BTreeMap::new(),
            history: Vec::new(),
            commits: 0,
            last: Millis(0),
        }
    }

    pub fn account(&self, id: &str) -> Option<&Account> {
        self.accounts.get(id)
    }

    pub fn accounts(&self) -> impl Iterator<Item = (&Text, &Account)> {
        self.accounts.iter()
    }

    pub fn history(&self) -> &[Change] {
        &self.history
    }

    pub fn users(&self) -> impl Iterator<Item = (&Text, bool)> {
        self.users.iter().map(|(user, active)| (user, *active))
    }

    pub fn is_full(&self) -> bool {
        self.history.len() >= MAX_HISTORY
    }

    pub fn commits(&self) -> u64 {
        self.commits
    }

    /// Makes the user known; `None` leaves one who is known as they are.
    pub fn set_user(&mut self, user: &str, active: Option<bool>) -> Result<(), String> {
        if !self.users.contains_key(user) && self.users.len() >= MAX_USERS {
            return Err(format!("more than {MAX_USERS} users"));
        }
        let known = self.users.entry(user.into()).or_insert(true);
        *known = active.unwrap_or(*known);
        Ok(())
    }

    /// Puts an account there as it is, without a commit: how the org was before anybody looked.
    pub fn load(&mut self, id: Text, values: Values, now: Millis) -> Result<(), String> {
        if !self.accounts.contains_key(&id) && self.accounts.len() >= MAX_ACCOUNTS {
            return Err(format!("more than {MAX_ACCOUNTS} accounts"));
        }
        let account = self.accounts.entry(id).or_insert_with(|| Account {
            values: Values::new(),
            created: now,
            modified: now,
            modified_by: INTEGRATION_USER.into(),
            commit: 0,
            deleted: false,
            merged_into: None,
            read_only: false,
        });
        overlay(&mut account.values, &values);
        Ok(())
    }

    pub fn unload(&mut self, id: &str) {
        self.accounts.remove(id);
    }

    /// False if there is no such account.
    pub fn protect(&mut self, id: &str, read_only: bool) -> bool {
        let Some(account) = self.accounts.get_mut(id) else { return false };
        account.read_only = read_only;
        true
    }

    /// Whether the author may do this now.
    pub fn check(&self, author: &Author, update: &Update, now: Millis) -> Result<(), Refusal> {
        let account = self.check_without_fence(author, update)?;
        if *author == Author::Integration && self.fence {
            let mut after = account.values.clone();
            overlay(&mut after, &update.values);
            fence::check(&self.shape.roles, &account.values, &after, now)?;
        }
        Ok(())
    }

    /// Likewise in a CRM that has no validation rules. Returns the account as it is.
    pub fn check_without_fence(&self, author: &Author, update: &Update) -> Result<&Account, Refusal> {
        let account = self.accounts.get(&update.account).ok_or(Refusal::UnknownAccount)?;
        if account.deleted {
            return Err(Refusal::Deleted);
        }
        let integration = *author == Author::Integration;
        if integration && account.read_only {
            return Err(Refusal::ReadOnly);
        }
        update.values.iter().try_for_each(|(field, value)| self.check_value(integration, account, field, value))?;
        Ok(account)
    }

    fn check_value(&self, integration: bool, account: &Account, name: &Text, value: &Value) -> Result<(), Refusal> {
        let field = self.shape.field(name).ok_or_else(|| Refusal::NotUpdateable { field: name.clone() })?;
        if integration && !field.updateable {
            return Err(Refusal::NotUpdateable { field: name.clone() });
        }
        if field.kind == Kind::User {
            return self.check_owner(account, name, value);
        }
        let text = value.as_str().unwrap_or_default();
        if field.kind == Kind::Text && text.chars().count() > field.length() {
            return Err(Refusal::TooLong { field: name.clone(), value: text.to_owned(), length: field.length() });
        }
        Ok(())
    }

    fn check_owner(&self, account: &Account, field: &Text, value: &Value) -> Result<(), Refusal> {
        let Some(user) = value.as_str().filter(|user| !user.is_empty()) else {
            return if field == OWNER_ID { Err(Refusal::NoOwner { field: field.clone() }) } else { Ok(()) };
        };
        // Who owned an account when they were deactivated goes on to own it.
        if account.values.get(field).and_then(Value::as_str) == Some(user) {
            return Ok(());
        }
        let (field, user) = (field.clone(), Text::from(user));
        if user.starts_with(QUEUE_PREFIX) {
            return Err(Refusal::QueueOwner { field, queue: user });
        }
        match self.users.get(&user) {
            None => Err(Refusal::UnknownOwner { field, user }),
            Some(false) => Err(Refusal::InactiveOwner { field, user }),
            Some(true) => Ok(()),
        }
    }

    /// Does what was checked, in one commit. The assignment rule runs behind the validation rules, as it does there.
    pub fn commit(&mut self, author: &Author, mut updates: Vec<Update>, assign: bool, now: Millis) -> Vec<Event> {
        if updates.is_empty() {
            return Vec::new();
        }
        let (commit, at) = self.begin(now);
        let mut events = Vec::with_capacity(updates.len());
        for (index, update) in updates.iter_mut().enumerate() {
            if assign {
                update.values.insert(OWNER_ID.into(), ASSIGNMENT_RULE_OWNER.into());
            }
            let changed = self.apply(author, update, commit, at);
            let (account, author) = (update.account.clone(), author.clone());
            events.push(Event { commit, number: index + 1, at, author, account, what: What::Update(changed) });
        }
        events
    }

    fn begin(&mut self, now: Millis) -> (u64, Millis) {
        self.commits += 1;
        self.last = self.last.max(now);
        (FIRST_COMMIT + self.commits, self.last)
    }

    /// Returns the fields whose value changed.
    fn apply(&mut self, author: &Author, update: &Update, commit: u64, at: Millis) -> Values {
        let Some(account) = self.accounts.get_mut(&update.account) else { return Values::new() };
        let before = account.values.clone();
        overlay(&mut account.values, &update.values);
        account.modified = at;
        account.modified_by = author.user().into();
        account.commit = commit;
        let after = &account.values;
        let written = self.shape.roles.iter().filter(|role| update.values.contains_key(&role.owner));
        let integration = *author == Author::Integration;
        let rows = written.map(|role| Change {
            commit,
            at,
            account: update.account.clone(),
            role: role.name.clone(),
            from: owner(&before, role, &self.nobody),
            to: owner(after, role, &self.nobody),
            by: author.user().into(),
            integration,
            command: integration.then(|| text(after, &role.stamp(Stamp::Command))).flatten(),
            sequence: integration.then(|| number(after, &role.stamp(Stamp::Sequence))).flatten(),
            expected: integration.then(|| text(after, &role.stamp(Stamp::ExpectedOwner))).flatten(),
        });
        self.history.extend(rows);
        let names = update.values.keys();
        let changed = names.filter(|name| before.get(*name) != after.get(*name));
        changed.map(|name| (name.clone(), after.get(name).cloned().unwrap_or_default())).collect()
    }

    /// Two accounts become one: the loser is deleted, and its owners' fields stay as they were.
    pub fn merge(&mut self, author: &Author, survivor: &str, loser: &str, now: Millis) -> Result<Vec<Event>, Refusal> {
        let living = |id: &str| match self.accounts.get(id) {
            None => Err(Refusal::UnknownAccount),
            Some(account) if account.deleted => Err(Refusal::Deleted),
            Some(_) => Ok(()),
        };
        living(survivor)?;
        living(loser)?;
        if survivor == loser {
            return Err(Refusal::Twice { account: loser.into() });
        }
        let (commit, at) = self.begin(now);
        let event =
            |number, id: &str, what| Event { commit, number, at, author: author.clone(), account: id.into(), what };
        for id in [survivor, loser] {
            if let Some(account) = self.accounts.get_mut(id) {
                account.modified = at;
                account.modified_by = author.user().into();
                account.commit = commit;
                if id == loser {
                    account.deleted = true;
                    account.merged_into = Some(survivor.into());
                }
            }
        }
        Ok(vec![event(1, loser, What::Delete), event(2, survivor, What::Update(Values::new()))])
    }

    /// Who owns the account in the role as bookd means it: nobody, where the CRM has its stand-in.
    pub fn owner(&self, account: &Account, role: &Role) -> Option<Text> {
        owner(&account.values, role, &self.nobody)
    }

    /// The account that an id leads to behind merges, as HubSpot does it.
    pub fn survivor<'a>(&'a self, id: &'a str) -> &'a str {
        let mut id = id;
        while let Some(next) = self.accounts.get(id).and_then(|account| account.merged_into.as_deref()) {
            id = next;
        }
        id
    }
}

fn owner(values: &Values, role: &Role, nobody: &str) -> Option<Text> {
    text(values, &role.owner).filter(|owner| owner != nobody)
}

fn text(values: &Values, field: &str) -> Option<Text> {
    values.get(field).and_then(Value::as_str).map(Text::from)
}

/// A sequence, whether it came as 7 or as 7.0.
fn number(values: &Values, field: &str) -> Option<u64> {
    values.get(field).and_then(Value::as_f64).map(|number| number as u64)
}

/// Writes what an update says over what is there.
fn overlay(values: &mut Values, update: &Values) {
    for (name, value) in update {
        if value.is_null() || *value == "" {
            values.remove(name);
        } else {
            values.insert(name.clone(), value.clone());
        }
    }
}
