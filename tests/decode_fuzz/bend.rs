//! How a record is bent: as a tree, by what writers do, then as bytes, by what goes wrong.

use crate::corpus::Sample;
use crate::draw::Draw;
use crate::odd;
use crate::tree::{Node, Style};

/// Pieces that change what JSON means, or end it.
const PIECES: &[&[u8]] = &[
    b"\\",
    b"\"",
    b"\\u0000",
    b"\\ud800",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"0",
    b"-",
    b".",
    b"e1",
    b" ",
    b"\n",
    b"\0",
    b"\x1f",
    b"\x7f",
    b"\x80",
    b"\xc2\x85",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xf0\x9f\x98\x80",
    b"\xff",
    b"null",
    b"/**/",
    b"@",
    b"%40",
];

pub fn bend(sample: &Sample, draw: &mut Draw) -> Vec<u8> {
    let mut bytes = match serde_json::from_slice(&sample.bytes) {
        Ok(value) if !draw.one_in(4) => rewritten(Node::of(&value), draw).into_bytes(),
        _ => sample.bytes.clone(),
    };
    if draw.one_in(3) {
        for _ in 0..1 + draw.below(3) {
            damage(&mut bytes, draw);
        }
    }
    bytes
}

/// By another writer: other members, other order, other spacing.
fn rewritten(mut tree: Node, draw: &mut Draw) -> String {
    for _ in 0..draw.below(4) {
        let number = draw.below(tree.objects());
        if let Some(members) = tree.object(number) {
            change(members, draw);
        }
    }
    let number = draw.below(tree.lists());
    if let Some(items) = tree.list(number).filter(|_| draw.one_in(2)) {
        change_items(items, draw);
    }
    let style = *draw.one_of(&[Style::Compact, Style::Spaced, Style::Wild]);
    let mut text = String::new();
    tree.write(style, draw, &mut text);
    text
}

fn change(members: &mut Vec<(String, Node)>, draw: &mut Draw) {
    let (one, other) = (draw.below(members.len()), draw.below(members.len()));
    match draw.below(8) {
        0 | 1 if !members.is_empty() => members[one].1 = odd::value(draw),
        2 | 3 if !members.is_empty() => members.swap(one, other),
        4 if !members.is_empty() => drop(members.remove(one)),
        5 if !members.is_empty() => members[one].0 = odd::key(draw),
        // A key twice, with another value.
        6 if !members.is_empty() => members.insert(other, (members[one].0.clone(), odd::value(draw))),
        _ => members.insert(one, (odd::key(draw), grown(draw))),
    }
}

fn change_items(items: &mut Vec<Node>, draw: &mut Draw) {
    let (one, other) = (draw.below(items.len()), draw.below(items.len()));
    match draw.below(4) {
        0 if !items.is_empty() => items[one] = grown(draw),
        1 if !items.is_empty() => items.swap(one, other),
        2 if !items.is_empty() => drop(items.remove(one)),
        _ => items.insert(one, odd::value(draw)),
    }
}

/// A value, or an object or list of some.
fn grown(draw: &mut Draw) -> Node {
    match draw.below(6) {
        0 => Node::List((0..draw.below(4)).map(|_| odd::value(draw)).collect()),
        1 => Node::Object((0..draw.below(4)).map(|_| (odd::key(draw), odd::value(draw))).collect()),
        _ => odd::value(draw),
    }
}

fn damage(bytes: &mut Vec<u8>, draw: &mut Draw) {
    let at = draw.below(bytes.len());
    let to = (at + draw.below(12)).min(bytes.len());
    match draw.below(6) {
        0 => bytes.truncate(at),
        1 if at < bytes.len() => bytes[at] ^= 1 << draw.below(8),
        2 if at < bytes.len() => bytes[at] = draw.byte(),
        3 => drop(bytes.drain(at..to)),
        4 => {
            let again = bytes[at..to].to_vec();
            bytes.splice(at..at, again);
        }
        _ => drop(bytes.splice(at..at, draw.one_of(PIECES).iter().copied())),
    }
}
