//! A host's labels, and what of it somebody can register by the public suffix list.

use psl::Psl;

use super::stops::host_marks;

/// Longest host that is looked at here: with no more than a label's length, no label is too long.
const BYTES_MAX: usize = 63;

/// Bytes that are looked at together.
const CHUNK: usize = 16;

/// A host that IDNA would leave as it is: short labels of small letters, digits and single hyphens inside. Two hyphens may
/// begin punycode, which must be looked into.
#[derive(Clone, Copy, Debug)]
pub struct Host<'a> {
    text: &'a str,
    /// A bit for the place of each.
    dots: u64,
}

/// What somebody can register, and the first label of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registrable<'a> {
    pub domain: &'a str,
    pub name: &'a str,
}

impl<'a> Host<'a> {
    #[inline]
    pub fn plain(text: &'a str) -> Option<Host<'a>> {
        let bytes = text.as_bytes();
        if bytes.is_empty() || bytes.len() > BYTES_MAX {
            return None;
        }
        let (mut dots, mut hyphens, mut others) = (0u64, 0u64, 0u64);
        let mut look = |chunk: &[u8; CHUNK], place: usize| {
            let marks = host_marks(chunk);
            dots |= u64::from(marks.dots) << place;
            hyphens |= u64::from(marks.hyphens) << place;
            others |= u64::from(marks.others) << place;
        };
        match bytes.last_chunk() {
            // The last ones may overlap those before: looked at twice is no harm.
            Some(last) => {
                look(last, bytes.len() - CHUNK);
                bytes.as_chunks().0.iter().enumerate().for_each(|(number, chunk)| look(chunk, number * CHUNK));
            }
            None => {
                let mut filled = [b'a'; CHUNK];
                filled[..bytes.len()].copy_from_slice(bytes);
                look(&filled, 0);
            }
        }
        // None may begin or end a host, nor follow another.
        let marks = dots | hyphens;
        let ends = 1 | 1 << (bytes.len() - 1);
        (others | marks & (marks >> 1 | ends) == 0).then_some(Host { text, dots })
    }

    #[inline]
    pub fn registrable(&self) -> Option<Registrable<'a>> {
        let dot = dot_before_suffix(self.text, Some(self.dots))?;
        let before = self.dots & ((1 << dot) - 1);
        let start = (u64::BITS - before.leading_zeros()) as usize;
        Some(Registrable { domain: self.text.get(start..)?, name: self.text.get(start..dot)? })
    }
}

/// The same of any host in lower case, by looking for its dots.
pub fn registrable(host: &str) -> Option<Registrable<'_>> {
    let dot = dot_before_suffix(host, None)?;
    let start = host.get(..dot)?.rfind('.').map_or(0, |before| before + 1);
    Some(Registrable { domain: host.get(start..)?, name: host.get(start..dot)? })
}

/// Under a suffix that isn't on the list, nobody can register anything; nor can anybody register the suffix.
#[inline]
fn dot_before_suffix(host: &str, dots: Option<u64>) -> Option<usize> {
    let suffix = psl::List.find(Labels { host: host.as_bytes(), dots, rest: Some(host.len()) });
    suffix.typ?;
    host.len().checked_sub(suffix.len + 1)
}

/// From the last to the first, as the list wants them.
struct Labels<'a> {
    host: &'a [u8],
    /// Those that are still before, if all are known.
    dots: Option<u64>,
    /// Where the next label ends; `None` behind the first one.
    rest: Option<usize>,
}

impl<'a> Iterator for Labels<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let end = self.rest?;
        let start = match &mut self.dots {
            Some(dots) => {
                let start = u64::BITS - dots.leading_zeros();
                *dots &= !((1 << start) >> 1);
                start as usize
            }
            None => self.host.get(..end)?.iter().rposition(|byte| *byte == b'.').map_or(0, |dot| dot + 1),
        };
        self.rest = start.checked_sub(1);
        self.host.get(start..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As plain as it gets, with the list's own walk.
    fn by_the_list(host: &str) -> Option<Registrable<'_>> {
        let domain = psl::domain(host.as_bytes())?;
        let start = host.len() - domain.as_bytes().len();
        let domain = domain.suffix().is_known().then_some(&host[start..])?;
        Some(Registrable { domain, name: domain.split('.').next().unwrap_or(domain) })
    }

    fn is_plain(host: &str) -> bool {
        let marks = |pair: &[u8]| pair.iter().all(|byte| b".-".contains(byte));
        let known = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-');
        (1..=BYTES_MAX).contains(&host.len())
            && host.bytes().all(known)
            && !host.starts_with(['.', '-'])
            && !host.ends_with(['.', '-'])
            && !host.as_bytes().windows(2).any(marks)
    }

    #[test]
    fn what_the_list_says_of_its_odd_ones() {
        for host in [
            "com",
            "acme.com",
            "www.acme.com",
            "co.uk",
            "acme.co.uk",
            "eu.research.acme.co.uk",
            "city.kawasaki.jp",
            "www.city.kawasaki.jp",
            "kawasaki.jp",
            "x.kawasaki.jp",
            "y.x.kawasaki.jp",
            "compute.amazonaws.com",
            "x.compute.amazonaws.com",
            "github.io",
            "jane.github.io",
            "acme.notatld",
            "localhost",
            "ck",
            "www.ck",
            "x.ck",
            "y.x.ck",
        ] {
            let found = Host::plain(host).unwrap_or_else(|| panic!("{host} is plain"));
            assert_eq!(found.registrable(), by_the_list(host), "{host}");
            assert_eq!(registrable(host), by_the_list(host), "{host}");
        }
    }

    proptest! {
        #[test]
        fn what_is_plain(host in "([a-z0-9.-]{0,70}|[a-z]{14,18}[a-zA-Z_é.-]?[a-z.]{0,18}|[ -~]{0,5})") {
            prop_assert_eq!(Host::plain(&host).is_some(), is_plain(&host), "{}", host);
        }

        #[test]
        fn the_list_agrees(
            host in "([a-z0-9-]{1,12}\\.){0,4}(com|de|io|co\\.uk|uk|jp|kawasaki\\.jp|ck|amazonaws\\.com|github\\.io|zz|[a-z]{2})",
        ) {
            if let Some(found) = Host::plain(&host) {
                prop_assert_eq!(registrable(&host), by_the_list(&host), "{}", host);
                prop_assert_eq!(found.registrable(), by_the_list(&host), "{}", host);
            }
        }
    }
}
