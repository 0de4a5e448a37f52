//! `llm-shield audit proof`.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::Args;
use llm_shield_audit::{
    Checkpoint, ConsistencyProof, Hash, InclusionProof, Query, Store, Tenant, verify_consistency,
    verify_inclusion,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    super::{NO, YES, show},
    StoreArgs,
};

/// What to prove, or which proof to check.
#[derive(Args, Debug)]
pub(crate) struct ProofArgs {
    /// The record whose inclusion to prove; finding it needs the keys that open records
    #[arg(required_unless_present_any = ["index", "from", "check"], conflicts_with_all = ["index", "from", "check"])]
    id: Option<Uuid>,
    /// The position of the record whose inclusion to prove, as a receipt tells it (`leaf_index`). Needs --tenant
    #[arg(long, value_name = "N", conflicts_with_all = ["from", "check"])]
    index: Option<u64>,
    /// Prove instead that the log begins with what it was when it had so many records. Needs --tenant
    #[arg(long, value_name = "SIZE", conflicts_with = "check")]
    from: Option<u64>,
    /// The log it is in (`log_id` of a receipt), where the tenant has more than one
    #[arg(long, value_name = "ID")]
    log: Option<String>,
    /// The size to prove it in, for which a checkpoint is kept; the newest checkpoint's by default
    #[arg(long, value_name = "SIZE", default_value_t = 0)]
    size: u64,
    /// Check a proof instead, against the public key alone (exit code 1: it does not hold)
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
    /// With --check: the hash that the record has to have, as its receipt tells it (`leaf_hash`), in hex or base64
    #[arg(long, value_name = "HASH", requires = "check")]
    leaf_hash: Option<String>,
    /// With --check, of a consistency proof: the earlier checkpoint
    #[arg(long, value_name = "FILE", requires = "check")]
    checkpoint: Option<PathBuf>,
    #[command(flatten)]
    store: StoreArgs,
}

/// A proof as it is written. Hashes are in hex; `checkpoint` is the signed note.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    leaf_index: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    leaf_hash: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from_tree_size: Option<u64>,
    tree_size: u64,
    root_hash: String,
    hashes: Vec<String>,
    checkpoint: String,
}

/// Runs the command.
pub(crate) async fn run(args: ProofArgs) -> Result<u8> {
    if let Some(file) = &args.check {
        return check(&args, file).await;
    }
    let store = args.store.open().await?;
    let written = match (args.id, args.index, args.from) {
        (Some(id), ..) => {
            let (tenant, log, index) = find(&store, &args.store, id).await?;
            inclusion(store.prove_inclusion(&tenant, Some(&log), index, args.size).await?)
        }
        (_, Some(index), _) => inclusion(
            store.prove_inclusion(&named(&args.store)?, args.log.as_deref(), index, args.size).await?,
        ),
        (_, _, Some(from)) => consistency(
            store.prove_consistency(&named(&args.store)?, args.log.as_deref(), from, args.size).await?,
        ),
        _ => bail!("say what to prove"),
    };
    show::print(&format!("{}\n", serde_json::to_string_pretty(&written)?))?;
    Ok(YES)
}

fn named(store: &StoreArgs) -> Result<Tenant> {
    store.tenant()?.context("--tenant is needed: each tenant has a log of its own")
}

async fn find(store: &Store, args: &StoreArgs, id: Uuid) -> Result<(Tenant, String, u64)> {
    for tenant in args.tenants(store).await? {
        let query = Query { record_id: Some(id), limit: Some(1), ..Query::of(tenant.clone()) };
        if let Some(record) = store.query(query)?.next().await {
            let record = record?;
            return Ok((tenant, record.log, record.sequence));
        }
    }
    bail!("there is no record {id}")
}

fn inclusion(proof: InclusionProof) -> Written {
    Written {
        leaf_index: Some(proof.leaf_index),
        leaf_hash: Some(hex(&proof.leaf_hash)),
        ..written(&proof.checkpoint, proof.note, &proof.path)
    }
}

fn consistency(proof: ConsistencyProof) -> Written {
    Written { from_tree_size: Some(proof.from), ..written(&proof.checkpoint, proof.note, &proof.path) }
}

fn written(checkpoint: &Checkpoint, note: String, path: &[Hash]) -> Written {
    Written {
        tree_size: checkpoint.size,
        root_hash: hex(&checkpoint.root),
        hashes: path.iter().map(hex).collect(),
        checkpoint: note,
        ..Written::default()
    }
}

async fn check(args: &ProofArgs, file: &PathBuf) -> Result<u8> {
    let text = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let proof: Written =
        serde_json::from_slice(&text).with_context(|| format!("{} is no proof", file.display()))?;
    let trust = args.store.trust().await?;
    let open = |note: &[u8]| Checkpoint::open(note, &trust);
    let outcome = match open(proof.checkpoint.as_bytes()) {
        Err(what) => Err(format!("the checkpoint cannot be relied on: {what}")),
        Ok(checkpoint) if proof.tree_size != checkpoint.size || proof.root_hash != hex(&checkpoint.root) => {
            Err("the proof names another tree than its checkpoint signs".to_owned())
        }
        Ok(checkpoint) => match (&proof.leaf_hash, proof.leaf_index, proof.from_tree_size) {
            (Some(leaf), Some(index), None) => {
                let wanted = args.leaf_hash.as_deref().map(hash_of_receipt).transpose()?;
                if wanted.is_some_and(|wanted| hex(&wanted) != *leaf) {
                    let other = Err("the proof is of another record than the receipt's".to_owned());
                    return told(other);
                }
                let path = hashes(&proof.hashes)?;
                let holds = verify_inclusion(&unhex(leaf)?, index, checkpoint.size, &path, &checkpoint.root);
                let said = format!(
                    "the record with the leaf hash {leaf} is leaf {index} of {} in {}",
                    checkpoint.size, checkpoint.origin
                );
                if holds {
                    Ok(said)
                } else {
                    Err("the record is not in the log of the checkpoint".to_owned())
                }
            }
            (None, None, Some(from)) => {
                let earlier = args.checkpoint.as_ref().context("--checkpoint is needed: the earlier one")?;
                let note = fs::read(earlier).with_context(|| format!("cannot read {}", earlier.display()))?;
                match open(&note) {
                    Err(what) => Err(format!("the earlier checkpoint cannot be relied on: {what}")),
                    Ok(earlier) if earlier.size != from => Err(format!(
                        "the proof is of a log of {from} records, the checkpoint of {}",
                        earlier.size
                    )),
                    Ok(earlier) => grew(&earlier, &checkpoint, &hashes(&proof.hashes)?),
                }
            }
            _ => bail!("{} is no proof", file.display()),
        },
    };
    told(outcome)
}

fn told(outcome: Result<String, String>) -> Result<u8> {
    let (text, code) = match outcome {
        Ok(said) => (format!("proved: {said}\n"), YES),
        Err(problem) => (format!("NOT PROVED: {problem}\n"), NO),
    };
    show::print(&text)?;
    Ok(code)
}

fn grew(earlier: &Checkpoint, later: &Checkpoint, path: &[Hash]) -> Result<String, String> {
    if earlier.origin != later.origin {
        return Err("the checkpoints are of two logs".to_owned());
    }
    if verify_consistency(earlier.size, &earlier.root, later.size, &later.root, path) {
        Ok(format!("the log of {} records begins with that of {}", later.size, earlier.size))
    } else {
        Err("the later log does not begin with the earlier one".to_owned())
    }
}

/// Reads a hash as a receipt has it: in hex, or in base64 as JSON from gRPC does.
fn hash_of_receipt(text: &str) -> Result<Hash> {
    if text.len() == 64 {
        return unhex(text);
    }
    let bytes = STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.context("--leaf-hash is neither 64 hexadecimal digits nor 32 bytes in base64")
}

fn hashes(written: &[String]) -> Result<Vec<Hash>> {
    written.iter().map(|hash| unhex(hash)).collect()
}

fn hex(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(digits: &str) -> Result<Hash> {
    ensure!(digits.len() == 64 && digits.is_ascii(), "a hash has 64 hexadecimal digits");
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair)?, 16)?;
    }
    Ok(hash)
}
