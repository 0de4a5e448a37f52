//! A checker that finds nothing proves nothing: each check against what it has to find.

use std::fs;

use super::{
    Problems, addresses, archive, buckets, policies, references, rules, runbook, schema::Schema, settings,
    tree::Module,
};
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
            "opens to public addresses",
        ),
        (r#"resource "aws_network_acl" "a" { x = [{ cidr = "::/0" }] }"#, "opens to public addresses"),
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
    has(&statement("actions = [\"s3:*Object\"]\nresources = [\"x\"]"), "actions by a wildcard");
    has(&statement("actions = [\"s3:?etObject\"]\nresources = [\"x\"]"), "actions by a wildcard");
    has(&statement("actions = var.x\nresources = [\"x\"]"), "not written out");
    has(&statement("actions = [\"s3:GetObject\", local.x]\nresources = [\"x\"]"), "not written out");
    has(&statement("actions = [\"s3:GetObject\"]\nresources = [\"arn:aws:s3:::*\"]"), "on all resources");
    has(&statement("actions = [\"s3:GetObject\"]\nresources = concat([\"*\"], var.x)"), "on all resources");
    let principals = "dynamic \"principals\" {\n for_each = [1]\n content {\n identifiers = [\"*\"]\n}\n}";
    has(&statement(&format!("actions = [\"s3:GetObject\"]\n{principals}")), "anyone without a condition");
    assert!(statement("actions = [\"s3:GetObject\"]\nresources = [\"arn:aws:s3:::b/*\"]").0.is_empty());
    assert!(statement("effect = \"Deny\"\nactions = [\"*\"]\nresources = [\"*\"]").0.is_empty());
    assert!(statement("actions = [\"ecr:GetAuthorizationToken\"]\nresources = [\"*\"]").0.is_empty());
}

#[test]
fn wildcards_behind_names_are_found() {
    let document = |resources: &str| {
        format!(
            "data \"aws_iam_policy_document\" \"p\" {{\n statement {{\n actions = [\"s3:GetObject\"]\n \
             resources = {resources}\n}}\n}}\n"
        )
    };
    let variable = "variable \"buckets\" {\n default = [\"*\"]\n}";
    has(&rules::check(&module(&(document("var.buckets") + variable))), "on all resources");
    let local = "locals {\n arn = \"arn:aws\"\n}";
    has(&rules::check(&module(&(document("[\"${local.arn}:s3:::*\"]") + local))), "on all resources");
    let bounded = variable.replace('*', "arn:aws:s3:::b");
    assert_eq!(rules::check(&module(&(document("var.buckets") + &bounded))).0, Vec::<String>::new());
}

#[test]
fn policies_are_documents() {
    for text in [
        r#"resource "aws_iam_role_policy" "p" { policy = jsonencode({ Statement = [{ Action = "*" }] }) }"#,
        r#"resource "aws_iam_role" "r" { assume_role_policy = "{}" }"#,
        "resource \"aws_iam_role\" \"r\" {\n inline_policy {\n policy = file(\"p.json\")\n}\n}",
        "resource \"aws_kms_key\" \"k\" {\n policy = local.p\n}\nlocals {\n p = { a = \"{}\" }\n}",
        r#"resource "aws_vpc_endpoint" "e" { policy = null }"#,
        r#"resource "aws_opensearch_domain" "d" { access_policies = var.anything }"#,
        r#"module "b" { policy_documents = [jsonencode({})] }"#,
        r#"data "aws_iam_policy_document" "p" { source_policy_documents = ["{}"] }"#,
        r#"output "issue_policy" { value = jsonencode({}) }"#,
        r#"variable "policy_documents" { default = ["{}"] }"#,
    ] {
        has(&rules::check(&module(text)), "no policy document");
    }
    let attached = |policy: &str| {
        rules::check(&module(&format!(
            "resource \"aws_iam_role_policy_attachment\" \"a\" {{\n \
             policy_arn = \"arn:aws:iam::aws:policy/{policy}\"\n}}"
        )))
    };
    has(&attached("AdministratorAccess"), "rights that AWS chose");
    assert!(attached("service-role/AWS_ConfigRole").0.is_empty());
    for text in [
        r#"resource "aws_iam_role_policy" "p" { policy = data.aws_iam_policy_document.p.json }"#,
        r#"resource "aws_iam_role" "r" { assume_role_policy = data.aws_iam_policy_document.p["x"].json }"#,
        "resource \"aws_kms_key\" \"k\" {\n policy = local.p[each.key]\n}\nlocals {\n \
         p = { a = data.aws_iam_policy_document.p.json }\n}",
        r#"resource "aws_ecr_lifecycle_policy" "p" { policy = jsonencode({ rules = [] }) }"#,
        r#"module "b" { policy_documents = concat(var.policy_documents, [module.c.issue_policy]) }"#,
    ] {
        assert_eq!(rules::check(&module(text)).0, Vec::<String>::new(), "{text}");
    }
}

#[test]
fn public_addresses_are_found() {
    let ingress = |block: &str| {
        let rule =
            format!("resource \"aws_vpc_security_group_ingress_rule\" \"r\" {{ cidr_ipv4 = {block} }}");
        rule + "\nlocals {\n bits = 1\n}\nvariable \"v\" {\n default = [\"52.216.0.0/15\"]\n}"
    };
    for block in [
        "\"0.0.0.0/1\"",
        "\"8.8.8.8/32\"",
        "\"172.32.0.0/16\"",
        "\"10.0.0.0/7\"",
        "\"2600::/12\"",
        "\"0.0.0.0/${var.bits}\"",
        "\"0.0.0.0/${local.zero}\"",
        "cidrsubnet(\"0.0.0.0/0\", 1, 0)",
        "toset(concat([\"10.0.0.0/8\"], var.v))[0]",
        "var.v[0]",
    ] {
        has(&rules::check(&module(&ingress(block))), "opens to public addresses");
    }
    for block in ["\"10.64.0.0/16\"", "\"172.16.0.0/12\"", "\"192.168.1.0/24\"", "\"fd00::/8\"", "each.key"] {
        assert_eq!(rules::check(&module(&ingress(block))).0, Vec::<String>::new(), "{block}");
    }
    has(&rules::check(&module("module \"n\" {\n client_cidr_blocks = [\"1.2.3.0/24\"]\n}")), "1.2.3.0/24");
    let values = |text: &str| {
        let values = hcl::parse(text).unwrap();
        addresses::check_values(&module(""), "dev.tfvars", &values)
    };
    has(&values("client_cidr_blocks = [\"1.2.3.0/24\"]"), "1.2.3.0/24");
    assert!(values("s3_prefix_list = { cidr_blocks = [\"3.5.0.0/19\"] }").0.is_empty());
}

#[test]
fn keys_are_ours() {
    for key in ["null", "\"\"", "\"alias/aws/sqs\"", "var.x ? null : \"k\"", "try(var.y.arn, null)", "var.x"]
    {
        let queue = format!("resource \"aws_sqs_queue\" \"q\" {{ kms_master_key_id = {key} }}\n");
        let module = module(&(queue + "variable \"x\" {\n default = null\n}"));
        has(&rules::check(&module), "not encrypted with a key of ours");
    }
    has(&rules::check(&module(r#"module "m" { key_arns = { logs = null } }"#)), "`key_arns` may be null");
    has(&rules::check(&module(r#"module "m" { object_lock = null }"#)), "`object_lock` may be null");
    let given = module(r#"module "m" { key_arns = { logs = aws_kms_key.k.arn } }"#);
    assert_eq!(rules::check(&given).0, Vec::<String>::new());
}

#[test]
fn logs_are_kept_for_days() {
    let group = |days: &str, validation: &str| {
        rules::check(&module(&format!(
            "resource \"aws_cloudwatch_log_group\" \"l\" {{\n kms_key_id = \"k\"\n \
             retention_in_days = {days}\n}}\n\
             variable \"days\" {{\n default = 30\n{validation}\n}}"
        )))
    };
    let validation = |condition: &str| format!("validation {{\n condition = {condition}\n}}");
    for (days, condition) in [
        ("0", "true"),
        ("3653", "true"),
        ("null", "true"),
        ("var.days", "true"),
        ("var.days", "contains([7, 3653], var.days)"),
        ("var.days", "contains([0, 7], var.days)"),
        ("var.days", "contains([7, 14], var.others)"),
        ("var.unknown", "contains([7, 14], var.unknown)"),
    ] {
        has(&group(days, &validation(condition)), "not kept for 7 to 30 days");
    }
    has(&group("var.days", ""), "not kept for 7 to 30 days");
    assert!(group("14", "").0.is_empty());
    assert!(group("var.days", &validation("contains([7, 14, 30], var.days)")).0.is_empty());
}

#[test]
fn descriptions_are_those_that_aws_takes() {
    let described = |of_type: &str, text: &str| {
        rules::check(&module(&format!("resource \"{of_type}\" \"d\" {{ description = \"{text}\" }}")))
    };
    for (of_type, text) in [
        ("aws_wafv2_regex_pattern_set", "The service's own rules"),
        ("aws_wafv2_web_acl", "ab"),
        ("aws_wafv2_web_acl", "In front (of it)"),
        ("aws_wafv2_ip_set", "Ends with a blank "),
        ("aws_security_group", "The service's tasks"),
        ("aws_vpc_security_group_ingress_rule", "Callers → ${each.key}"),
    ] {
        has(&described(of_type, text), "AWS refuses this description");
    }
    has(&described("aws_security_group", &"x".repeat(256)), "AWS refuses this description");
    for (of_type, text) in [
        ("aws_wafv2_web_acl", "In front of the private API, by ${var.name}"),
        ("aws_security_group", "Tasks of the service (all): ${each.key}"),
        ("aws_sqs_queue", "What doesn't matter"),
    ] {
        let problems = described(of_type, text);
        assert!(!problems.0.iter().any(|problem| problem.contains("description")), "{problems:?}");
    }
}

#[test]
fn buckets_are_whole() {
    let audit = named("modules/storage", "module \"results\" {\n source = \"../bucket\"\n}");
    let bare = named("modules/bucket", "resource \"aws_s3_bucket\" \"b\" {}");
    let problems = buckets::check(&[audit, bare]);
    for problem in [
        "no Object Lock",
        "not encrypted",
        "no aws_s3_bucket_policy",
        "no aws_s3_bucket_public_access_block",
        "no aws_s3_bucket_object_lock_configuration",
    ] {
        has(&problems, problem);
    }
}

#[test]
fn buckets_are_locked_and_encrypted_with_our_key() {
    let call = |arguments: &str| {
        let text = format!("module \"results\" {{\n source = \"../bucket\"\n{arguments}\n}}\n");
        let unset = "variable \"unset\" {\n default = null\n}\nvariable \"key\" {}\n";
        let logs = "module \"logs\" {\n source = \"../../modules/bucket\"\n}\n";
        buckets::check(&[named("modules/storage", &(text + unset + logs))])
    };
    let encryption = "encryption = { kms_key_arn = var.key }\n";
    let lock = "object_lock = { mode = \"COMPLIANCE\", days = 365 }\n";
    let logged = "access_logs = { bucket = module.logs.name }\n";
    assert_eq!(call(&format!("{encryption}{lock}{logged}")).0, Vec::<String>::new());
    // Only what access logs go to is without a key of ours, whatever it is called.
    has(&call(&format!("{encryption}{lock}")), "module.logs: it is not encrypted");
    for none in ["null", "var.unset", "var.key == \"\" ? null : { days = 1 }"] {
        has(&call(&format!("{encryption}object_lock = {none}")), "no Object Lock");
        has(&call(&format!("encryption = {none}\n{lock}")), "module.results: it is not encrypted");
    }
    has(
        &call(&format!("encryption = {{ kms_key_arn = null }}\n{lock}")),
        "module.results: it is not encrypted",
    );
}

#[test]
fn buckets_are_encrypted_by_kms() {
    let bucket = |name: &str, default: &str| {
        buckets::check(&[named(
            name,
            &format!(
                "resource \"aws_s3_bucket_server_side_encryption_configuration\" \"b\" {{\n rule {{\n \
                 apply_server_side_encryption_by_default {{\n{default}\n}}\n}}\n}}"
            ),
        )])
    };
    let choice =
        "sse_algorithm = var.encryption == null ? \"AES256\" : \"aws:kms\"\nkms_master_key_id = var.key";
    has(&bucket("modules/tried", "sse_algorithm = \"AES256\""), "aws:kms and its key");
    has(&bucket("modules/tried", "sse_algorithm = \"aws:kms\""), "aws:kms and its key");
    has(&bucket("modules/tried", choice), "aws:kms and its key");
    has(&bucket("modules/bucket", &choice.replace("==", "!=")), "aws:kms and its key");
    assert!(bucket("modules/bucket", choice).0.is_empty());
    let ours = "sse_algorithm = \"aws:kms\"\nkms_master_key_id = var.key";
    assert!(bucket("modules/tried", ours).0.is_empty());
}

#[test]
fn alarms_have_a_row_in_the_runbook() {
    let detection = named(
        "modules/detection",
        "locals {\n alarms = merge({ panics = 1 }, var.edge == null ? {} : { edge-errors = 1 })\n}\n\
         resource \"aws_cloudwatch_metric_alarm\" \"a\" {\n for_each = local.alarms\n \
         alarm_name = \"${var.name}-trail-${each.key}\"\n}\n\
         resource \"aws_cloudwatch_event_rule\" \"r\" { name = \"${var.name}-findings\" }",
    );
    let text = |row: &str| {
        format!("## When an alarm is raised\n\n| alarm |\n| --- |\n{row}\n\n## Others\n\n| `findings` |\n")
    };
    let modules = [detection];
    let problems = runbook::check_text(&text("| `trail-panics` | `trail-edge-errors` |"), &modules);
    has(&problems, "no row for `trail-edge-errors`");
    has(&problems, "no row for `findings`");
    assert_eq!(problems.0.len(), 2);
    let whole = text("| `trail-panics`, `trail-edge-errors` | look |\n| `findings` | look |");
    assert_eq!(runbook::check_text(&whole, &modules).0, Vec::<String>::new());
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
