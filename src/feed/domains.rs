//! A company's registrable domain, from whatever CRMs and vendors write into a domain field.
//!
//! URL or host → host alone → lower-case punycode → what the public suffix list says somebody can register →
//! not one of free mail → the domain that it is an alias of. What names no company is `None`, never an error: a
//! CRM's website field holds "n/a" often enough, and a record isn't worth less for it.

use std::collections::{BTreeMap, BTreeSet};

use std::borrow::Cow;

use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};

use super::free_mail;
use super::host::{Host, Registrable, registrable};
use crate::domain::Text;

#[derive(Clone, Debug)]
pub struct Domains {
    free_mail: BTreeSet<String>,
    aliases: BTreeMap<String, String>,
    special: Filter,
}

impl Domains {
    /// Both as `config` gives them, normalised.
    pub fn new(free_mail: BTreeSet<String>, aliases: BTreeMap<String, String>) -> Domains {
        let configured = free_mail.iter().chain(aliases.keys()).map(String::as_str);
        let special = Filter::of(free_mail::DOMAINS.iter().copied().chain(configured));
        Domains { free_mail, aliases, special }
    }

    /// The company's domain in a URL, a host name or a domain.
    pub fn of_site(&self, text: &str) -> Option<Text> {
        match Host::plain(text) {
            Some(host) => self.company(host.registrable()?),
            None => self.of_host(host(text)?),
        }
    }

    /// The company's domain of a business e-mail address.
    pub fn of_address(&self, text: &str) -> Option<Text> {
        let (local, domain) = text.trim().rsplit_once('@')?;
        if local.is_empty() {
            return None;
        }
        // An address has no path and no port; "a@b.com/c" is something else.
        if domain.contains(['/', ':', '?', '#', '\\']) { None } else { self.of_host(domain) }
    }

    fn of_host(&self, host: &str) -> Option<Text> {
        match Host::plain(host) {
            Some(host) => self.company(host.registrable()?),
            None => self.company(registrable(&ascii(host)?)?),
        }
    }

    fn company(&self, found: Registrable) -> Option<Text> {
        let Registrable { domain, name } = found;
        if free_mail::is_brand(name) {
            return None;
        }
        if !self.special.may_hold(domain) {
            return Some(domain.into());
        }
        if free_mail::is_listed(domain) || self.free_mail.contains(domain) {
            return None;
        }
        Some(self.aliases.get(domain).map_or(domain, String::as_str).into())
    }
}

/// Words of 64 bits in a filter: with the two hundred domains that there usually are, one in twenty others passes.
const FILTER_WORDS: usize = 64;

/// A bit for the hash of each of some domains: tells nearly all others by one look that they are none of them.
#[derive(Clone, Debug)]
struct Filter([u64; FILTER_WORDS]);

impl Filter {
    fn of<'a>(domains: impl Iterator<Item = &'a str>) -> Filter {
        let mut filter = Filter([0; FILTER_WORDS]);
        for domain in domains {
            let (word, bit) = Filter::place(domain);
            filter.0[word] |= bit;
        }
        filter
    }

    fn may_hold(&self, domain: &str) -> bool {
        let (word, bit) = Filter::place(domain);
        self.0[word] & bit != 0
    }

    /// By its first and last eight bytes: a hash of all would cost more than it tells.
    fn place(domain: &str) -> (usize, u64) {
        let bytes = domain.as_bytes();
        let word = |bytes: Option<&[u8; 8]>| bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let (first, last) = (word(bytes.first_chunk()), word(bytes.last_chunk()));
        // The golden ratio's bits: its product spreads what is told apart anywhere to the highest bits.
        let hash = (first ^ last.rotate_left(29) ^ bytes.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((hash >> 58) as usize % FILTER_WORDS, 1 << ((hash >> 52) % 64))
    }
}

/// Strips scheme, user, port, path, query and fragment.
fn host(text: &str) -> Option<&str> {
    let text = text.trim();
    let after_scheme = match text.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => rest,
        _ => text.strip_prefix("//").unwrap_or(text),
    };
    let authority = after_scheme.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match host.rsplit_once(':') {
        // An IPv6 address, or no port.
        Some((name, port)) if name.contains(':') || !port.bytes().all(|byte| byte.is_ascii_digit()) => None,
        Some((name, _)) => Some(name),
        None => Some(host),
    }
}

fn is_scheme(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

fn ascii(host: &str) -> Option<Cow<'_, str>> {
    let host = host.strip_suffix('.').unwrap_or(host);
    Uts46::new().to_ascii(host.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domains() -> Domains {
        let free = BTreeSet::from(["freemail.example.com".to_owned(), "mailbox.org".to_owned()]);
        let aliases = BTreeMap::from([("acme.io".to_owned(), "acme.com".to_owned())]);
        Domains::new(free, aliases)
    }

    #[test]
    fn a_site_names_its_registrable_domain() {
        for (text, domain) in [
            ("acme.com", "acme.com"),
            ("ACME.Com", "acme.com"),
            (" www.acme.com ", "acme.com"),
            ("acme.com.", "acme.com"),
            ("https://www.acme.com/path?q=1#top", "acme.com"),
            ("HTTPS://Acme.com", "acme.com"),
            ("//acme.com/x", "acme.com"),
            ("http://user:secret@shop.acme.com:8080/", "acme.com"),
            ("acme.com:443", "acme.com"),
            ("acme.com?utm=1", "acme.com"),
            ("eu.research.acme.co.uk", "acme.co.uk"),
            ("city.kawasaki.jp", "city.kawasaki.jp"),
            ("x.y.compute.amazonaws.com", "x.y.compute.amazonaws.com"),
            ("compute.amazonaws.com", "amazonaws.com"),
            ("jane.github.io", "jane.github.io"),
            ("bücher.de", "xn--bcher-kva.de"),
            ("BÜCHER.DE", "xn--bcher-kva.de"),
            ("xn--bcher-kva.de", "xn--bcher-kva.de"),
            ("straße.de", "xn--strae-oqa.de"),
            ("www.食狮.公司.cn", "xn--85x722f.xn--55qx5d.cn"),
            ("r3---sn-x.acme.com", "acme.com"),
            ("acme。com", "acme.com"),
            ("acme.io", "acme.com"),
            ("https://blog.acme.io", "acme.com"),
            // Somebody wrote an address into the field.
            ("mailto:jane@acme.com", "acme.com"),
            ("linkedin.com/company/acme", "linkedin.com"),
        ] {
            assert_eq!(domains().of_site(text).as_deref(), Some(domain), "{text}");
        }
    }

    #[test]
    fn what_names_no_company() {
        for text in [
            "",
            " ",
            ".",
            "n/a",
            "none",
            "localhost",
            "com",
            "co.uk",
            "github.io",
            "x.compute.amazonaws.com",
            "1.2.3.4",
            "http://1.2.3.4:80/",
            "0x7f.1",
            "2130706433",
            "[2001:db8::1]",
            "http://[::1]/",
            "2001:db8::1",
            "acme.notatld",
            "acme.local",
            "acme..com",
            ".acme.com.",
            "acme com",
            "acme_corp.com",
            "-acme.com",
            "acme%2ecom",
            "acme.com:port",
            "gmail.com",
            "mail.yahoo.co.uk",
            "mailbox.org",
            "a\u{0}b.com",
            "xn--zzzzzzzz99999.com",
        ] {
            assert_eq!(domains().of_site(text), None, "{text}");
        }
        let long = format!("{}.com", "a".repeat(64));
        assert_eq!(domains().of_site(&long), None);
    }

    #[test]
    fn an_address_names_the_company_that_runs_it() {
        for (text, domain) in [
            ("jane@acme.com", Some("acme.com")),
            (" Jane.Doe+x@Mail.ACME.com ", Some("acme.com")),
            ("\"odd@local\"@acme.com", Some("acme.com")),
            ("jane@acme.io", Some("acme.com")),
            ("jane@bücher.de", Some("xn--bcher-kva.de")),
            ("jane@gmail.com", None),
            ("jane@googlemail.com", None),
            ("jane@hotmail.co.uk", None),
            ("jane@mailbox.org", None),
            ("jane@[10.0.0.1]", None),
            ("jane@acme", None),
            ("@acme.com", None),
            ("acme.com", None),
            ("jane@acme.com/x", None),
            ("Jane <jane@acme.com>", None),
        ] {
            assert_eq!(domains().of_address(text).as_deref(), domain, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn idna_leaves_a_plain_host_as_it_is(
            host in "([a-z0-9.-]{1,12}|[a-z]{1,30}|[a-zA-Z0-9_ü.-]{1,6}|xn--[a-z0-9-]{1,8})(\\.[a-z0-9-]{1,20}){0,4}",
        ) {
            if Host::plain(&host).is_some() {
                // Neither a URL's parts nor IDNA change it.
                proptest::prop_assert_eq!(super::host(&host), Some(&*host));
                proptest::prop_assert_eq!(ascii(&host), Some(Cow::Borrowed(&*host)));
                proptest::prop_assert!(!host.contains(['/', ':', '?', '#', '\\', '@']));
            }
        }

        #[test]
        fn a_domain_is_its_own_domain(text in "\\PC{0,30}") {
            if let Some(domain) = domains().of_site(&text) {
                proptest::prop_assert_eq!(domains().of_site(&domain), Some(domain));
            }
        }

        #[test]
        fn addresses_never_panic(text in "[a-z@:/.\\[\\]%ü-]{0,20}") {
            let _ = domains().of_address(&text);
        }
    }
}
