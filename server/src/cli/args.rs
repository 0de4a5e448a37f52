//! Arguments that several commands share.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use llm_shield::config::Config;
use llm_shield_audit::Tenant;
use llm_shield_detect::{Direction, RedactionKeys, Role};

use super::show;

/// The largest text that one call reads, in bytes. A server's message limit is smaller by default.
const MAX_TEXT_BYTES: u64 = 64 << 20;

/// Where the text comes from, and what is known of it.
#[derive(Args, Debug)]
pub(crate) struct TextArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// Read JSON Lines, {"id", "text", "direction"?, "role"?} each, from a file (`-` or nothing: standard input), and
    /// write one JSON object a line, in order
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-", conflicts_with = "file")]
    jsonl: Option<PathBuf>,
    /// On which side of the model the text was seen
    #[arg(long, value_enum, default_value_t, conflicts_with = "jsonl")]
    pub(crate) direction: DirectionArg,
    /// Whose text it is
    #[arg(long, value_enum, default_value_t, conflicts_with = "jsonl")]
    pub(crate) role: RoleArg,
}

impl TextArgs {
    /// The file of JSON Lines, if that is what is to be read. `--jsonl` may stand before other options, and the file
    /// behind them in the place of the text.
    pub(crate) fn jsonl(&self) -> Option<PathBuf> {
        let file = self.jsonl.as_ref()?;
        match &self.source.text {
            Some(text) if file == Path::new("-") => Some(PathBuf::from(text)),
            _ => Some(file.clone()),
        }
    }

    /// Reads the text.
    pub(crate) fn read(&self) -> Result<String> {
        self.source.read()
    }
}

/// Where the text comes from.
#[derive(Args, Debug)]
pub(crate) struct SourceArgs {
    /// The text; `-` reads it from standard input, as does leaving it out
    #[arg(value_name = "TEXT", conflicts_with = "file")]
    text: Option<String>,
    /// Read the text from a file (`-`: standard input)
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
}

impl SourceArgs {
    /// Reads the text.
    pub(crate) fn read(&self) -> Result<String> {
        let bytes = match (&self.text, &self.file) {
            (Some(text), _) if text != "-" => return Ok(text.clone()),
            (_, Some(path)) if path != Path::new("-") => {
                let file =
                    std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
                read_bounded(file).with_context(|| format!("cannot read {}", path.display()))?
            }
            _ => read_bounded(std::io::stdin().lock()).context("cannot read standard input")?,
        };
        String::from_utf8(bytes).map_err(|error| {
            anyhow::anyhow!(
                "the text is not UTF-8: the first wrong byte is at {}",
                error.utf8_error().valid_up_to()
            )
        })
    }
}

fn read_bounded(from: impl std::io::Read) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MAX_TEXT_BYTES + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_TEXT_BYTES {
        bail!("the text is larger than {MAX_TEXT_BYTES} bytes");
    }
    Ok(bytes)
}

/// What decides: an engine in this process, or a server.
#[derive(Args, Debug)]
pub(crate) struct JudgeArgs {
    /// Detectors to run, by name, separated by commas; all by default
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with = "endpoint")]
    pub(crate) detectors: Vec<String>,
    /// A policy file, or the name of a preset: strict, standard or permissive (with --endpoint: a name that the server
    /// knows)
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<String>,
    /// Decide by the rules alone, without the classifier
    #[arg(long, conflicts_with_all = ["endpoint", "model"])]
    pub(crate) rules_only: bool,
    /// The directory of a model bundle, in place of the one that comes with this program
    #[arg(long, value_name = "DIR", conflicts_with = "endpoint")]
    pub(crate) model: Option<PathBuf>,
    /// The `tokenizer.json` of a model, by which the policy's `max_tokens` counts; estimated without
    #[arg(long, value_name = "FILE", conflicts_with = "endpoint")]
    pub(crate) tokenizer: Option<PathBuf>,
    /// With --jsonl: how many lines are worked on at one time; the number of cores by default
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    #[command(flatten)]
    pub(crate) remote: RemoteArgs,
}

impl JudgeArgs {
    /// The number of workers.
    pub(crate) fn workers(&self) -> usize {
        self.threads
            .map(usize::from)
            .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
    }
}

/// Which server to call, and as whom.
#[derive(Args, Clone, Debug)]
pub(crate) struct RemoteArgs {
    /// Ask a server instead of deciding in this process
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) endpoint: Option<String>,
    #[command(flatten)]
    pub(crate) identity: IdentityArgs,
}

/// A client's TLS files. Those not given are the development files of the data directory.
#[derive(Args, Clone, Debug)]
pub(crate) struct IdentityArgs {
    /// PEM file with the authorities that the server's certificate is checked against
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// PEM file with the client certificate
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// PEM file with the client's private key
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// The name to check the server's certificate against; the endpoint's host by default
    #[arg(long, value_name = "NAME")]
    pub(crate) server_name: Option<String>,
    /// The time a call may take, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 30_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout_ms: u64,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

/// Where the embedded defaults keep their files.
#[derive(Args, Clone, Debug)]
pub(crate) struct DataArgs {
    /// The data directory of the embedded defaults (certificates, keys, audit log)
    #[arg(long, value_name = "DIR", env = "LLM_SHIELD_DATA_DIR")]
    data_dir: Option<PathBuf>,
}

impl DataArgs {
    /// The data directory.
    pub(crate) fn dir(&self) -> Result<PathBuf> {
        match &self.data_dir {
            Some(dir) => Ok(dir.clone()),
            None => Ok(Config::load(None, environment())?.data_dir),
        }
    }

    /// The data directory, if it was named.
    pub(crate) fn given(&self) -> Option<&Path> {
        self.data_dir.as_deref()
    }
}

/// Whose keys the keyed operators of a policy write with.
#[derive(Args, Clone, Debug)]
pub(crate) struct KeyArgs {
    /// The tenant whose keys `hash`, `token`, `fpe`, `date_shift` and `surrogate` use, as in the configuration's
    /// `identities`; `default` where --config or --data-dir is given
    #[arg(long, value_name = "NAME", conflicts_with = "endpoint")]
    tenant: Option<String>,
    /// The server's configuration file, which says where the keys are
    #[arg(long, value_name = "FILE", env = "LLM_SHIELD_CONFIG")]
    config: Option<PathBuf>,
}

impl KeyArgs {
    /// Opens the tenant's keys as the server does; none, and a remark, where nothing says whose or where.
    pub(crate) fn open(&self, data: &DataArgs) -> Result<RedactionKeys> {
        if self.tenant.is_none() && self.config.is_none() && data.given().is_none() {
            show::note(
                "there is no key: `hash`, `token`, `fpe`, `date_shift` and `surrogate` write the entity's name; \
                 --data-dir, --config or --tenant says whose keys to use",
            );
            return Ok(RedactionKeys::default());
        }
        let tenant = self.tenant.as_deref().unwrap_or(llm_shield::devcerts::TENANT);
        Tenant::new(tenant).context("--tenant")?;
        let config = ConfigArgs { config: self.config.clone(), data: data.clone() }.load()?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
        runtime.block_on(llm_shield::redaction_keys(&config, tenant)).context("cannot use the tenant's keys")
    }
}

/// The server's configuration, as `serve` reads it.
#[derive(Args, Clone, Debug)]
pub(crate) struct ConfigArgs {
    /// Configuration file, YAML
    #[arg(long, value_name = "FILE", env = "LLM_SHIELD_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    data: DataArgs,
}

impl ConfigArgs {
    /// Reads the file, where one is given, and the environment.
    pub(crate) fn load(&self) -> Result<Config> {
        let mut config = Config::load(self.config.as_deref(), environment())?;
        if let Some(dir) = self.data.given() {
            config.data_dir = dir.to_owned();
        }
        Ok(config)
    }
}

/// The environment's variables that are text.
pub(crate) fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// How an answer is printed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON object
    Json,
}

/// [`Direction`] as an argument.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum DirectionArg {
    /// On the way to the model
    #[default]
    Input,
    /// On the way from the model
    Output,
}

impl From<DirectionArg> for Direction {
    fn from(direction: DirectionArg) -> Self {
        match direction {
            DirectionArg::Input => Self::Input,
            DirectionArg::Output => Self::Output,
        }
    }
}

/// [`Role`] as an argument.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum RoleArg {
    /// Typed by the end user
    #[default]
    User,
    /// The application's own instructions
    System,
    /// Written by the model
    Assistant,
    /// A tool's arguments, result or definition
    Tool,
    /// A retrieved document, a web page, an e-mail
    Document,
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::User => Self::User,
            RoleArg::System => Self::System,
            RoleArg::Assistant => Self::Assistant,
            RoleArg::Tool => Self::Tool,
            RoleArg::Document => Self::Document,
        }
    }
}
