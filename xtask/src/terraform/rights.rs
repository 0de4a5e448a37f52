//! Who may do what: every policy is a document whose statements can be read here, and none allows more than it names.

use hcl::{Block, Body, Expression, expr::TraversalOperator};

use super::{
    Problems, texts,
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
const STAR_IS_ONE: [(&str, &str); 12] = [
    ("modules/keys/administration", "a key's policy: this key"),
    ("modules/keys/audit", "a key's policy: this key"),
    ("modules/keys/signing", "a key's policy: this key"),
    ("modules/keys/logs", "a key's policy: this key"),
    ("modules/keys/events", "a key's policy: this key"),
    ("modules/keys/secrets", "a key's policy: this key"),
    ("modules/keys/tasks", "a key's policy: this key"),
    ("modules/keys/via_service", "a key's policy: this key"),
    ("modules/secrets/own_account", "a secret's policy: this secret"),
    ("modules/network/interface", "an endpoint's policy: one service, by our principals alone"),
    ("modules/network/s3", "an endpoint's policy: by our principals, to our account's buckets alone"),
    ("modules/edge/gateway", "API Gateway asks for exactly these rights when the role is set"),
];

/// Policy documents that may allow actions by a wildcard, with the reason.
const ANY_ACTION: [(&str, &str); 1] = [(
    "modules/network/interface",
    "an endpoint's policy: it serves one AWS service, whose calls IAM decides",
)];

/// Arguments that are named as policies are and that give no rights, by resource, with the reason.
const NO_RIGHTS: [(&str, &str, &str); 2] = [
    ("aws_ecr_lifecycle_policy", "policy", "which images end, not who may do what"),
    ("aws_service_discovery_service", "routing_policy", "how a name is resolved"),
];

/// Policies of AWS's own that may be attached, with the reason.
const OF_AWS: [(&str, &str); 1] = [(
    "service-role/AWS_ConfigRole",
    "Config reads what it records; AWS keeps the list up with its services",
)];

/// Functions that return what they are given.
const PASS_ON: [&str; 6] = ["coalesce", "compact", "concat", "flatten", "one", "try"];

/// Checks the rights that a module gives.
pub(super) fn check(module: &Module) -> Problems {
    let mut problems = Problems::default();
    for block in &module.blocks {
        let address = tree::address(block);
        let name = tree::label(block, 0).unwrap_or_default();
        match block.identifier() {
            "resource" | "data" | "module" => granted(module, name, block.body(), &address, &mut problems),
            // What others read as a policy has to be one here.
            "output" if is_policy(name) => {
                documented(module, tree::attribute(block.body(), "value"), &address, &mut problems);
            }
            "variable" if is_policy(name) => {
                documented(module, tree::attribute(block.body(), "default"), &address, &mut problems);
            }
            _ => {}
        }
        if block.identifier() == "data" && name == "aws_iam_policy_document" {
            wildcards(module, block, &mut problems);
        }
    }
    problems
}

/// Looks for policies among the arguments of a block and of those within.
fn granted(module: &Module, of_type: &str, body: &Body, address: &str, problems: &mut Problems) {
    for attribute in body.attributes() {
        let key = attribute.key();
        let excused =
            NO_RIGHTS.iter().any(|(resource, argument, _)| *resource == of_type && *argument == key);
        if is_policy(key) && !excused {
            documented(module, Some(attribute.expr()), &format!("{address} {key}"), problems);
        }
        if ["policy_arn", "managed_policy_arns"].contains(&key) {
            for text in texts::of(module, attribute.expr()) {
                let of_aws = text.split_once(":iam::aws:policy/");
                if of_aws.is_some_and(|(_, name)| !OF_AWS.iter().any(|(known, _)| *known == name)) {
                    problems.add(address, &format!("it has rights that AWS chose: {text}"));
                }
            }
        }
    }
    for block in body.blocks() {
        granted(module, of_type, block.body(), address, problems);
    }
}

/// Whether a name is that of an argument, a variable or an output that holds a policy, or several.
fn is_policy(name: &str) -> bool {
    ["policy", "policies", "policy_document", "policy_documents", "policy_text"]
        .iter()
        .any(|ending| name.strip_suffix(ending).is_some_and(|rest| rest.is_empty() || rest.ends_with('_')))
}

fn documented(module: &Module, policy: Option<&Expression>, address: &str, problems: &mut Problems) {
    if policy.is_some_and(|policy| !is_document(module, policy, 0)) {
        problems.add(address, "it is no policy document, whose statements could be checked");
    }
}

/// Whether an expression leads to policy documents and to nothing else.
fn is_document(module: &Module, expression: &Expression, depth: usize) -> bool {
    let inner = |inner: &Expression| depth < 8 && is_document(module, inner, depth + 1);
    match expression {
        // A switch, such as `block_public_policy`.
        Expression::Bool(_) => true,
        Expression::Array(items) => items.iter().all(inner),
        Expression::Object(object) => object.iter().all(|(_, value)| inner(value)),
        Expression::Parenthesis(value) => inner(value),
        Expression::Conditional(choice) => inner(&choice.true_expr) && inner(&choice.false_expr),
        Expression::FuncCall(call) => {
            PASS_ON.contains(&call.name.name.as_str()) && call.args.iter().all(inner)
        }
        Expression::Traversal(traversal) => {
            let last = traversal.operators.last();
            match (texts::named(traversal), last) {
                (Some(("data", "aws_iam_policy_document")), Some(TraversalOperator::GetAttr(last))) => {
                    last.as_str() == "json"
                }
                (Some(("local", name)), _) => module.locals().get(name).is_some_and(|local| inner(local)),
                // Those who give it are held to the same, by its name.
                (Some(("var", name)), _) => is_policy(name),
                (Some(("module", _)), Some(TraversalOperator::GetAttr(last))) => is_policy(last.as_str()),
                _ => false,
            }
        }
        _ => false,
    }
}

fn wildcards(module: &Module, document: &Block, problems: &mut Problems) {
    let name = tree::label(document, 1).unwrap_or_default();
    let address = tree::address(document);
    let place = format!("{}/{name}", module.name);
    let any_resource = STAR_IS_ONE.iter().any(|(excused, _)| *excused == place);
    let any_action = ANY_ACTION.iter().any(|(excused, _)| *excused == place);
    for (statement, each) in with_values(document.body()) {
        let sid = tree::text(statement, "sid").unwrap_or_default();
        let at = format!("{address} {sid}");
        // A denial is the wider the better.
        if tree::text(statement, "effect") == Some("Deny") {
            continue;
        }
        let all_but = ["not_actions", "not_resources"];
        if all_but.iter().any(|not| tree::attribute(statement, not).is_some())
            || !blocks(statement, "not_principals").is_empty()
        {
            problems.add(&at, "it allows all but some");
        }
        let actions = actions(statement);
        if actions.is_none() {
            problems.add(&at, "its actions are not written out");
        }
        let actions = actions.unwrap_or_default();
        if !any_action && actions.iter().any(|action| action.contains(['*', '?'])) {
            problems.add(&at, "it allows actions by a wildcard");
        }
        let resources = tree::attribute(statement, "resources").into_iter().chain(each);
        let mut resources = resources.flat_map(|expression| texts::of(module, expression));
        let bounded = |action: &&str| WITHOUT_RESOURCE.contains(action);
        if !any_resource && resources.any(|resource| is_any(&resource)) && !actions.iter().all(bounded) {
            problems.add(&at, "it allows on all resources what could name one");
        }
        let who = blocks(statement, "principals").into_iter();
        let who = who.filter_map(|principals| tree::attribute(principals, "identifiers"));
        let anyone = who.flat_map(|who| texts::of(module, who)).any(|who| who == "*");
        let conditional = statement.blocks().any(|block| block.identifier() == "condition");
        let layers = place == "modules/network/s3" && sid == "ImageLayers";
        if anyone && !conditional && !layers {
            problems.add(&at, "it allows anyone without a condition");
        }
    }
}

/// The actions of a statement, if each is written out.
fn actions(statement: &Body) -> Option<Vec<&str>> {
    match tree::attribute(statement, "actions") {
        Some(Expression::Array(actions)) => actions.iter().map(written).collect(),
        Some(_) => None,
        None => Some(Vec::new()),
    }
}

fn written(action: &Expression) -> Option<&str> {
    match action {
        Expression::String(text) => Some(text),
        _ => None,
    }
}

/// Whether a resource is any one, or any one of a service.
fn is_any(resource: &str) -> bool {
    let named = match resource.strip_prefix("arn:") {
        Some(rest) => rest.splitn(5, ':').nth(4),
        None => Some(resource),
    };
    named.is_some_and(|named| named.contains('*') && named.chars().all(|c| "*/:".contains(c)))
}

/// The statements of a policy document, those of dynamic blocks too.
pub(super) fn statements(body: &Body) -> Vec<&Body> {
    with_values(body).into_iter().map(|(statement, _)| statement).collect()
}

/// The statements with what a dynamic block makes them of.
fn with_values(body: &Body) -> Vec<(&Body, Option<&Expression>)> {
    let mut found = Vec::new();
    for block in body.blocks() {
        match block.identifier() {
            "statement" => found.push((block.body(), None)),
            "dynamic" if tree::label(block, 0) == Some("statement") => {
                let each = tree::attribute(block.body(), "for_each");
                found.extend(block.body().blocks().map(|content| (content.body(), each)));
            }
            _ => {}
        }
    }
    found
}

/// The blocks of a name, those of dynamic blocks too.
fn blocks<'a>(body: &'a Body, name: &str) -> Vec<&'a Body> {
    let mut found = Vec::new();
    for block in body.blocks() {
        if block.identifier() == name {
            found.push(block.body());
        } else if block.identifier() == "dynamic" && tree::label(block, 0) == Some(name) {
            found.extend(block.body().blocks().map(Block::body));
        }
    }
    found
}
