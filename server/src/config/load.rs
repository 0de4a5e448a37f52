//! Reading: defaults, then the file, then the environment.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use super::{Config, ConfigError, keys::Keys};

/// Environment variables of other programs, or with a name of their own, and the keys that they set.
const NAMED: [(&str, &str); 4] = [
    ("AWS_REGION", "cloud.aws.region"),
    ("LLM_SHIELD_S3_BUCKET", "cloud.aws.s3.bucket"),
    ("LLM_SHIELD_CLOUDWATCH_NAMESPACE", "cloud.aws.cloudwatch.namespace"),
    ("LLM_SHIELD_DATA_DIR", "data_dir"),
];

/// Before the key's path in the variables that set any key: `LLM_SHIELD__LIMITS__MAX_CONNECTIONS`.
const PREFIX: &str = "LLM_SHIELD__";

/// A file of settings is small; what is larger is another file, given by mistake.
const MAX_FILE_BYTES: u64 = 1 << 20;

impl Config {
    /// Reads the configuration from a file, if one is given, and the environment, which overrides it.
    ///
    /// `LLM_SHIELD__SECTION__KEY` sets any key; lists and maps are written in YAML's flow form. `AWS_REGION`,
    /// `LLM_SHIELD_S3_BUCKET`, `LLM_SHIELD_CLOUDWATCH_NAMESPACE` and `LLM_SHIELD_DATA_DIR` set theirs, below
    /// the prefixed form. `RUST_LOG` sets `log.level`.
    ///
    /// # Errors
    /// A file that cannot be read or parsed, an unknown key, or a value of the wrong form.
    pub fn load(
        path: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let environment: BTreeMap<String, String> = environment.into_iter().collect();
        let keys = Keys::new()?;
        let mut tree = match path {
            Some(path) => read_file(path, &keys)?,
            None => Value::Object(Map::new()),
        };
        apply_environment(&mut tree, &environment, &keys)?;

        let origin = path.map(|path| path.display().to_string());
        let mut config: Self = serde_path_to_error::deserialize(tree).map_err(|error| {
            ConfigError::Value { key: error.path().to_string(), origin, problem: error.inner().to_string() }
        })?;
        if config.data_dir.as_os_str().is_empty() {
            config.data_dir = default_data_dir(&environment);
        }
        Ok(config)
    }
}

fn read_file(path: &Path, keys: &Keys) -> Result<Value, ConfigError> {
    let failed = |problem| ConfigError::Read { path: path.to_owned(), problem };
    if fs::metadata(path).map_err(failed)?.len() > MAX_FILE_BYTES {
        return Err(failed(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 1 MiB")));
    }
    let text = fs::read_to_string(path).map_err(failed)?;
    if text.trim().is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    let syntax = |problem: String| ConfigError::Syntax { path: path.to_owned(), problem };
    let tree: Option<Value> = serde_saphyr::from_str(&text).map_err(|error| syntax(error.to_string()))?;
    let mut tree = match tree {
        None | Some(Value::Null) => Value::Object(Map::new()),
        Some(tree @ Value::Object(_)) => tree,
        Some(_) => return Err(syntax("the top level is not a mapping".to_owned())),
    };
    keys.check(&tree, &path.display().to_string())?;
    drop_nulls(&mut tree);
    Ok(tree)
}

/// A section with nothing under it (`tls:`) means its defaults.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Value::Array(list) => list.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

fn apply_environment(
    tree: &mut Value,
    environment: &BTreeMap<String, String>,
    keys: &Keys,
) -> Result<(), ConfigError> {
    for (name, key) in NAMED {
        if let Some(value) = environment.get(name).filter(|value| !value.is_empty()) {
            set(tree, &split(key, "."), name, value, keys)?;
        }
    }
    if let Some(level) = environment.get("RUST_LOG").filter(|value| !value.is_empty()) {
        set(tree, &split("log.level", "."), "RUST_LOG", level, keys)?;
    }
    for (name, value) in environment {
        if let Some(path) = name.strip_prefix(PREFIX) {
            set(tree, &split(&path.to_ascii_lowercase(), "__"), name, value, keys)?;
        }
    }
    Ok(())
}

fn split(path: &str, separator: &str) -> Vec<String> {
    path.split(separator).map(str::to_owned).collect()
}

/// Puts an environment variable's value at `path`, typed as the key's default is.
fn set(tree: &mut Value, path: &[String], name: &str, text: &str, keys: &Keys) -> Result<(), ConfigError> {
    let key = path.join(".");
    let default = match keys.default_at(path) {
        Some(default) => default.clone(),
        None if Keys::is_free(path) => Value::String(String::new()),
        None => return Err(keys.unknown(key, name)),
    };
    let bad =
        |problem: String| ConfigError::Value { key: key.clone(), origin: Some(name.to_owned()), problem };
    let value = match default {
        Value::Bool(_) => {
            Value::Bool(text.parse().map_err(|_error| bad(format!("`{text}` is not true or false")))?)
        }
        Value::Number(_) => {
            let number: u64 =
                text.parse().map_err(|_error| bad(format!("`{text}` is not a whole number")))?;
            Value::from(number)
        }
        Value::Array(_) | Value::Object(_) => {
            serde_saphyr::from_str(text).map_err(|error| bad(format!("not valid YAML: {error}")))?
        }
        // An optional key's default does not tell its type; of those, only switches are not texts.
        Value::Null => text.parse().map_or_else(|_error| Value::String(text.to_owned()), Value::Bool),
        Value::String(_) => Value::String(text.to_owned()),
    };
    let nested =
        path.iter().rev().fold(value, |value, key| Value::Object(Map::from_iter([(key.clone(), value)])));
    keys.check(&nested, name)?;
    // Checked alone first, so that a bad value is blamed on the variable and not on the file.
    serde_path_to_error::deserialize::<_, Config>(nested.clone())
        .map_err(|error| bad(error.inner().to_string()))?;
    merge(tree, nested);
    Ok(())
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                match into.get_mut(&key) {
                    Some(slot) if value.is_object() => merge(slot, value),
                    _ => drop(into.insert(key, value)),
                }
            }
        }
        (into, from) => *into = from,
    }
}

/// Follows the XDG base directory specification.
fn default_data_dir(environment: &BTreeMap<String, String>) -> PathBuf {
    let set = |name: &str| environment.get(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("XDG_DATA_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".local/share")))
        .map_or_else(|| PathBuf::from(".llm-shield"), |base| base.join("llm-shield"))
}
