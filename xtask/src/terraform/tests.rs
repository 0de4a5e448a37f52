//! A checker that finds nothing proves nothing: each check against what it has to find.

use std::fs;

use super::{Problems, archive, policies, references, rules, schema::Schema, settings, tree::Module};
use crate::{process::fresh_directory, shell};

fn module(text: &str) -> Module {
    named("modules/tried", text)
}

fn named(name: &str, text: &str) -> Module {
    let directory = fresh_directory("terraform").unwrap();
    fs::write(directory.path().join("main.tf"), text).unwrap();
    Module::read(directory.path(), name.to_owned()).unwrap()
}

fn schema() -> Schema {
    Schema::read(&shell::root()).unwrap()
}

#[track_caller]
fn has(problems: &Problems, expected: &str) {
    assert!(problems.0.iter().any(|problem| problem.contains(expected)), "{expected}: {problems:?}");
}

const QUEUE: &str = r#"resource "aws_sqs_queue" "q" { kms_master_key_id = "k" }"#;

#[test]
fn what_is_right_is_let_pass() {
    let module = module(QUEUE);
    assert_eq!(schema().check(&module).0, Vec::<String>::new());
    assert_eq!(rules::check(&module).0, Vec::<String>::new());
    assert_eq!(references::check(&module, &[], &schema()).0, Vec::<String>::new());
}

#[test]
fn arguments_are_those_of_the_provider() {
    for (text, problem) in [
        (r#"resource "aws_sqs_queue" "q" { nmae = "x" }"#, "no argument `nmae`"),
        (r#"resource "aws_sqs_queue" "q" { arn = "x" }"#, "`arn` is computed"),
        (r#"resource "aws_sqs_queue" "q" { delay_seconds = "soon" }"#, "`delay_seconds` is no number"),
        (r#"resource "aws_sqs_queue" "q" { tags = [] }"#, "`tags` is no map"),
        ("resource \"aws_sqs_queue\" \"q\" {\n queue {}\n}", "no block `queue`"),
        (r#"resource "aws_cloudtrail" "t" { name = "t" }"#, "`s3_bucket_name` is missing"),
        (
            r#"resource "aws_s3_bucket_versioning" "v" { bucket = "b" }"#,
            "too few blocks `versioning_configuration`",
        ),
        (r#"resource "aws_nonsense" "n" {}"#, "does not have this type"),
        (
            "resource \"aws_wafv2_web_acl\" \"w\" {\n dynamic \"rule\" {\n for_each = []\n }\n}",
            "the block `content` is missing",
        ),
        ("resource \"aws_lb\" \"l\" {\n timeouts {}\n}", "make it anew"),
    ] {
        has(&schema().check(&module(text)), problem);
    }
}

#[test]
fn references_lead_somewhere() {
    for (text, problem) in [
        ("locals { a = var.b }", "`var.b` is not there"),
        ("locals { a = local.b }", "`local.b` is not there"),
        ("locals { a = \"x${data.aws_region.r.name}\" }", "`aws_region.r` is not there"),
        ("locals { a = aws_sqs_queue.q.arn }", "`aws_sqs_queue.q` is not there"),
        ("locals { a = module.m.o }", "`module.m` is not there"),
        ("locals { a = [for x in [] : y] }", "`y.` is not there"),
        ("locals { a = upcase(\"x\") }", "no function `upcase`"),
        ("locals { a = each.key }", "`each.key` is not there"),
        ("variable \"v\" {}", "variable v: nothing uses it"),
        ("locals { a = 1 }", "local a: nothing uses it"),
    ] {
        has(&references::check(&module(text), &[], &schema()), problem);
    }
    for (use_of_it, problem) in
        [("aws_sqs_queue.q.size", "has no attribute `size`"), ("aws_sqs_queue.q[0].arn", "has no index")]
    {
        let module = module(&format!("{QUEUE}\nlocals {{\n a = {use_of_it}\n}}"));
        has(&references::check(&module, &[], &schema()), problem);
    }
    let counted =
        QUEUE.replace('{', "{\n count = 1\n").replace('}', "\n}") + "\nlocals {\n a = aws_sqs_queue.q.arn\n}";
    has(&references::check(&module(&counted), &[], &schema()), "needs an index");
}

#[test]
fn names_that_for_and_dynamic_bring_in_are_known() {
    let text = r#"
        locals { all = { for key, value in { a = 1 } : key => "${value}-${key}" if value > 0 } }
        resource "aws_sns_topic" "t" {
          for_each = local.all
          name     = each.value
          dynamic "timeouts" {
            for_each = [1]
            iterator = it
            content { create = it.value }
          }
        }"#;
    assert_eq!(references::check(&module(text), &[], &schema()).0, Vec::<String>::new());
}

#[test]
fn conventions_are_kept() {
    let module = module("variable \"v\" {}\noutput \"o\" { value = 1 }\nprovider \"aws\" {}");
    let problems = references::check_conventions(&module);
    for problem in
        ["no versions.tf", "variable v: it has no type", "output o: it has no description", "from its caller"]
    {
        has(&problems, problem);
    }
}

#[test]
fn rules_are_kept() {
    for (text, problem) in [
        (r#"resource "aws_subnet" "s" { map_public_ip_on_launch = true }"#, "has to be false"),
        (r#"resource "aws_subnet" "s" {}"#, "has to be false"),
        (r#"resource "aws_internet_gateway" "g" {}"#, "opens a way"),
        (r#"resource "aws_nat_gateway" "g" {}"#, "opens a way"),
        (
            r#"resource "aws_vpc_security_group_ingress_rule" "r" { cidr_ipv4 = "0.0.0.0/0" }"#,
            "opens to every address",
        ),
        (r#"resource "aws_network_acl" "a" { x = [{ cidr = "::/0" }] }"#, "opens to every address"),
        (r#"resource "aws_lb" "l" { internal = false }"#, "has to be true"),
        (r#"resource "aws_cloudwatch_log_group" "l" { retention_in_days = 7 }"#, "not encrypted"),
        (r#"resource "aws_cloudwatch_log_group" "l" { kms_key_id = "k" }"#, "kept for ever"),
        (r#"resource "aws_sqs_queue" "q" {}"#, "not encrypted"),
        (r#"resource "aws_ecr_repository" "r" { image_tag_mutability = "MUTABLE" }"#, "immutable"),
        (r#"resource "aws_cloudtrail" "t" { kms_key_id = "k" }"#, "`is_multi_region_trail` has to be true"),
        (r#"resource "aws_api_gateway_method" "m" { authorization = "NONE" }"#, "without a signature"),
        (r#"resource "aws_lambda_function" "f" { kms_key_arn = "k" }"#, "outside of the VPC"),
        (
            r#"resource "aws_kms_key" "k" {
              key_usage = "ENCRYPT_DECRYPT"
            }"#,
            "`enable_key_rotation` has to be true",
        ),
    ] {
        has(&rules::check(&module(text)), problem);
    }
}

#[test]
fn wildcards_need_a_reason() {
    let statement = |inside: &str| {
        let text = format!("data \"aws_iam_policy_document\" \"p\" {{\n statement {{\n{inside}\n}}\n}}");
        rules::check(&module(&text))
    };
    has(&statement("actions = [\"s3:*\"]\nresources = [\"arn:aws:s3:::b\"]"), "actions by a wildcard");
    has(&statement("actions = [\"s3:GetObject\"]\nresources = [\"*\"]"), "on all resources");
    has(&statement("not_actions = [\"s3:GetObject\"]\nresources = [\"x\"]"), "all but some");
    let anyone = "actions = [\"s3:GetObject\"]\nresources = [\"x\"]\nprincipals {\n type = \"*\"\n identifiers = [\"*\"]\n}";
    has(&statement(anyone), "anyone without a condition");
    assert!(statement("effect = \"Deny\"\nactions = [\"*\"]\nresources = [\"*\"]").0.is_empty());
    assert!(statement("actions = [\"ecr:GetAuthorizationToken\"]\nresources = [\"*\"]").0.is_empty());
}

#[test]
fn buckets_are_whole() {
    let audit = named("modules/storage", "module \"results\" {\n source = \"../bucket\"\n}");
    let bare = named("modules/bucket", "resource \"aws_s3_bucket\" \"b\" {}");
    let problems = rules::check_buckets(&[audit, bare]);
    for problem in
        ["no Object Lock", "not encrypted", "no aws_s3_bucket_policy", "no aws_s3_bucket_public_access_block"]
    {
        has(&problems, problem);
    }
}

#[test]
fn policies_become_json() {
    let text = r#"
        data "aws_iam_policy_document" "p" {
          statement {
            sid       = "Read"
            actions   = ["s3:GetObject"]
            resources = ["${var.bucket_arn}/models/*"]
            condition {
              test     = "StringEquals"
              variable = "aws:SourceAccount"
              values   = [var.account_id]
            }
          }
        }"#;
    let policies = policies::of(&module(text));
    assert_eq!(policies.len(), 1);
    let statement = &policies[0].json["Statement"][0];
    assert_eq!(statement["Resource"], "arn:aws:s3:::bucket/models/*");
    assert_eq!(statement["Condition"]["StringEquals"]["aws:SourceAccount"], "123456789012");
}

#[test]
fn an_archive_is_one_that_unzip_reads() {
    let archive = archive::of("bootstrap", b"#!/bin/sh\n").unwrap();
    let directory = fresh_directory("archive").unwrap();
    let path = directory.path().join("a.zip");
    fs::write(&path, archive).unwrap();
    let read = "import sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; \
                i=z.infolist()[0]; assert i.external_attr >> 16 == 0o100755; print(z.read('bootstrap').decode(), end='')";
    let output = shell::command("python3").args(["-c", read]).arg(&path).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "#!/bin/sh\n");
}

#[test]
fn metrics_are_those_of_the_service() {
    let alarms =
        |metric: &str| module(&format!("locals {{\n  shield_metrics = {{ one = \"{metric}\" }}\n}}\n"));
    let problems = settings::check_metrics(&shell::root(), &[alarms("shield_requests_total")]).unwrap();
    assert_eq!(problems.0, ["shield_requests_total: the service reports no such metric"]);
    let known = alarms("RequestsTotal");
    assert_eq!(settings::check_metrics(&shell::root(), &[known]).unwrap().0, Vec::<String>::new());
}

#[test]
fn settings_are_those_of_the_service() {
    let task = |setting: &str| {
        module(&format!("locals {{\n  settings = merge({{ {setting} = \"x\" }}, var.environment)\n}}\n"))
    };
    let problems = settings::check(&shell::root(), &[task("LLM_SHIELD__CLOUD__AWS__S3__BUKCET")]).unwrap();
    has(&problems, "LLM_SHIELD__CLOUD__AWS__S3__BUKCET: docs/configuration.md has no such key");
    let known = task("LLM_SHIELD__CLOUD__AWS__S3__BUCKET");
    assert_eq!(settings::check(&shell::root(), &[known]).unwrap().0, Vec::<String>::new());
}
