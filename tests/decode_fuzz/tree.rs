//! JSON as a tree that may say more than JSON should: keys twice, values that are none. With a writer of many styles.

use serde_json::Value;

use crate::draw::Draw;

pub enum Node {
    /// Anything but an object or a list, as it is written.
    Raw(String),
    Object(Vec<(String, Node)>),
    List(Vec<Node>),
}

impl Node {
    pub fn of(value: &Value) -> Node {
        match value {
            Value::Object(members) => {
                Node::Object(members.iter().map(|(key, value)| (quoted(key), Node::of(value))).collect())
            }
            Value::Array(items) => Node::List(items.iter().map(Node::of).collect()),
            other => Node::Raw(other.to_string()),
        }
    }

    /// Objects of the tree, the root first.
    pub fn objects(&self) -> usize {
        match self {
            Node::Raw(_) => 0,
            Node::List(items) => items.iter().map(Node::objects).sum(),
            Node::Object(members) => 1 + members.iter().map(|(_, value)| value.objects()).sum::<usize>(),
        }
    }

    /// Lists of it.
    pub fn lists(&self) -> usize {
        match self {
            Node::Raw(_) => 0,
            Node::List(items) => 1 + items.iter().map(Node::lists).sum::<usize>(),
            Node::Object(members) => members.iter().map(|(_, value)| value.lists()).sum(),
        }
    }

    /// One of these, the outer first.
    pub fn list(&mut self, number: usize) -> Option<&mut Vec<Node>> {
        match self {
            Node::Raw(_) => None,
            Node::List(items) => {
                if number == 0 {
                    return Some(items);
                }
                within(items.iter_mut(), number - 1, Node::lists, Node::list)
            }
            Node::Object(members) => {
                within(members.iter_mut().map(|(_, value)| value), number, Node::lists, Node::list)
            }
        }
    }

    /// One of the objects, counted in the same order.
    pub fn object(&mut self, number: usize) -> Option<&mut Vec<(String, Node)>> {
        match self {
            Node::Raw(_) => None,
            Node::List(items) => within(items.iter_mut(), number, Node::objects, Node::object),
            Node::Object(members) => {
                if number == 0 {
                    return Some(members);
                }
                within(members.iter_mut().map(|(_, value)| value), number - 1, Node::objects, Node::object)
            }
        }
    }

    pub fn write(&self, style: Style, draw: &mut Draw, text: &mut String) {
        match self {
            Node::Raw(raw) => text.push_str(raw),
            Node::List(items) => {
                text.push('[');
                for (place, item) in items.iter().enumerate() {
                    text.push_str(if place == 0 { "" } else { "," });
                    style.space(draw, place > 0, text);
                    item.write(style, draw, text);
                }
                style.space(draw, false, text);
                text.push(']');
            }
            Node::Object(members) => {
                text.push('{');
                for (place, (key, value)) in members.iter().enumerate() {
                    text.push_str(if place == 0 { "" } else { "," });
                    style.space(draw, place > 0, text);
                    text.push_str(key);
                    style.space(draw, false, text);
                    text.push(':');
                    style.space(draw, true, text);
                    value.write(style, draw, text);
                }
                style.space(draw, false, text);
                text.push('}');
            }
        }
    }
}

fn within<'t, T>(
    nodes: impl Iterator<Item = &'t mut Node>,
    mut number: usize,
    count: fn(&Node) -> usize,
    one_of: fn(&'t mut Node, usize) -> Option<&'t mut T>,
) -> Option<&'t mut T> {
    for node in nodes {
        let there = count(node);
        if number < there {
            return one_of(node, number);
        }
        number -= there;
    }
    None
}

pub fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

#[derive(Clone, Copy)]
pub enum Style {
    Compact,
    /// `, ` and `: `, as Python writes.
    Spaced,
    /// White space of any kind anywhere.
    Wild,
}

impl Style {
    fn space(self, draw: &mut Draw, usual: bool, text: &mut String) {
        match self {
            Style::Compact => {}
            Style::Spaced => text.push_str(if usual { " " } else { "" }),
            Style::Wild => text.push_str(draw.word(&["", "", "", " ", "\n  ", "\t", "\r\n", "      "])),
        }
    }
}
