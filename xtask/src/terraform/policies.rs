//! Policy documents as JSON, so that parliament can judge them: references become sample ARNs of the right kind.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use hcl::{
    Body, Expression,
    expr::TraversalOperator,
    template::{Element, Template},
};
use serde_json::{Map, Value, json};

use super::{
    rights,
    tree::{self, Module},
};

/// A policy, its name, and whether it is one of a resource (with principals) or of a role.
#[derive(Debug)]
pub(super) struct Policy {
    pub(super) name: String,
    pub(super) json: Value,
}

/// Writes a module's policies, one file each, and returns how many.
pub(super) fn write(module: &Module, directory: &Path) -> Result<usize> {
    let policies = of(module);
    for policy in &policies {
        let path = directory.join(format!("{}.json", policy.name.replace('/', "_")));
        let text = serde_json::to_string_pretty(&policy.json).context("cannot write a policy")?;
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(policies.len())
}

/// The policies of a module that have statements of their own.
pub(super) fn of(module: &Module) -> Vec<Policy> {
    let documents = module.of_kind("data");
    let documents = documents.filter(|block| tree::label(block, 0) == Some("aws_iam_policy_document"));
    documents
        .filter_map(|document| {
            let statements: Vec<Value> =
                rights::statements(document.body()).into_iter().map(statement).collect();
            if statements.is_empty() {
                return None;
            }
            let name = format!("{}/{}", module.name, tree::label(document, 1)?);
            Some(Policy { name, json: json!({ "Version": "2012-10-17", "Statement": statements }) })
        })
        .collect()
}

fn statement(body: &Body) -> Value {
    let mut statement = Map::new();
    let mut set = |key: &str, value: Value| {
        statement.insert(key.to_owned(), value);
    };
    if let Some(sid) = tree::text(body, "sid") {
        set("Sid", json!(sid));
    }
    set("Effect", json!(tree::text(body, "effect").unwrap_or("Allow")));
    set("Action", one_or_all(values(tree::attribute(body, "actions"))));
    if tree::attribute(body, "resources").is_some() {
        set("Resource", one_or_all(values(tree::attribute(body, "resources"))));
    }
    let principals: Vec<_> = body.blocks().filter(|block| block.identifier() == "principals").collect();
    if !principals.is_empty() {
        let mut all = Map::new();
        for principal in principals {
            let kind = tree::text(principal.body(), "type").unwrap_or("AWS");
            let whom = values(tree::attribute(principal.body(), "identifiers"));
            if kind == "*" {
                set("Principal", json!("*"));
            } else {
                all.insert(kind.to_owned(), one_or_all(whom));
            }
        }
        if !all.is_empty() {
            set("Principal", Value::Object(all));
        }
    }
    let conditions = conditions(body);
    if !conditions.is_empty() {
        set("Condition", Value::Object(conditions));
    }
    Value::Object(statement)
}

fn conditions(body: &Body) -> Map<String, Value> {
    let mut conditions = Map::new();
    for block in body.blocks() {
        let inner = match block.identifier() {
            "condition" => Some(block.body()),
            "dynamic" if tree::label(block, 0) == Some("condition") => {
                block.body().blocks().next().map(hcl::Block::body)
            }
            _ => None,
        };
        let Some(inner) = inner else { continue };
        let test = tree::text(inner, "test").unwrap_or_default();
        let variable = tree::attribute(inner, "variable").map(value).unwrap_or_default();
        let entry = conditions.entry(test.to_owned()).or_insert_with(|| json!({}));
        if let Value::Object(entry) = entry {
            let values = values(tree::attribute(inner, "values")).into_iter();
            entry.insert(variable, one_or_all(values.map(|value| typed(test, value)).collect()));
        }
    }
    conditions
}

/// A value of the type that a condition's test is of, where it is not known what it is.
fn typed(test: &str, value: String) -> String {
    if test.starts_with("Arn") && value == "*" {
        sample("local.role_arn") + "/name"
    } else if test.starts_with("Numeric") && value == "*" {
        "30".to_owned()
    } else {
        value
    }
}

/// A list of one is written as that one, as parliament expects it of some conditions.
fn one_or_all(values: Vec<String>) -> Value {
    match values.as_slice() {
        [one] => json!(one),
        _ => json!(values),
    }
}

fn values(expression: Option<&Expression>) -> Vec<String> {
    match expression {
        Some(Expression::Array(items)) => items.iter().map(value).collect(),
        Some(Expression::ForExpr(each)) => vec![value(&each.value_expr)],
        Some(other) => vec![value(other)],
        None => Vec::new(),
    }
}

fn value(expression: &Expression) -> String {
    match expression {
        Expression::String(text) => text.clone(),
        Expression::TemplateExpr(template) => match Template::from_expr(template) {
            Ok(template) => template.elements().iter().map(element).collect(),
            Err(_) => String::new(),
        },
        Expression::Traversal(traversal) => sample(&names(&traversal.expr, &traversal.operators)),
        Expression::Variable(variable) => sample(variable.as_str()),
        Expression::FuncCall(call) => call.args.first().map(value).unwrap_or_default(),
        other => other.to_string(),
    }
}

fn element(element: &Element) -> String {
    match element {
        Element::Literal(text) => text.clone(),
        Element::Interpolation(interpolation) => value(&interpolation.expr),
        Element::Directive(_) => String::new(),
    }
}

fn names(root: &Expression, operators: &[TraversalOperator]) -> String {
    let root = match root {
        Expression::Variable(variable) => variable.as_str().to_owned(),
        _ => String::new(),
    };
    operators.iter().fold(root, |names, operator| match operator {
        TraversalOperator::GetAttr(name) => format!("{names}.{}", name.as_str()),
        TraversalOperator::Index(Expression::String(name)) => format!("{names}.{name}"),
        _ => names,
    })
}

/// A value of the kind that a reference has. What it is not known for becomes a plain word.
fn sample(reference: &str) -> String {
    const ACCOUNT: &str = "123456789012";
    let key = || format!("arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab");
    let has = |part: &str| reference.contains(part);
    if has("data.aws_partition") {
        "aws".to_owned()
    } else if has("account_id") {
        ACCOUNT.to_owned()
    } else if reference == "local.root" {
        format!("arn:aws:iam::{ACCOUNT}:root")
    } else if reference == "local.role_arn" {
        format!("arn:aws:iam::{ACCOUNT}:role")
    } else if reference == "local.provider_arn" {
        format!("arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com")
    } else if reference == "local.host" {
        "token.actions.githubusercontent.com".to_owned()
    } else if has("key_arn") || has("aws_kms_key") {
        key()
    } else if has("log_group") {
        format!("arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/llm-shield/api")
    } else if reference == "group.arn" {
        format!("arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/lambda/filter")
    } else if has("secret_arn") || reference == "each.value" {
        format!("arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:llm-shield/tls-AbCdEf")
    } else if has("acmpca") || has("authority_arn") {
        format!(
            "arn:aws:acm-pca:us-east-1:{ACCOUNT}:certificate-authority/1234abcd-12ab-34cd-56ef-1234567890ab"
        )
    } else if has("aws_sqs_queue") {
        format!("arn:aws:sqs:us-east-1:{ACCOUNT}:queue")
    } else if has("aws_sns_topic") {
        format!("arn:aws:sns:us-east-1:{ACCOUNT}:topic")
    } else if reference == "local.product_arn" {
        format!("arn:aws:securityhub:us-east-1:{ACCOUNT}:product/{ACCOUNT}/default")
    } else if has("image_repository_arn") {
        format!("arn:aws:ecr:us-east-1:{ACCOUNT}:repository/llm-shield")
    } else if has("execution_arn") && !has("policy") {
        format!("arn:aws:execute-api:us-east-1:{ACCOUNT}:api/live")
    } else if ["passed_role_arns", "administrator_arns", "people"].into_iter().any(has) {
        format!("arn:aws:iam::{ACCOUNT}:role/task")
    } else if reference == "local.service_arn" {
        format!("arn:aws:ecs:us-east-1:{ACCOUNT}:service/cluster/service")
    } else if reference == "local.trail_arn" {
        format!("arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/trail")
    } else if reference == "local.cluster_arn" {
        format!("arn:aws:ecs:us-east-1:{ACCOUNT}")
    } else if has("bucket") && has("arn") || reference == "local.logs_arn" || has("aws_s3_bucket") {
        "arn:aws:s3:::bucket".to_owned()
    } else if reference == "local.layer_bucket" {
        "arn:aws:s3:::prod-us-east-1-starport-layer-bucket/*".to_owned()
    } else if has("region") {
        "us-east-1".to_owned()
    } else if has("prefix") {
        "prefix/".to_owned()
    } else if has("port") {
        "8443".to_owned()
    } else {
        local_word(reference)
    }
}

fn local_word(reference: &str) -> String {
    match reference {
        "domain" => "example.com".to_owned(),
        "local.arn" => "arn:aws".to_owned(),
        "statement.value" | "condition.value" | "statement.value.arn" => "*".to_owned(),
        other => other.rsplit('.').next().unwrap_or("word").to_owned(),
    }
}
