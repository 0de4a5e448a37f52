//! Turns `buf.validate` field options into Rust: one `impl Validate` for each message of the package.
//!
//! Only the rules that the schema uses are known; any other fails the build, so that none is ever skipped in silence.
//! The rules' meaning is that of <https://protovalidate.com/reference/rules/>.

use std::{error::Error, fmt::Write as _};

use protox::prost_reflect::{
    DescriptorPool, DynamicMessage, ExtensionDescriptor, FieldDescriptor, Kind, MessageDescriptor, Value,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const PACKAGE: &str = "llm_shield.v1";

/// Returns the source of the checks of every message of the package.
pub(crate) fn generate(pool: &DescriptorPool) -> Result<String> {
    let extension =
        pool.get_extension_by_name("buf.validate.field").ok_or("buf.validate.field is not defined")?;
    let mut source = String::new();
    let messages = pool
        .all_messages()
        .filter(|message| message.parent_file().package_name() == PACKAGE && !message.is_map_entry());
    for message in messages {
        let mut body = String::new();
        for field in message.fields() {
            check_field(&mut body, &message, &field, rules(&field, &extension).as_ref())
                .map_err(|error| format!("{}: {error}", field.full_name()))?;
        }
        let (path, violations) =
            if body.is_empty() { ("_path", "_violations") } else { ("path", "violations") };
        writeln!(
            source,
            "impl crate::Validate for crate::v1::{} {{\n    fn check(&self, {path}: &crate::FieldPath<'_>, {violations}: &mut \
             Vec<crate::FieldViolation>) {{\n{body}    }}\n}}\n",
            message.name()
        )?;
    }
    Ok(source)
}

/// The `buf.validate.field` option of a field.
fn rules(field: &FieldDescriptor, extension: &ExtensionDescriptor) -> Option<DynamicMessage> {
    let options = field.options();
    if !options.has_extension(extension) {
        return None;
    }
    options.get_extension(extension).as_message().cloned()
}

/// Writes the checks of one field: its own rules, and a descent into it when it is a message of the package.
fn check_field(
    out: &mut String,
    message: &MessageDescriptor,
    field: &FieldDescriptor,
    rules: Option<&DynamicMessage>,
) -> Result<()> {
    let name = field.name();
    let nested = match field.kind() {
        Kind::Message(kind) => kind.parent_file().package_name() == PACKAGE && !kind.is_map_entry(),
        _ => false,
    };
    if let Some(oneof) = field.containing_oneof() {
        if rules.is_some() {
            return Err("rules on a member of a oneof are not supported".into());
        }
        if nested {
            let module = snake_case(message.name());
            let variant = upper_camel_case(name);
            let (member, oneof) = (oneof.name(), upper_camel_case(oneof.name()));
            writeln!(
                out,
                "        if let Some(crate::v1::{module}::{oneof}::{variant}(inner)) = &self.{member} {{\n            \
                 crate::Validate::check(inner, &path.field(\"{name}\"), violations);\n        }}"
            )?;
        }
        return Ok(());
    }
    if let Some(rules) = rules {
        for (kind, value) in rules.fields() {
            let value =
                value.as_message().ok_or_else(|| format!("rule `{}` is not supported", kind.name()))?;
            match kind.name() {
                "repeated" => check_repeated(out, field, value)?,
                "map" => check_map(out, field, value)?,
                scalar => {
                    let access = if matches!(field.kind(), Kind::String) {
                        format!("&self.{name}")
                    } else {
                        format!("self.{name}")
                    };
                    check_scalar(out, field, scalar, value, &access, &format!("path.field(\"{name}\")"), 8)?;
                }
            }
        }
    }
    if nested {
        if field.is_list() {
            writeln!(
                out,
                "        for (index, item) in self.{name}.iter().enumerate() {{\n            \
                 crate::Validate::check(item, &path.item(\"{name}\", index), violations);\n        }}"
            )?;
        } else {
            writeln!(
                out,
                "        if let Some(inner) = &self.{name} {{\n            crate::Validate::check(inner, \
                 &path.field(\"{name}\"), violations);\n        }}"
            )?;
        }
    }
    Ok(())
}

fn check_repeated(out: &mut String, field: &FieldDescriptor, rules: &DynamicMessage) -> Result<()> {
    let name = field.name();
    for (rule, value) in rules.fields() {
        match rule.name() {
            "min_items" => writeln!(
                out,
                "        crate::rules::min_items(self.{name}.len(), {}, &path.field(\"{name}\"), violations);",
                unsigned(value)?
            )?,
            "max_items" => writeln!(
                out,
                "        crate::rules::max_items(self.{name}.len(), {}, &path.field(\"{name}\"), violations);",
                unsigned(value)?
            )?,
            "items" => {
                writeln!(out, "        for (index, item) in self.{name}.iter().enumerate() {{")?;
                let access = if matches!(field.kind(), Kind::String) { "item" } else { "*item" };
                scalar_rules(out, field, value, access, &format!("path.item(\"{name}\", index)"))?;
                writeln!(out, "        }}")?;
            }
            other => return Err(format!("rule `repeated.{other}` is not supported").into()),
        }
    }
    Ok(())
}

fn check_map(out: &mut String, field: &FieldDescriptor, rules: &DynamicMessage) -> Result<()> {
    let name = field.name();
    for (rule, value) in rules.fields() {
        match rule.name() {
            "max_pairs" => writeln!(
                out,
                "        crate::rules::max_items(self.{name}.len(), {}, &path.field(\"{name}\"), violations);",
                unsigned(value)?
            )?,
            side @ ("keys" | "values") => {
                writeln!(out, "        for item in self.{name}.{side}() {{")?;
                scalar_rules(out, field, value, "item", &format!("path.field(\"{name}.{side}\")"))?;
                writeln!(out, "        }}")?;
            }
            other => return Err(format!("rule `map.{other}` is not supported").into()),
        }
    }
    Ok(())
}

/// Writes the rules of a list's items or of a map's keys or values.
fn scalar_rules(
    out: &mut String,
    field: &FieldDescriptor,
    rules: &Value,
    access: &str,
    path: &str,
) -> Result<()> {
    let rules = rules.as_message().ok_or("item rules are not a message")?;
    for (kind, value) in rules.fields() {
        let value = value.as_message().ok_or_else(|| format!("rule `{}` is not supported", kind.name()))?;
        check_scalar(out, field, kind.name(), value, access, path, 12)?;
    }
    Ok(())
}

fn check_scalar(
    out: &mut String,
    field: &FieldDescriptor,
    kind: &str,
    rules: &DynamicMessage,
    access: &str,
    path: &str,
    indent: usize,
) -> Result<()> {
    for (rule, value) in rules.fields() {
        let call = match (kind, rule.name()) {
            ("string", "max_bytes") => format!("max_bytes({access}, {}", unsigned(value)?),
            ("string", "min_len") => format!("min_len({access}, {}", unsigned(value)?),
            ("uint32", "lte") => format!("at_most(u64::from({access}), {}", unsigned(value)?),
            ("enum", "defined_only") => {
                let Kind::Enum(descriptor) = field.kind() else { return Err("not an enum".into()) };
                format!("defined::<crate::v1::{}>({access}", descriptor.name())
            }
            (kind, rule) => return Err(format!("rule `{kind}.{rule}` is not supported").into()),
        };
        writeln!(out, "{:indent$}crate::rules::{call}, &{path}, violations);", "")?;
    }
    Ok(())
}

fn unsigned(value: &Value) -> Result<u64> {
    value
        .as_u64()
        .or_else(|| value.as_u32().map(u64::from))
        .ok_or_else(|| "the rule's value is not a number".into())
}

fn snake_case(name: &str) -> String {
    let mut out = String::new();
    for (index, letter) in name.chars().enumerate() {
        if letter.is_ascii_uppercase() && index > 0 {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

fn upper_camel_case(name: &str) -> String {
    name.split('_')
        .flat_map(|word| {
            word.chars().enumerate().map(|(i, c)| if i == 0 { c.to_ascii_uppercase() } else { c })
        })
        .collect()
}
