//! Who an event is about and who acted: account candidates, actors, contacts.

use super::Rejection;
use super::domains::Domains;
use super::read::{Reader, content};
use super::secret::Person;
use super::slot::{Map, Object, Scalar, Slot, body};
use crate::domain::ids::Actor;
use crate::domain::{Candidate, Candidates};

/// Vendors' ids of one company: more systems than that know nobody.
pub const VENDORS_MAX: usize = 16;

body! {
    pub struct AccountRef<'a> {
        crm_id: Scalar<'a>,
        vendor_ids: Map<'a, Scalar<'a>>,
        domain: Scalar<'a>,
        email: Scalar<'a>,
    }
}

body! {
    pub struct ActorRef<'a> {
        crm_id: Scalar<'a>,
        email: Scalar<'a>,
        alias: Scalar<'a>,
    }
}

body! {
    pub struct ContactRef<'a> {
        crm_id: Scalar<'a>,
        email: Scalar<'a>,
    }
}

/// The ways to find the account, in order of trust. What names no company is left out.
pub fn candidates(
    reader: &Reader,
    domains: &Domains,
    slot: &Slot<Object<AccountRef>>,
) -> Result<Candidates, Rejection> {
    let Some(Object(account)) = content("account", slot, "an object")? else { return Ok(Candidates::new()) };
    let mut found = Candidates::new();
    if let Some(id) = reader.id("account.crm_id", &account.crm_id)? {
        found.push(Candidate::CrmId(id));
    }
    for (vendor, id) in reader.entries("account.vendor_ids", &account.vendor_ids, VENDORS_MAX)? {
        if let Some(id) = reader.id("account.vendor_ids", id)? {
            found.push(Candidate::VendorId { vendor: vendor.into(), id });
        }
    }
    let site = reader.text("account.domain", &account.domain)?;
    let mail = reader.text("account.email", &account.email)?;
    companies(domains, site, mail, &mut found);
    Ok(found)
}

/// The companies that a site and an address name, last in order of trust.
pub fn companies(domains: &Domains, site: Option<&str>, mail: Option<&str>, found: &mut Candidates) {
    let mail = mail.filter(|mail| !is_at(mail, site)).and_then(|text| domains.of_address(text));
    let site = site.and_then(|text| domains.of_site(text));
    let mail = mail.filter(|mail| Some(mail) != site.as_ref());
    if let Some(domain) = site {
        found.push(Candidate::Domain(domain));
    }
    if let Some(domain) = mail {
        found.push(Candidate::EmailDomain(domain));
    }
}

/// Whether an address names just the site that is written beside it: it says nothing more, whatever that is.
fn is_at(address: &str, site: Option<&str>) -> bool {
    let before = site.filter(|site| !site.contains('@')).and_then(|site| address.strip_suffix(site));
    before.is_some_and(|before| before.ends_with('@'))
}

/// The rep who acted. An object that names nobody is nobody.
pub fn actor(reader: &Reader, slot: &Slot<Object<ActorRef>>) -> Result<Option<Actor>, Rejection> {
    let Some(Object(actor)) = content("actor", slot, "an object")? else { return Ok(None) };
    if let Some(id) = reader.id("actor.crm_id", &actor.crm_id)? {
        return Ok(Some(Actor::Rep(id)));
    }
    if let Some(address) = reader.text("actor.email", &actor.email)? {
        return Ok(Some(Actor::Alias(alias(reader, address))));
    }
    Ok(reader.text("actor.alias", &actor.alias)?.map(|text| Actor::Alias(alias(reader, text))))
}

/// The hash under which a rep's address or vendor's user id is known.
pub fn alias(reader: &Reader, text: &str) -> u64 {
    match text.as_bytes().contains(&b'@') {
        true => reader.secret.hash_address(Person::Alias, text),
        false => reader.secret.hash(Person::Alias, text),
    }
}

/// The contact's hash; 0 where none is named.
pub fn contact(reader: &Reader, slot: &Slot<Object<ContactRef>>) -> Result<u32, Rejection> {
    let Some(Object(contact)) = content("contact", slot, "an object")? else { return Ok(0) };
    if let Slot::Is(scalar) = &contact.crm_id
        && let Some(digits) = scalar.digits()
    {
        return Ok(contact_number(reader.secret.hash(Person::ContactId, &digits)));
    }
    if let Some(id) = reader.text("contact.crm_id", &contact.crm_id)? {
        return Ok(contact_number(reader.secret.hash(Person::ContactId, id)));
    }
    let address = reader.text("contact.email", &contact.email)?;
    Ok(address.map_or(0, |address| contact_number(reader.secret.hash_address(Person::ContactAddress, address))))
}

/// 32 bits, never 0, which names nobody.
pub fn contact_number(hash: u64) -> u32 {
    (hash as u32).max(1)
}
