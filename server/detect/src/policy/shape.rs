//! Compares a policy file with the schema, and tells everything that is wrong with its form at once.
//!
//! The schema that editors read is the one that is enforced here, so that the two cannot differ. Only what generated
//! schemas use is understood: types, properties, required, enumerations, ranges, references and alternatives.

use serde_json::{Map, Value};

use super::PolicyError;

/// Returns what is wrong with the form of a policy.
pub(super) fn problems(policy: &Value) -> Result<Vec<PolicyError>, PolicyError> {
    let schema: Value =
        serde_json::from_str(SCHEMA).map_err(|error| PolicyError::Format(error.to_string()))?;
    let mut checker = Checker { root: &schema, problems: Vec::new() };
    checker.check(&schema, policy, "");
    Ok(checker.problems)
}

/// Takes out of a policy what is wrong with its form.
pub(super) fn prune(policy: &mut Value, problems: &[PolicyError]) {
    for key in problems.iter().filter_map(PolicyError::key) {
        let (parent, name) = key.rsplit_once('.').unwrap_or(("", key));
        let pointer: String = parent
            .replace('[', ".")
            .replace(']', "")
            .split('.')
            .filter(|step| !step.is_empty())
            .fold(String::new(), |pointer, step| pointer + "/" + &step.replace('~', "~0").replace('/', "~1"));
        let Some(map) = policy.pointer_mut(&pointer).and_then(Value::as_object_mut) else { continue };
        match name.split_once('[') {
            // Places in a list must stay what they are, so the list goes.
            Some((list, _)) => map.remove(list),
            None => map.remove(name),
        };
        if key == "name" {
            map.insert(key.to_owned(), Value::from(""));
        }
    }
}

/// Returns the most similar of the known names, if any is similar.
pub(super) fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<String> {
    known
        .map(|known| (strsim::jaro_winkler(&name.to_lowercase(), &known.to_lowercase()), known))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| known.to_owned())
}

fn nearest_of(name: &str, known: &str) -> bool {
    nearest(name, std::iter::once(known)).is_some()
}

struct Checker<'s> {
    root: &'s Value,
    problems: Vec<PolicyError>,
}

impl<'s> Checker<'s> {
    fn check(&mut self, schema: &'s Value, value: &Value, key: &str) {
        let schema = self.resolve(schema);
        let Some(schema) = schema.as_object() else { return };
        if let Some(options) = ["oneOf", "anyOf"].iter().find_map(|name| schema.get(*name)?.as_array()) {
            self.one_of(options, value, key);
            return;
        }
        if !self.has_type(schema, value, key) {
            return;
        }
        if let Some(names) = schema.get("enum").and_then(Value::as_array)
            && !names.contains(value)
        {
            self.unknown_value(names.iter().filter_map(Value::as_str).collect(), value, key);
        }
        let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
        if let Some(number) = value.as_f64()
            && (bound("minimum").is_some_and(|least| number < least)
                || bound("maximum").is_some_and(|most| number > most))
        {
            let (least, most) = (bound("minimum"), bound("maximum"));
            let range = match (least, most) {
                (Some(least), Some(most)) => format!("within {least} and {most}"),
                (Some(least), None) => format!("at least {least}"),
                (None, most) => format!("at most {}", most.unwrap_or_default()),
            };
            self.problem(key, format!("`{number}` is not {range}"));
        }
        if let Some(text) = value.as_str()
            && (bound("maxLength") == Some(1.0) && text.chars().count() != 1)
        {
            self.problem(key, "is not one character".to_owned());
        }
        match value {
            Value::Object(map) => self.object(schema, map, key),
            Value::Array(items) => {
                if let Some(schema) = schema.get("items") {
                    for (place, item) in items.iter().enumerate() {
                        self.check(schema, item, &format!("{key}[{place}]"));
                    }
                }
            }
            _ => {}
        }
    }

    fn object(&mut self, schema: &'s Map<String, Value>, map: &Map<String, Value>, key: &str) {
        let path = |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
        let known = schema.get("properties").and_then(Value::as_object);
        for (name, value) in map {
            match (known.and_then(|known| known.get(name)), schema.get("additionalProperties")) {
                (Some(schema), _) => self.check(schema, value, &path(name)),
                (None, Some(Value::Bool(false))) => {
                    let names = known.into_iter().flat_map(Map::keys).map(String::as_str);
                    let nearest = self
                        .elsewhere(|known| known == name)
                        .or_else(|| nearest(name, names).map(|nearest| path(&nearest)))
                        .or_else(|| self.elsewhere(|known| nearest_of(name, known)));
                    self.problems.push(PolicyError::UnknownKey { key: path(name), nearest });
                }
                (None, Some(schema)) => self.check(schema, value, &path(name)),
                (None, None) => {}
            }
        }
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            if let Some(name) = name.as_str().filter(|name| !map.contains_key(*name)) {
                self.problem(&path(name), "is missing".to_owned());
            }
        }
    }

    /// Returns the path of a key with a fixed place whose name fits, the least deep.
    fn elsewhere(&self, fits: impl Fn(&str) -> bool) -> Option<String> {
        let mut places = vec![(String::new(), self.root)];
        while !places.is_empty() {
            let mut below = Vec::new();
            for (path, schema) in places {
                let known = self.resolve(schema).get("properties").and_then(Value::as_object);
                for (name, schema) in known.into_iter().flatten() {
                    let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    if fits(name) {
                        return Some(path);
                    }
                    below.push((path, schema));
                }
            }
            places = below;
        }
        None
    }

    /// Checks alternatives: names of an enumeration, variants told apart by a field, or a value that may be null.
    fn one_of(&mut self, options: &'s [Value], value: &Value, key: &str) {
        let options: Vec<&Value> = options.iter().map(|option| self.resolve(option)).collect();
        let names: Vec<&str> = options.iter().flat_map(|option| names_of(option)).collect();
        let variants: Vec<(&str, &str, &Value)> = options
            .iter()
            .filter_map(|option| variant(option).map(|(tag, name)| (tag, name, *option)))
            .collect();
        if let Some((tag, _, _)) = variants.first() {
            let named = value.get(tag).and_then(Value::as_str);
            match variants.iter().find(|(_, name, _)| Some(*name) == named) {
                Some((_, _, option)) => self.check(option, value, key),
                None if value.is_object() => {
                    let known = variants.iter().map(|(_, name, _)| *name).collect();
                    let at = format!("{key}.{tag}");
                    self.unknown_value(known, value.get(tag).unwrap_or(&Value::Null), &at);
                }
                None => self.problem(key, format!("is {}, must be a map", type_name(value))),
            }
        } else if !names.is_empty() {
            let nullable = options.iter().any(|option| option.get("type") == Some(&Value::from("null")));
            let known = value.as_str().is_some_and(|value| names.contains(&value));
            if !known && (!nullable || !value.is_null()) {
                self.unknown_value(names, value, key);
            }
        } else if !value.is_null()
            && let Some(option) =
                options.into_iter().find(|option| option.get("type") != Some(&Value::from("null")))
        {
            self.check(option, value, key);
        }
    }

    fn unknown_value(&mut self, known: Vec<&str>, value: &Value, key: &str) {
        let list = known.join("`, `");
        let message = match value.as_str() {
            Some(text) => match nearest(text, known.iter().copied()) {
                Some(nearest) => format!("there is no `{text}`; did you mean `{nearest}`? (`{list}`)"),
                None => format!("there is no `{text}`, only `{list}`"),
            },
            None if value.is_null() => format!("is missing; it is one of `{list}`"),
            None => format!("is {}, must be one of `{list}`", type_name(value)),
        };
        self.problem(key, message);
    }

    fn has_type(&mut self, schema: &Map<String, Value>, value: &Value, key: &str) -> bool {
        let wanted: Vec<&str> = match schema.get("type") {
            Some(Value::String(name)) => vec![name],
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => return true,
        };
        let fits = wanted.iter().any(|name| match *name {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "string" => value.is_string(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            _ => true,
        });
        if !fits {
            let wanted = wanted.iter().find(|name| **name != "null").copied().unwrap_or("null");
            let hint = if wanted == "string" && !value.is_object() && !value.is_array() {
                " (put it in quotes)"
            } else {
                ""
            };
            let wanted = match wanted {
                "object" => "a map",
                "array" => "a list",
                "string" => "a text",
                "integer" => "a whole number",
                "boolean" => "`true` or `false`",
                other => other,
            };
            self.problem(key, format!("is {}, must be {wanted}{hint}", type_name(value)));
        }
        fits
    }

    fn resolve(&self, schema: &'s Value) -> &'s Value {
        let name = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix("#/$defs/"));
        name.and_then(|name| self.root.get("$defs")?.get(name)).unwrap_or(schema)
    }

    fn problem(&mut self, key: &str, message: String) {
        let key = if key.is_empty() { "(the file)" } else { key };
        self.problems.push(PolicyError::Value { key: key.to_owned(), message });
    }
}

/// Returns the names that a schema of an enumeration, or of one of its parts, allows.
fn names_of(option: &Value) -> Vec<&str> {
    let many = ["oneOf", "anyOf"].iter().find_map(|name| option.get(*name)?.as_array());
    let listed = option.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    option
        .get("const")
        .and_then(Value::as_str)
        .into_iter()
        .chain(listed)
        .chain(many.into_iter().flatten().flat_map(names_of))
        .collect()
}

/// Returns the field and the name that tell a variant from the others.
fn variant(option: &Value) -> Option<(&str, &str)> {
    option
        .get("properties")?
        .as_object()?
        .iter()
        .find_map(|(field, schema)| Some((field.as_str(), schema.get("const")?.as_str()?)))
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "empty",
        Value::Bool(_) => "`true` or `false`",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

pub(super) static SCHEMA: &str = include_str!("../../../../docs/policy.schema.json");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::data::PolicyData;

    /// `UPDATE_SCHEMA=1 cargo test -p llm-shield-detect schema` writes the file anew.
    #[test]
    fn schema_is_that_of_the_types() {
        let schema = serde_json::to_value(schemars::schema_for!(PolicyData)).unwrap();
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/policy.schema.json");
            std::fs::write(path, serde_json::to_string_pretty(&schema).unwrap() + "\n").unwrap();
        } else {
            assert_eq!(schema, serde_json::from_str::<Value>(SCHEMA).unwrap(), "set UPDATE_SCHEMA=1");
        }
    }
}
