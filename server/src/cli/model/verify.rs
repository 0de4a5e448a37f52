//! `llm-shield model verify`.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use llm_shield::model::trust::{Trust, TrustError};
use llm_shield_classifier::{Bundle, Classifier, Options};

use super::super::{NO, YES, show};

/// What to check.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The bundle's directory; the one that comes with this program by default
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// A file with a public key by whose owner it has to be signed; without one the signature is not checked
    #[arg(long = "public-key", value_name = "FILE", requires = "dir")]
    public_keys: Vec<PathBuf>,
    /// Take a bundle that nobody signed, beside those signed by the owners of the keys
    #[arg(long, requires = "dir")]
    allow_unsigned: bool,
}

/// Runs the command.
pub(super) fn run(args: Args) -> Result<u8> {
    let keys = &args.public_keys;
    let trust = if keys.is_empty() { Trust::anyone() } else { Trust::new(keys, args.allow_unsigned)? };
    let bundle = match &args.dir {
        Some(dir) => open(dir, &trust),
        None => match Bundle::embedded()? {
            Some(bundle) => Ok(bundle),
            None => bail!("no bundle comes with this program: name a directory"),
        },
    };
    match bundle.and_then(|bundle| {
        Classifier::load(&bundle, &Options::default())?;
        Ok(bundle)
    }) {
        Ok(bundle) => {
            show::print(&praise(&bundle, !keys.is_empty()))?;
            Ok(YES)
        }
        Err(error) => {
            show::error(&error.into());
            Ok(NO)
        }
    }
}

fn open(dir: &Path, trust: &Trust) -> Result<Bundle, TrustError> {
    Bundle::open_if(dir, |manifest| trust.check(manifest))
}

/// Says what a bundle is that is good, and whose.
fn praise(bundle: &Bundle, checked: bool) -> String {
    let manifest = bundle.manifest();
    // The name of the key is whatever the signer wrote there.
    let signer = match &manifest.signature {
        Some(signature) if checked => format!("signed by `{}`", signature.key_id.escape_debug()),
        Some(signature) => format!("signed by `{}`, signature not checked", signature.key_id.escape_debug()),
        None => "unsigned".to_owned(),
    };
    let (name, version, digest) = (&manifest.name, &manifest.version, bundle.digest());
    format!("{name}@{version} is good\nmanifest {digest}\n{signer}\n")
}
