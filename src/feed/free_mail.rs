//! Domains where anybody gets an address: they say nothing about a company.
//!
//! The well-known ones; configuration adds more. Providers of access whose company has another domain
//! (comcast.net, t-online.de) are here too.

/// Sorted.
pub const DOMAINS: &[&str] = &[
    "10minutemail.com",
    "126.com",
    "139.com",
    "163.com",
    "abv.bg",
    "alice.it",
    "aol.com",
    "aol.de",
    "arcor.de",
    "att.net",
    "bellsouth.net",
    "bigpond.com",
    "bigpond.net.au",
    "bk.ru",
    "bluewin.ch",
    "blueyonder.co.uk",
    "bol.com.br",
    "btinternet.com",
    "centrum.cz",
    "charter.net",
    "comcast.net",
    "cox.net",
    "daum.net",
    "duck.com",
    "earthlink.net",
    "email.com",
    "fastmail.com",
    "fastmail.fm",
    "foxmail.com",
    "free.fr",
    "freenet.de",
    "frontier.com",
    "guerrillamail.com",
    "hanmail.net",
    "hey.com",
    "hushmail.com",
    "ig.com.br",
    "inbox.lv",
    "inbox.ru",
    "interia.pl",
    "juno.com",
    "laposte.net",
    "libero.it",
    "list.ru",
    "live.be",
    "live.ca",
    "live.co.uk",
    "live.com",
    "live.com.au",
    "live.com.mx",
    "live.de",
    "live.dk",
    "live.fr",
    "live.it",
    "live.nl",
    "live.no",
    "live.se",
    "mac.com",
    "mail.com",
    "mail.ru",
    "me.com",
    "msn.com",
    "naver.com",
    "neuf.fr",
    "ntlworld.com",
    "o2.pl",
    "onet.pl",
    "op.pl",
    "optonline.net",
    "optusnet.com.au",
    "orange.fr",
    "passport.com",
    "pm.me",
    "posteo.de",
    "proton.me",
    "qq.com",
    "rambler.ru",
    "rediffmail.com",
    "rogers.com",
    "sbcglobal.net",
    "seznam.cz",
    "sfr.fr",
    "shaw.ca",
    "sina.cn",
    "sina.com",
    "skynet.be",
    "sohu.com",
    "sympatico.ca",
    "t-online.de",
    "talktalk.net",
    "telenet.be",
    "telus.net",
    "terra.com.br",
    "tin.it",
    "tiscali.it",
    "tuta.com",
    "tuta.io",
    "tutamail.com",
    "ukr.net",
    "uol.com.br",
    "verizon.net",
    "videotron.ca",
    "virgilio.it",
    "virgin.net",
    "virginmedia.com",
    "wanadoo.fr",
    "web.de",
    "wp.pl",
    "xtra.co.nz",
    "yeah.net",
    "zohomail.com",
];

/// Whether the first label of a registrable domain is one of free mail under any public suffix: gmx.at, yahoo.co.jp,
/// hotmail.com.br.
pub fn is_brand(name: &str) -> bool {
    // One word is looked at after another only where they have the same length.
    matches!(
        name,
        "gmail"
            | "gmx"
            | "googlemail"
            | "hotmail"
            | "icloud"
            | "mailinator"
            | "outlook"
            | "protonmail"
            | "rocketmail"
            | "tutanota"
            | "yahoo"
            | "yandex"
            | "ymail"
    )
}

/// Whether it is one of [`DOMAINS`].
pub fn is_listed(domain: &str) -> bool {
    DOMAINS.binary_search(&domain).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_registrable() {
        assert!(DOMAINS.is_sorted());
        assert!(DOMAINS.iter().all(|domain| psl::domain_str(domain) == Some(domain)));
    }

    #[test]
    fn brands_count_under_any_suffix() {
        let is_brand = |domain: &str| is_brand(domain.split('.').next().unwrap_or(domain));
        for domain in ["gmail.com", "gmx.at", "yahoo.co.jp", "web.de", "live.com"] {
            assert!(is_brand(domain) || is_listed(domain), "{domain}");
        }
        for domain in ["acme.com", "gmailtools.com", "live.events", "comcast.com", "zoho.com"] {
            assert!(!is_brand(domain) && !is_listed(domain), "{domain}");
        }
    }
}
