//! What must hold of the infrastructure whatever else changes: private, encrypted with our keys, kept as long as meant.

use hcl::{Block, Body, Expression};

use super::{
    Problems, addresses, descriptions, rights, texts,
    tree::{self, Module},
};

/// What keeps a thing encrypted: the resource, and where its key stands.
const ENCRYPTED: [(&str, &[&str]); 8] = [
    ("aws_cloudwatch_log_group", &["kms_key_id"]),
    ("aws_secretsmanager_secret", &["kms_key_id"]),
    ("aws_sns_topic", &["kms_master_key_id"]),
    ("aws_sqs_queue", &["kms_master_key_id"]),
    ("aws_cloudtrail", &["kms_key_id"]),
    ("aws_lambda_function", &["kms_key_arn"]),
    ("aws_ecr_repository", &["encryption_configuration", "kms_key"]),
    ("aws_config_delivery_channel", &["s3_kms_key_arn"]),
];

/// Resources that open a way to or from the Internet.
const PUBLIC: [&str; 9] = [
    "aws_internet_gateway",
    "aws_egress_only_internet_gateway",
    "aws_nat_gateway",
    "aws_eip",
    "aws_lambda_function_url",
    "aws_apigatewayv2_api",
    "aws_instance",
    "aws_s3_bucket_acl",
    "aws_iam_access_key",
];

/// Checks a module.
pub(super) fn check(module: &Module) -> Problems {
    let mut problems = Problems::default();
    for resource in module.of_kind("resource") {
        let of_type = tree::label(resource, 0).unwrap_or_default();
        let address = tree::address(resource);
        if PUBLIC.contains(&of_type) {
            problems.add(&address, "it opens a way that this network does not have");
        }
        private(of_type, resource.body(), &address, &mut problems);
        encrypted(module, of_type, resource.body(), &address, &mut problems);
        exact(of_type, resource.body(), &address, &mut problems);
    }
    for call in module.of_kind("module") {
        keys_are_given(module, call, &mut problems);
    }
    problems.extend(rights::check(module));
    problems.extend(addresses::check(module));
    problems.extend(descriptions::check(module));
    problems
}

fn private(of_type: &str, body: &Body, address: &str, problems: &mut Problems) {
    let must = |wanted: &str, value: bool, body: &Body, problems: &mut Problems| {
        if tree::attribute(body, wanted) != Some(&Expression::Bool(value)) {
            problems.add(address, &format!("`{wanted}` has to be {value}"));
        }
    };
    match of_type {
        "aws_subnet" => must("map_public_ip_on_launch", false, body, problems),
        "aws_lb" => must("internal", true, body, problems),
        "aws_ecs_service" => match nested(body, "network_configuration") {
            Some(network) => must("assign_public_ip", false, network, problems),
            None => problems.add(address, "it has no network_configuration"),
        },
        "aws_s3_bucket_public_access_block" => {
            for wanted in
                ["block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"]
            {
                must(wanted, true, body, problems);
            }
        }
        "aws_api_gateway_rest_api" => {
            let types =
                nested(body, "endpoint_configuration").and_then(|block| tree::attribute(block, "types"));
            if types != Some(&Expression::Array(vec![Expression::String("PRIVATE".to_owned())])) {
                problems.add(address, "its endpoint has to be private");
            }
        }
        "aws_api_gateway_method" if tree::text(body, "authorization") != Some("AWS_IAM") => {
            problems.add(address, "it is called without a signature");
        }
        "aws_lambda_function" if nested(body, "vpc_config").is_none() => {
            problems.add(address, "it is outside of the VPC");
        }
        _ => {}
    }
}

fn encrypted(module: &Module, of_type: &str, body: &Body, address: &str, problems: &mut Problems) {
    if let Some((_, path)) = ENCRYPTED.iter().find(|(encrypted, _)| *encrypted == of_type) {
        let mut body = Some(body);
        let (last, blocks) = path.split_last().unwrap_or((&"", &[]));
        for block in blocks {
            body = body.and_then(|body| nested(body, block));
        }
        let key = body.and_then(|body| tree::attribute(body, last));
        if !key.is_some_and(|key| is_given(module, key)) {
            problems.add(address, &format!("it is not encrypted with a key of ours: `{}`", path.join(".")));
        }
    }
    if of_type == "aws_cloudwatch_log_group" {
        match tree::attribute(body, "retention_in_days") {
            None => problems.add(address, "what is in it is kept for ever"),
            Some(days) if !is_retention(module, days) => {
                problems.add(address, "it is not kept for 7 to 30 days, as a validation says");
            }
            Some(_) => {}
        }
    }
}

/// Refuses calls that take away the key or the lock that a module asks for.
fn keys_are_given(module: &Module, call: &Block, problems: &mut Problems) {
    for argument in call.body().attributes() {
        let key = argument.key();
        let guards = ["encryption", "object_lock"].contains(&key)
            || ["key_arn", "key_arns"].iter().any(|ending| key.ends_with(ending));
        if guards && !is_given(module, argument.expr()) {
            problems.add(&tree::address(call), &format!("`{key}` may be null"));
        }
    }
}

/// Whether an expression is never null as far as can be seen, and no key of AWS's own.
pub(super) fn is_given(module: &Module, expression: &Expression) -> bool {
    match expression {
        Expression::Null => false,
        Expression::String(text) => !text.is_empty() && !text.starts_with("alias/aws/"),
        Expression::Object(object) => object.values().all(|value| is_given(module, value)),
        Expression::Parenthesis(inner) => is_given(module, inner),
        Expression::Conditional(choice) => {
            is_given(module, &choice.true_expr) && is_given(module, &choice.false_expr)
        }
        Expression::FuncCall(call) => call.args.iter().all(|argument| is_given(module, argument)),
        Expression::Traversal(traversal) => match texts::named(traversal) {
            Some(("var", name)) => {
                let variables = module.named("variable");
                let default =
                    variables.get(name).and_then(|variable| tree::attribute(variable.body(), "default"));
                default != Some(&Expression::Null)
            }
            // What a local value is made of is not followed in a circle: it would not be Terraform.
            Some(("local", name)) => module.locals().get(name).is_none_or(|local| is_given(module, local)),
            _ => true,
        },
        _ => true,
    }
}

/// The days that logs are kept.
const RETENTION: std::ops::RangeInclusive<u64> = 7..=30;

/// Whether days are within the bounds, or a variable's whose validation lists none outside of them.
fn is_retention(module: &Module, days: &Expression) -> bool {
    match days {
        Expression::Number(_) => is_within(days),
        Expression::Traversal(traversal) => match texts::named(traversal) {
            Some(("var", name)) => {
                module.named("variable").get(name).is_some_and(|variable| is_bounded(variable, days))
            }
            _ => false,
        },
        _ => false,
    }
}

/// Whether one of a variable's validations is `contains([7, 14, 30], var.x)`, or of other days within the bounds.
fn is_bounded(variable: &Block, reference: &Expression) -> bool {
    let validations = variable.body().blocks().filter(|block| block.identifier() == "validation");
    let mut conditions = validations.filter_map(|block| tree::attribute(block.body(), "condition"));
    conditions.any(|condition| {
        let Expression::FuncCall(call) = condition else { return false };
        let [Expression::Array(listed), tested] = call.args.as_slice() else { return false };
        call.name.name.as_str() == "contains" && tested == reference && listed.iter().all(is_within)
    })
}

fn is_within(days: &Expression) -> bool {
    match days {
        Expression::Number(days) => days.as_u64().is_some_and(|days| RETENTION.contains(&days)),
        _ => false,
    }
}

/// What has one right value.
fn exact(of_type: &str, body: &Body, address: &str, problems: &mut Problems) {
    let truths: &[&str] = match of_type {
        "aws_cloudtrail" => {
            &["is_multi_region_trail", "enable_log_file_validation", "include_global_service_events"]
        }
        "aws_kms_key" if tree::text(body, "key_usage") == Some("ENCRYPT_DECRYPT") => &["enable_key_rotation"],
        "aws_secretsmanager_secret_policy" => &["block_public_policy"],
        _ => &[],
    };
    for wanted in truths {
        if tree::attribute(body, wanted) != Some(&Expression::Bool(true)) {
            problems.add(address, &format!("`{wanted}` has to be true"));
        }
    }
    if of_type == "aws_ecr_repository" && tree::text(body, "image_tag_mutability") != Some("IMMUTABLE") {
        problems.add(address, "its tags have to be immutable");
    }
    let versioning = nested(body, "versioning_configuration").and_then(|block| tree::text(block, "status"));
    if of_type == "aws_s3_bucket_versioning" && versioning != Some("Enabled") {
        problems.add(address, "versioning has to be enabled");
    }
}

/// The first block of a name.
pub(super) fn nested<'a>(body: &'a Body, name: &str) -> Option<&'a Body> {
    body.blocks().find(|block| block.identifier() == name).map(Block::body)
}
