//! Who an event is about and who acted, judged as they are scanned: what `people` says on the long way.

use smallvec::SmallVec;
use smol_str::ToSmolStr;

use super::fields::{IdText, Judge};
use super::keys::fields;
use crate::domain::ids::Actor;
use crate::domain::{Candidate, Candidates, Text};
use crate::feed::people::{self, VENDORS_MAX};
use crate::feed::scan::{Fields, Found, NOTHING, Scan};
use crate::feed::secret::{Person, holds_address};

/// The ways to find the account, in order of trust.
#[inline]
pub fn candidates(judge: &Judge, scan: &mut Scan, found: &mut Candidates) -> Option<()> {
    let mut account = Account { judge, seen: 0, found, is_sorted: true, site: NOTHING, mail: NOTHING };
    scan.object(&mut account)?;
    account.end();
    Some(())
}

struct Account<'a, 'd> {
    judge: &'d Judge<'d>,
    seen: u16,
    found: &'d mut Candidates,
    is_sorted: bool,
    site: Found<'a>,
    mail: Found<'a>,
}

fields! {
    Account: |this, scan| {
        "crm_id" => this.crm_id(scan)?,
        "vendor_ids" => this.vendor_ids(scan)?,
        "domain" => this.site = this.judge.text(scan)?,
        "email" => this.mail = this.judge.text(scan)?,
    }
}

impl<'a> Account<'a, '_> {
    #[inline]
    fn crm_id(&mut self, scan: &mut Scan<'a>) -> Option<()> {
        let id = self.judge.id(scan)?;
        if !id.is_empty() {
            self.is_sorted &= self.found.is_empty();
            self.found.push(Candidate::CrmId(id));
        }
        Some(())
    }

    #[inline]
    fn vendor_ids(&mut self, scan: &mut Scan<'a>) -> Option<()> {
        let mut vendors = Vendors { judge: self.judge, found: self.found, names: SmallVec::new() };
        scan.object(&mut vendors)?;
        self.is_sorted &= vendors.names.len() <= 1;
        Some(())
    }

    /// What names no company is left out.
    #[inline]
    fn end(self) {
        if !self.is_sorted {
            // Theirs is the order of trust, and of vendors' names.
            self.found.sort();
        }
        let (site, mail) = (self.site.text, self.mail.text);
        let site = Some(site).filter(|site| !site.is_empty());
        let mail = Some(mail).filter(|mail| !mail.is_empty());
        people::companies(self.judge.domains, site, mail, self.found);
    }
}

/// Names and ids of vendors.
struct Vendors<'a, 'd> {
    judge: &'d Judge<'d>,
    found: &'d mut Candidates,
    names: SmallVec<[&'a str; 2]>,
}

impl<'a> Fields<'a> for Vendors<'a, '_> {
    fn field(&mut self, key: Found<'a>, scan: &mut Scan<'a>) -> Option<()> {
        let vendor = self.judge.clean(key)?;
        let is_wrong = vendor.text.is_empty() || vendor.has_at && holds_address(vendor.text);
        if is_wrong || self.names.contains(&vendor.text) || self.names.len() == VENDORS_MAX {
            return None;
        }
        self.names.push(vendor.text);
        let id = self.judge.id(scan)?;
        if !id.is_empty() {
            self.found.push(Candidate::VendorId { vendor: Text::new(vendor.text), id });
        }
        Some(())
    }
}

/// The rep who acted, by the first of these that there is.
#[inline]
pub fn actor(judge: &Judge, scan: &mut Scan) -> Option<Option<Actor>> {
    let mut named = Named { judge, seen: 0, id: Text::default(), address: NOTHING, alias: NOTHING };
    scan.object(&mut named)?;
    let alias = if named.address.text.is_empty() { named.alias } else { named.address };
    Some(match (named.id.is_empty(), alias.text) {
        (false, _) => Some(Actor::Rep(named.id)),
        (true, "") => None,
        (true, alias) => Some(Actor::Alias(people::alias(&judge.reader, alias))),
    })
}

struct Named<'a, 'd> {
    judge: &'d Judge<'d>,
    seen: u16,
    id: Text,
    address: Found<'a>,
    alias: Found<'a>,
}

fields! {
    Named: |this, scan| {
        "crm_id" => this.id = this.judge.id(scan)?,
        "email" => this.address = this.judge.text(scan)?,
        "alias" => this.alias = this.judge.text(scan)?,
    }
}

/// The contact's hash; 0 where none is named.
#[inline]
pub fn contact(judge: &Judge, scan: &mut Scan) -> Option<u32> {
    let mut contact = Contact { judge, seen: 0, id: IdText::Text(NOTHING), address: NOTHING };
    scan.object(&mut contact)?;
    let secret = judge.reader.secret;
    Some(match (contact.id, contact.address.text) {
        (IdText::Number(number), _) => people::contact_number(secret.hash(Person::ContactId, &number.to_smolstr())),
        (IdText::Text(Found { text: "", .. }), "") => 0,
        (IdText::Text(Found { text: "", .. }), address) => {
            people::contact_number(secret.hash_address(Person::ContactAddress, address))
        }
        (IdText::Text(Found { text, .. }), _) => people::contact_number(secret.hash(Person::ContactId, text)),
    })
}

struct Contact<'a, 'd> {
    judge: &'d Judge<'d>,
    seen: u16,
    id: IdText<'a>,
    address: Found<'a>,
}

fields! {
    Contact: |this, scan| {
        "crm_id" => this.id = this.judge.id_text(scan)?,
        "email" => this.address = this.judge.text(scan)?,
    }
}
