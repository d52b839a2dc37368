//! What is looked at before anything is parsed: length, frame, encoding, depth.

use super::Rejection;
use crate::domain::Code;
use crate::domain::feeds::FeedLimits;

/// First bytes of Schema-Registry frames: an id of four bytes follows, or a GUID.
const FRAMES: [u8; 2] = [0x00, 0x01];

/// The record as text, if it may be one; how deep it nests is still to be asked.
pub fn text<'a>(limits: &FeedLimits, bytes: &'a [u8]) -> Result<&'a str, Rejection> {
    if bytes.len() > limits.record_bytes {
        return Err(Rejection::new(Code::TooLarge, format!("more than {} bytes", limits.record_bytes)));
    }
    if bytes.first().is_some_and(|byte| FRAMES.contains(byte)) {
        let detail = "looks framed by a schema registry: JSON is expected";
        return Err(Rejection::new(Code::LooksFramed, detail));
    }
    std::str::from_utf8(bytes)
        .map_err(|error| Rejection::new(Code::NotUtf8, format!("not UTF-8 from byte {} on", error.valid_up_to())))
}

pub fn nesting(limits: &FeedLimits, text: &str) -> Result<(), Rejection> {
    if depth(text.as_bytes()) > limits.depth {
        return Err(Rejection::new(Code::TooDeep, format!("nested deeper than {} levels", limits.depth)));
    }
    Ok(())
}

/// How deep brackets outside of strings nest. Right for JSON; for anything else the parser has the last word.
fn depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut inside, mut escaped) = (0usize, 0usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => inside = !inside,
            b'{' | b'[' if !inside => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !inside => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_brackets_outside_of_strings() {
        for (json, levels) in [
            ("1", 0),
            ("{}", 1),
            (r#"{"a":[1,{"b":2}],"c":{}}"#, 3),
            (r#"{"a":"[[[[{{{{"}"#, 1),
            (r#"{"a":"\"[[","b":"\\"}"#, 1),
            (r#"{"a":"\\\"[["}"#, 1),
            ("]]]]{", 1),
        ] {
            assert_eq!(depth(json.as_bytes()), levels, "{json}");
        }
    }

    #[test]
    fn each_guard_stops_its_own() {
        let limits = FeedLimits { record_bytes: 10, depth: 2, ..FeedLimits::default() };
        let guarded = |bytes| text(&limits, bytes).and_then(|text| nesting(&limits, text));
        let code = |bytes: &'static [u8]| guarded(bytes).map_err(|rejection| rejection.code);
        assert_eq!(text(&limits, b"{}"), Ok("{}"));
        assert_eq!(code(b"{}"), Ok(()));
        assert_eq!(code(b"[[1],[2]]"), Ok(()));
        assert_eq!(code(b"12345678901"), Err(Code::TooLarge));
        assert_eq!(code(b"\x00\x00\x00\x00\x2a{}"), Err(Code::LooksFramed));
        assert_eq!(code(b"\x01"), Err(Code::LooksFramed));
        assert_eq!(code(b"{\"\xff\"}"), Err(Code::NotUtf8));
        assert_eq!(code(b"[[[]]]"), Err(Code::TooDeep));
    }
}
