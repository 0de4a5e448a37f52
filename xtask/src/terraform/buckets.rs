//! Every bucket is one of our module's, encrypted with a key of ours; audit objects are under Object Lock.

use std::collections::BTreeSet;

use hcl::{Block, Expression};

use super::{
    Problems,
    rules::{self, nested},
    texts,
    tree::{self, Module},
};

/// The module that buckets are made by.
const BUCKET: &str = "modules/bucket";
/// The calls of it whose objects prove what was done: the audit objects and the trail.
const AUDIT: [&str; 2] = ["results", "bucket"];

/// Checks that a bucket is all that our buckets are, and that audit buckets have Object Lock.
pub(super) fn check(modules: &[Module]) -> Problems {
    let mut problems = Problems::default();
    for module in modules {
        let targets = targets(module);
        for (name, call) in module.named("module") {
            if !is_bucket(module, call) {
                continue;
            }
            let address = format!("{} module.{name}", module.name);
            let given = |argument| tree::attribute(call.body(), argument);
            let encrypted = match given("encryption") {
                Some(key) => rules::is_given(module, key),
                // The target of access logs can have S3's own key only.
                None => targets.contains(name),
            };
            if !encrypted {
                problems.add(&address, "it is not encrypted with a key of ours");
            }
            let locked = given("object_lock").is_some_and(|lock| rules::is_given(module, lock));
            if AUDIT.contains(&name) && !locked {
                problems.add(&address, "it has no Object Lock");
            }
        }
        for bucket in module.resources("aws_s3_bucket") {
            let name = tree::label(bucket, 1).unwrap_or_default();
            for companion in [
                "aws_s3_bucket_public_access_block",
                "aws_s3_bucket_versioning",
                "aws_s3_bucket_server_side_encryption_configuration",
                "aws_s3_bucket_object_lock_configuration",
                "aws_s3_bucket_policy",
            ] {
                if module.object("resource", companion, name).is_none() {
                    problems.add(
                        &format!("{} {}", module.name, tree::address(bucket)),
                        &format!("it has no {companion}"),
                    );
                }
            }
        }
        for configuration in module.resources("aws_s3_bucket_server_side_encryption_configuration") {
            if !has_our_key(module, configuration) {
                let address = format!("{} {}", module.name, tree::address(configuration));
                problems.add(&address, "it is not encrypted with a key of ours: aws:kms and its key");
            }
        }
    }
    problems
}

/// The calls whose buckets take the access logs of others.
fn targets(module: &Module) -> BTreeSet<&str> {
    let calls = module.of_kind("module").filter_map(|call| tree::attribute(call.body(), "access_logs"));
    calls
        .filter_map(|logs| match logs {
            Expression::Object(logs) => logs.values().next(),
            _ => None,
        })
        .filter_map(|bucket| match bucket {
            Expression::Traversal(bucket) => texts::named(bucket),
            _ => None,
        })
        .filter_map(|(kind, name)| (kind == "module").then_some(name))
        .collect()
}

fn is_bucket(module: &Module, call: &Block) -> bool {
    let Some(source) = tree::text(call.body(), "source") else { return false };
    let mut path: Vec<&str> = module.name.split('/').collect();
    for part in source.split('/') {
        match part {
            ".." => path.truncate(path.len().saturating_sub(1)),
            "." => {}
            below => path.push(below),
        }
    }
    path.join("/") == BUCKET
}

/// Whether a configuration names KMS and a key. Our module leaves both to its callers, who are held to them above.
fn has_our_key(module: &Module, configuration: &Block) -> bool {
    let rule = nested(configuration.body(), "rule");
    let Some(default) = rule.and_then(|rule| nested(rule, "apply_server_side_encryption_by_default")) else {
        return false;
    };
    let key = tree::attribute(default, "kms_master_key_id");
    match tree::attribute(default, "sse_algorithm") {
        Some(Expression::String(algorithm)) => {
            algorithm == "aws:kms" && key.is_some_and(|key| rules::is_given(module, key))
        }
        Some(Expression::Conditional(choice)) => {
            let text = |text: &str| Expression::String(text.to_owned());
            module.name == BUCKET
                && choice.cond_expr.to_string() == "var.encryption == null"
                && choice.true_expr == text("AES256")
                && choice.false_expr == text("aws:kms")
                && key.is_some_and(|key| *key != Expression::Null)
        }
        _ => false,
    }
}
