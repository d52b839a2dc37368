//! JSON into one vector, byte for byte what serde_json writes, at a fraction of its instructions.
//!
//! It looks at each byte of every text, the names of the fields among them, for what must be escaped. Here names are
//! known to need nothing, texts are looked at eight bytes at once, and serde_json has those in which something is found.

use serde::Serialize;

use crate::domain::Secs;
use crate::wire::digits;
use crate::wire::instant::Rfc3339;

/// What each method writes stands behind JSON that is passed as it is: a field's name, and the comma in front of it.
pub struct Writer {
    out: Vec<u8>,
}

impl Writer {
    /// `expected`: about how many bytes will be written.
    pub fn new(expected: usize) -> Writer {
        Writer { out: Vec::with_capacity(expected) }
    }

    pub fn end(self) -> Vec<u8> {
        self.out
    }

    /// JSON as it stands.
    #[inline]
    pub fn raw(&mut self, json: &str) {
        self.out.extend_from_slice(json.as_bytes());
    }

    #[inline]
    pub fn text(&mut self, before: &str, text: &str) {
        self.raw(before);
        self.put_text(text);
    }

    #[inline]
    pub fn text_or_null(&mut self, before: &str, text: Option<&str>) {
        self.raw(before);
        match text {
            Some(text) => self.put_text(text),
            None => self.raw("null"),
        }
    }

    /// A text that is known to need no backslash.
    #[inline]
    pub fn plain(&mut self, before: &str, text: &[u8]) {
        self.raw(before);
        self.put_plain(text);
    }

    #[inline]
    pub fn instant(&mut self, before: &str, at: Secs) {
        self.raw(before);
        self.put_instant(at);
    }

    #[inline]
    pub fn instant_or_null(&mut self, before: &str, at: Option<Secs>) {
        self.raw(before);
        match at {
            Some(at) => self.put_instant(at),
            None => self.raw("null"),
        }
    }

    #[inline]
    pub fn number(&mut self, before: &str, number: u64) {
        self.raw(before);
        digits::put(&mut self.out, number);
    }

    #[inline]
    pub fn flag(&mut self, before: &str, flag: bool) {
        self.raw(before);
        self.raw(if flag { "true" } else { "false" });
    }

    /// A fraction: as many digits as it needs, and one at least, as serde_json has it. No two numbers with up to fifteen
    /// digits are the same f64, so that its digits for that are these.
    pub fn thousandths(&mut self, before: &str, thousandths: u64) {
        self.number(before, thousandths / 1_000);
        let rest = (thousandths % 1_000) as u32;
        let [tens, ones] = digits::pair(rest % 100);
        let digits = [b'.', b'0' + (rest / 100) as u8, tens, ones];
        let used = if ones > b'0' { 4 } else { 3 - usize::from(tens == b'0') };
        self.out.extend_from_slice(&digits[..used]);
    }

    /// Any other number.
    pub fn fraction(&mut self, before: &str, number: f64) {
        self.raw(before);
        self.leave(&number);
    }

    /// Ends a list or an object. All that stands in it has a comma behind it; the last one's makes room.
    pub fn close(&mut self, bracket: &str) {
        if self.out.last() == Some(&b',') {
            self.out.pop();
        }
        self.raw(bracket);
    }

    fn put_text(&mut self, text: &str) {
        if is_plain(text.as_bytes()) { self.put_plain(text.as_bytes()) } else { self.leave(text) }
    }

    #[inline]
    fn put_plain(&mut self, text: &[u8]) {
        self.out.push(b'"');
        self.out.extend_from_slice(text);
        self.out.push(b'"');
    }

    fn put_instant(&mut self, at: Secs) {
        Rfc3339::from(at).with(|text| self.put_plain(text));
    }

    /// To serde_json.
    #[cold]
    fn leave(&mut self, value: &(impl Serialize + ?Sized)) {
        serde_json::to_writer(&mut self.out, value)
            .expect("texts and numbers always serialise, and a vector takes all");
    }
}

/// Nothing in it needs a backslash.
#[inline]
fn is_plain(text: &[u8]) -> bool {
    match (text.last_chunk(), text.first_chunk(), text.last_chunk()) {
        // Some of the last bytes are looked at twice here: quicker than one by one.
        (Some(end), ..) => {
            let odd = text.as_chunks().0.iter().fold(0, |odd, eight| odd | odd_bytes(u64::from_le_bytes(*eight)));
            odd | odd_bytes(u64::from_le_bytes(*end)) == 0
        }
        (_, Some(start), Some(end)) => {
            let (start, end) = (u32::from_le_bytes(*start), u32::from_le_bytes(*end));
            odd_bytes(u64::from(start) << 32 | u64::from(end)) == 0
        }
        _ => !text.iter().any(|byte| matches!(byte, ..b' ' | b'"' | b'\\')),
    }
}

/// Not zero if one of eight bytes is a quote, a backslash or a control character.
///
/// After "Determine if a word has a byte less than n", <https://graphics.stanford.edu/~seander/bithacks.html>.
#[inline]
fn odd_bytes(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    let below = |word: u64, least: u8| word.wrapping_sub(ONES * u64::from(least)) & !word;
    let is = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    (below(word, b' ') | is(b'"') | is(b'\\')) & (ONES << 7)
}

/// Of any length around those at which [`is_plain`] looks otherwise; some need backslashes.
#[cfg(test)]
pub fn odd_texts() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    let letters = prop_oneof![
        20 => proptest::char::range('a', 'z'),
        1 => proptest::char::range('\0', '\u{80}'),
        1 => proptest::sample::select(vec!['"', '\\', '\n', '\u{1f}', '\u{7f}', 'ü', '→', '😀', '\u{2028}']),
    ];
    proptest::collection::vec(letters, 0..40).prop_map(String::from_iter)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(text: &str) -> String {
        let mut out = Writer::new(0);
        out.text("", text);
        String::from_utf8(out.end()).unwrap()
    }

    #[test]
    fn every_byte_in_every_place_is_escaped_as_by_serde_json() {
        for length in 1..=20 {
            for (place, odd) in (0..length).flat_map(|place| (0..=0x7f).map(move |odd| (place, odd))) {
                let mut text = vec![b'x'; length];
                text[place] = odd;
                let text = String::from_utf8(text).unwrap();
                assert_eq!(written(&text), serde_json::to_string(&text).unwrap());
            }
        }
        assert_eq!(written(""), r#""""#);
    }

    #[test]
    fn thousandths_are_serde_jsons() {
        let ends = [u64::from(u32::MAX) - 1, u64::from(u32::MAX), 999_999_999_999_999];
        for thousandths in (0..100_000).chain(ends) {
            let mut out = Writer::new(0);
            out.thousandths("", thousandths);
            let expected = serde_json::to_string(&(thousandths as f64 / 1_000.0)).unwrap();
            assert_eq!(String::from_utf8(out.end()).unwrap(), expected);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn texts_are_serde_jsons(text in odd_texts()) {
            prop_assert_eq!(written(&text), serde_json::to_string(&text).unwrap());
        }
    }
}
