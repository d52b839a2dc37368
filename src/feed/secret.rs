//! Keyed hashes that stand for people: contacts, aliases of reps, whoever asked.
//!
//! The hash is SipHash-2-4, a keyed pseudo-random function. Whoever holds the journal but not the key can't turn a
//! hash back into an address, not even by trying all addresses. Whoever holds both can try: keep them apart.
//! It doesn't hide that two events concern the same person; the engine counts on just that. Without a key
//! (demo, tests) the key is a known constant, and the hashes protect nothing.
//! Keys are for the life of a journal: under another one, known people look like new ones.

use smallvec::SmallVec;

use super::words;

/// Tells apart what is hashed, so that a contact's id is never taken for a rep's alias.
#[derive(Clone, Copy)]
pub enum Person {
    ContactId,
    /// E-mail addresses of contacts.
    ContactAddress,
    /// E-mail addresses and vendors' user ids of reps.
    Alias,
    /// Text that names somebody, in `by` or a free field.
    Pseudonym,
}

#[derive(Clone)]
pub struct Secret {
    key: [u64; 2],
}

impl Secret {
    /// A key of any length becomes SipHash's 128 bits. That needs no strong hash: only the result is secret.
    pub fn new(key: &[u8]) -> Secret {
        let folded = xxhash_rust::xxh3::xxh3_128(key);
        Secret { key: [folded as u64, (folded >> 64) as u64] }
    }

    pub fn hash(&self, person: Person, text: &str) -> u64 {
        siphash_2_4(self.key, &message(person, text))
    }

    /// An address is the same in capitals; its owner doesn't type it the same way twice.
    pub fn hash_address(&self, person: Person, text: &str) -> u64 {
        let text = text.trim();
        if !text.is_ascii() {
            return self.hash(person, &text.to_lowercase());
        }
        let mut message = message(person, text);
        message[1..].make_ascii_lowercase();
        siphash_2_4(self.key, &message)
    }

    /// A text in the place of one that names somebody.
    pub fn pseudonym(&self, text: &str) -> String {
        format!("hash:{:016x}", self.hash(Person::Pseudonym, &text.to_lowercase()))
    }
}

/// What is hashed: who it stands for, and the text. Most addresses and ids stand in place.
fn message(person: Person, text: &str) -> SmallVec<[u8; 64]> {
    let mut message = SmallVec::new();
    message.push(person as u8);
    message.extend_from_slice(text.as_bytes());
    message
}

/// Whether an e-mail address stands somewhere in the text, also with its `@` escaped as in a link.
pub fn holds_address(text: &str) -> bool {
    let suspect = |word| words::equal(word, b'@') | words::equal(word, b'%');
    if words::marks(text.as_bytes(), suspect) == 0 {
        return false;
    }
    ["@", "%40"].iter().any(|at| text.match_indices(at).any(|(place, _)| around(text, place, at.len())))
}

fn around(text: &str, place: usize, width: usize) -> bool {
    let before = text[..place].chars().next_back();
    let domain = text[place + width..].split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '.')).next();
    let dotted = domain.and_then(|domain| domain.split_once('.'));
    before.is_some_and(|c| c.is_alphanumeric() || "._+-'\"".contains(c))
        && dotted.is_some_and(|(name, rest)| !name.is_empty() && rest.chars().next().is_some_and(char::is_alphanumeric))
}

/// SipHash-2-4 (Aumasson, Bernstein 2012), little-endian.
fn siphash_2_4(key: [u64; 2], message: &[u8]) -> u64 {
    let mut state = [
        key[0] ^ 0x736f_6d65_7073_6575,
        key[1] ^ 0x646f_7261_6e64_6f6d,
        key[0] ^ 0x6c79_6765_6e65_7261,
        key[1] ^ 0x7465_6462_7974_6573,
    ];
    let mut words = message.chunks_exact(8);
    for word in &mut words {
        absorb(&mut state, u64::from_le_bytes(word.try_into().expect("eight bytes a chunk")));
    }
    let mut last = (message.len() as u64) << 56;
    for (place, byte) in words.remainder().iter().enumerate() {
        last |= u64::from(*byte) << (8 * place);
    }
    absorb(&mut state, last);
    state[2] ^= 0xff;
    for _ in 0..4 {
        round(&mut state);
    }
    state[0] ^ state[1] ^ state[2] ^ state[3]
}

fn absorb(state: &mut [u64; 4], word: u64) {
    state[3] ^= word;
    round(state);
    round(state);
    state[0] ^= word;
}

fn round(state: &mut [u64; 4]) {
    let [mut a, mut b, mut c, mut d] = *state;
    a = a.wrapping_add(b);
    b = b.rotate_left(13) ^ a;
    a = a.rotate_left(32);
    c = c.wrapping_add(d);
    d = d.rotate_left(16) ^ c;
    a = a.wrapping_add(d);
    d = d.rotate_left(21) ^ a;
    c = c.wrapping_add(b);
    b = b.rotate_left(17) ^ c;
    c = c.rotate_left(32);
    *state = [a, b, c, d];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn siphash_is_the_published_one() {
        // Appendix A of the paper, and the first vectors of its reference implementation.
        let key = [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908];
        let message: Vec<u8> = (0..15).collect();
        assert_eq!(siphash_2_4(key, &message), 0xa129_ca61_49be_45e5);
        assert_eq!(siphash_2_4(key, &[]), 0x726f_db47_dd0e_0e31);
        assert_eq!(siphash_2_4(key, &[0]), 0x74f8_39c5_93dc_67fd);
        assert_eq!(siphash_2_4(key, &message[..8]), 0x93f5_f579_9a93_2462);
    }

    #[test]
    fn the_key_and_the_kind_of_person_matter() {
        let (one, other) = (Secret::new(b"one key of sixteen"), Secret::new(b"another one of that"));
        let hash = one.hash(Person::Alias, "jane@acme.com");
        assert_eq!(hash, one.hash(Person::Alias, "jane@acme.com"));
        assert_ne!(hash, other.hash(Person::Alias, "jane@acme.com"));
        assert_ne!(hash, one.hash(Person::ContactAddress, "jane@acme.com"));
        assert_eq!(one.pseudonym("Jane@Acme.com"), one.pseudonym("jane@acme.com"));
        assert!(!one.pseudonym("jane@acme.com").contains('@'));
    }

    #[test]
    fn addresses_are_found_in_text() {
        for text in ["jane@acme.com", "x?mail=jane%40acme.co.uk&y", "Jane <j.d+x@acme.io>", "jane@mail.acme.com,"] {
            assert!(holds_address(text), "{text}");
        }
        for text in ["medium.com/@acme/post", "@acme", "a @ b.c", "jane@", "5@10", "us@home", "x@.com", "x@a.", ""] {
            assert!(!holds_address(text), "{text}");
        }
    }
}
