//! What must hold of the infrastructure whatever else changes: private, encrypted with our keys, least rights.

use hcl::{Block, Body, Expression, expr::TemplateExpr};

use super::{
    Problems,
    tree::{self, Module},
};

/// Actions whose resource can only be `*`, or whose place makes `*` mean one thing. Everything else needs a resource.
const WITHOUT_RESOURCE: [&str; 34] = [
    "acm-pca:ListCertificateAuthorities",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:GetDashboard",
    "cloudwatch:GetMetricData",
    "cloudwatch:ListDashboards",
    "cloudwatch:ListMetrics",
    "cloudwatch:PutMetricData",
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
    "ecr:GetAuthorizationToken",
    "ecs:DescribeTaskDefinition",
    "ecs:ListTasks",
    "ecs:RegisterTaskDefinition",
    "elasticloadbalancing:DescribeTargetHealth",
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:DescribeLogGroups",
    "logs:DescribeLogStreams",
    "logs:FilterLogEvents",
    "logs:GetLogEvents",
    "logs:GetQueryResults",
    "logs:PutLogEvents",
    "sts:GetCallerIdentity",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
    "xray:GetGroups",
    "xray:GetTraceSummaries",
    "xray:BatchGetTraces",
];

/// Policy documents that are attached to one thing, so that `*` is that thing, or that a condition keeps to our own.
/// Each is `module/name`, with the reason.
const STAR_IS_ONE: [(&str, &str); 14] = [
    ("modules/keys/administration", "a key's policy: this key"),
    ("modules/keys/audit", "a key's policy: this key"),
    ("modules/keys/signing", "a key's policy: this key"),
    ("modules/keys/logs", "a key's policy: this key"),
    ("modules/keys/events", "a key's policy: this key"),
    ("modules/keys/secrets", "a key's policy: this key"),
    ("modules/keys/tasks", "a key's policy: this key"),
    ("modules/keys/via_service", "a key's policy: this key"),
    ("modules/secrets/own_account", "a secret's policy: this secret"),
    (
        "modules/network/interface",
        "an endpoint's policy: one service, by our principals alone; IAM decides the calls",
    ),
    ("modules/network/s3", "an endpoint's policy: by our principals, to our account's buckets alone"),
    ("modules/edge/gateway", "API Gateway asks for exactly these rights when the role is set"),
    ("modules/bucket/this", "a bucket's policy: only denials have wildcards"),
    ("examples/remote-state/state", "a bucket's policy: only denials have wildcards"),
];

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
        encrypted(of_type, resource.body(), &address, &mut problems);
        exact(of_type, resource.body(), &address, &mut problems);
        everywhere(resource.body(), &mut |text| {
            if text == "0.0.0.0/0" || text == "::/0" {
                problems.add(&address, "it opens to every address");
            }
        });
    }
    for document in
        module.of_kind("data").filter(|block| tree::label(block, 0) == Some("aws_iam_policy_document"))
    {
        wildcards(module, document, &mut problems);
    }
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

fn encrypted(of_type: &str, body: &Body, address: &str, problems: &mut Problems) {
    if let Some((_, path)) = ENCRYPTED.iter().find(|(encrypted, _)| *encrypted == of_type) {
        let mut body = Some(body);
        let (last, blocks) = path.split_last().unwrap_or((&"", &[]));
        for block in blocks {
            body = body.and_then(|body| nested(body, block));
        }
        if body.and_then(|body| tree::attribute(body, last)).is_none_or(|key| *key == Expression::Null) {
            problems.add(address, &format!("it is not encrypted with a key of ours: `{}`", path.join(".")));
        }
    }
    if of_type == "aws_cloudwatch_log_group" && tree::attribute(body, "retention_in_days").is_none() {
        problems.add(address, "what is in it is kept for ever");
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

/// Checks that a bucket is all that our buckets are, and that audit buckets have Object Lock.
pub(super) fn check_buckets(modules: &[Module]) -> Problems {
    let mut problems = Problems::default();
    for module in modules {
        for (name, call) in module.named("module") {
            let is_bucket = tree::text(call.body(), "source") == Some("../bucket");
            if !is_bucket {
                continue;
            }
            let address = format!("{} module.{name}", module.name);
            // The target of access logs can have S3's own key only.
            if name != "logs" && tree::attribute(call.body(), "encryption").is_none() {
                problems.add(&address, "it is not encrypted with a key of ours");
            }
            if ["results", "bucket"].contains(&name) && tree::attribute(call.body(), "object_lock").is_none()
            {
                problems.add(&address, "it has no Object Lock");
            }
        }
        for bucket in module.resources("aws_s3_bucket") {
            let name = tree::label(bucket, 1).unwrap_or_default();
            for companion in [
                "aws_s3_bucket_public_access_block",
                "aws_s3_bucket_versioning",
                "aws_s3_bucket_server_side_encryption_configuration",
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
    }
    problems
}

fn wildcards(module: &Module, document: &Block, problems: &mut Problems) {
    let name = tree::label(document, 1).unwrap_or_default();
    let address = tree::address(document);
    let place = format!("{}/{name}", module.name);
    let excused = STAR_IS_ONE.iter().any(|(excused, _)| *excused == place);
    for statement in statements(document.body()) {
        let sid = tree::text(statement, "sid").unwrap_or_default();
        let at = format!("{address} {sid}");
        // A denial is the wider the better.
        if tree::text(statement, "effect") == Some("Deny") {
            continue;
        }
        let actions = strings(statement, "actions");
        let resources = strings(statement, "resources");
        if tree::attribute(statement, "not_actions").is_some()
            || tree::attribute(statement, "not_resources").is_some()
        {
            problems.add(&at, "it allows all but some");
        }
        let any_action = actions.iter().any(|action| action.ends_with('*'));
        if any_action && !excused {
            problems.add(&at, "it allows actions by a wildcard");
        }
        let bounded = |action: &String| WITHOUT_RESOURCE.contains(&action.as_str());
        if resources.iter().any(|resource| resource == "*") && !excused && !actions.iter().all(bounded) {
            problems.add(&at, "it allows on all resources what could name one");
        }
        let anyone = statement.blocks().filter(|block| block.identifier() == "principals");
        let anyone = anyone.flat_map(|block| strings(block.body(), "identifiers")).any(|who| who == "*");
        let conditional = statement.blocks().any(|block| block.identifier() == "condition");
        let layers = place == "modules/network/s3" && sid == "ImageLayers";
        if anyone && !conditional && !layers {
            problems.add(&at, "it allows anyone without a condition");
        }
    }
}

/// The statements of a policy document, those of dynamic blocks too.
pub(super) fn statements(body: &Body) -> Vec<&Body> {
    let mut found = Vec::new();
    for block in body.blocks() {
        match block.identifier() {
            "statement" => found.push(block.body()),
            "dynamic" if tree::label(block, 0) == Some("statement") => {
                found.extend(block.body().blocks().map(Block::body));
            }
            _ => {}
        }
    }
    found
}

/// The plain strings of a list.
pub(super) fn strings(body: &Body, name: &str) -> Vec<String> {
    match tree::attribute(body, name) {
        Some(Expression::Array(items)) => items
            .iter()
            .filter_map(|item| match item {
                Expression::String(text) => Some(text.clone()),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn nested<'a>(body: &'a Body, name: &str) -> Option<&'a Body> {
    body.blocks().find(|block| block.identifier() == name).map(Block::body)
}

fn everywhere(body: &Body, look: &mut impl FnMut(&str)) {
    for attribute in body.attributes() {
        texts(attribute.expr(), look);
    }
    for block in body.blocks() {
        everywhere(block.body(), look);
    }
}

fn texts(expression: &Expression, look: &mut impl FnMut(&str)) {
    match expression {
        Expression::String(text) => look(text),
        Expression::TemplateExpr(template) => {
            if let TemplateExpr::QuotedString(text) = &**template {
                look(text);
            }
        }
        Expression::Array(items) => items.iter().for_each(|item| texts(item, look)),
        Expression::Object(object) => object.iter().for_each(|(_, value)| texts(value, look)),
        Expression::Parenthesis(inner) => texts(inner, look),
        Expression::Conditional(choice) => {
            texts(&choice.true_expr, look);
            texts(&choice.false_expr, look);
        }
        Expression::FuncCall(call) => call.args.iter().for_each(|argument| texts(argument, look)),
        _ => {}
    }
}
