//! The walk over a body.

use llm_shield_client::v1::Role;
use serde_json::{Map, Value};

use super::{Direction, Text, Texts, known};

/// Finds the texts in a body. Recursion is bounded by that of the JSON parser.
pub fn texts(body: &Value, direction: Direction) -> Texts {
    let role = match direction {
        Direction::Request => Role::User,
        Direction::Answer => Role::Assistant,
    };
    let mut walk = Walk { found: Texts::default(), pointer: String::new() };
    walk.value(body, "", Place { role, is_top: true, is_settled: false });
    walk.found
}

struct Walk {
    found: Texts,
    pointer: String,
}

/// What is known of the place that the walk is at.
#[derive(Clone, Copy)]
struct Place {
    role: Role,
    is_top: bool,
    /// Whether it is within a message, whose role holds for all that is in it.
    is_settled: bool,
}

impl Walk {
    /// `field` is the name under which the value, or the list that it is in, stands.
    fn value(&mut self, value: &Value, field: &str, place: Place) {
        match value {
            Value::String(text) => {
                if !text.is_empty() && !known::is_protocol(field, text) {
                    self.found(place.role, text.clone(), false);
                }
            }
            Value::Array(items) => {
                let place = Place { is_top: false, ..place };
                for (index, item) in items.iter().enumerate() {
                    self.below(&index.to_string(), |walk| walk.value(item, field, place));
                }
            }
            Value::Object(fields) => self.object(fields, place),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn object(&mut self, fields: &Map<String, Value>, mut place: Place) {
        // Within a tool's or a document's text, or within a message, nobody is promoted.
        let is_foreign = matches!(place.role, Role::Tool | Role::Document);
        let message = if is_foreign || place.is_settled { None } else { known::role_of_message(fields) };
        place.is_settled |= message.is_some();
        place.role = known::role_of_part(fields).or(message).unwrap_or(place.role);
        let is_attachment = known::is_attachment(fields);
        if is_attachment {
            self.found.unreadable.push(self.pointer.clone());
        }
        for (name, value) in fields {
            let is_part_of_attachment = is_attachment && matches!(name.as_str(), "source" | "data" | "url");
            if is_part_of_attachment || known::is_attachment_field(name, value) {
                if !is_attachment {
                    self.below(name, |walk| walk.found.unreadable.push(walk.pointer.clone()));
                }
                continue;
            }
            let role = known::role_of_field(name, place.is_top).unwrap_or(place.role);
            let below = Place { role, is_top: false, ..place };
            self.below(name, |walk| {
                if (value.is_object() || value.is_array()) && known::is_structure(name, fields) {
                    walk.structure(value);
                } else {
                    walk.value(value, name, below);
                }
            });
        }
    }

    fn structure(&mut self, value: &Value) {
        let is_empty =
            value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty);
        if !is_empty {
            self.found(Role::Tool, value.to_string(), true);
        }
    }

    fn found(&mut self, role: Role, text: String, is_json: bool) {
        self.found.texts.push(Text { pointer: self.pointer.clone(), role, text, is_json });
    }

    fn below(&mut self, name: &str, walk: impl FnOnce(&mut Self)) {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
        walk(self);
        self.pointer.truncate(length);
    }
}
