# The service's verdicts as Security Hub findings: an alarm on its metrics starts an automation that imports one finding in
# the AWS Security Finding Format. No code of ours runs for it.

locals {
  import      = var.finding_import ? 1 : 0
  product_arn = "${local.arn}:securityhub:${var.region}:${var.account_id}:product/${var.account_id}/default"
}

resource "aws_ssm_document" "import" {
  count = local.import

  name            = "${var.name}-import-finding"
  document_type   = "Automation"
  document_format = "JSON"
  content = jsonencode({
    schemaVersion = "0.3"
    description   = "Imports an alarm of llm-shield into Security Hub as a finding"
    assumeRole    = aws_iam_role.import[0].arn
    parameters = {
      Alarm  = { type = "String", description = "Name of the alarm", allowedPattern = "^[A-Za-z0-9_-]{1,255}$" }
      Reason = { type = "String", description = "Why it was raised", maxChars = 1024 }
      Time   = { type = "String", description = "When it was raised, ISO 8601" }
    }
    mainSteps = [{
      name   = "import"
      action = "aws:executeAwsApi"
      inputs = {
        Service = "securityhub"
        Api     = "BatchImportFindings"
        Findings = [{
          SchemaVersion = "2018-10-08"
          Id            = "llm-shield/${var.name}/{{ Alarm }}"
          ProductArn    = local.product_arn
          GeneratorId   = "llm-shield/{{ Alarm }}"
          AwsAccountId  = var.account_id
          Types         = ["TTPs/Initial Access", "Unusual Behaviors/Application"]
          CreatedAt     = "{{ Time }}"
          UpdatedAt     = "{{ Time }}"
          Severity      = { Label = "HIGH" }
          Title         = "llm-shield: {{ Alarm }}"
          Description   = "{{ Reason }}"
          Resources     = [{ Type = "AwsEcsService", Id = "${local.arn}:ecs:${var.region}:${var.account_id}:service/${var.cluster_name}/${var.service_name}", Partition = data.aws_partition.current.partition, Region = var.region }]
          RecordState   = "ACTIVE"
          Workflow      = { Status = "NEW" }
        }]
      }
      }, {
      # Security Hub answers 200 to a finding that it refuses: it has to be there afterwards.
      name           = "see"
      action         = "aws:waitForAwsResourceProperty"
      timeoutSeconds = 120
      isEnd          = true
      inputs = {
        Service          = "securityhub"
        Api              = "GetFindings"
        Filters          = { Id = [{ Value = "llm-shield/${var.name}/{{ Alarm }}", Comparison = "EQUALS" }] }
        PropertySelector = "$.Findings[0].RecordState"
        DesiredValues    = ["ACTIVE"]
      }
    }]
  })
}

data "aws_iam_policy_document" "import_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ssm.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }
}

data "aws_iam_policy_document" "import" {
  statement {
    sid       = "Import"
    actions   = ["securityhub:BatchImportFindings"]
    resources = [local.product_arn]
  }

  statement {
    sid       = "See"
    actions   = ["securityhub:GetFindings"]
    resources = ["${local.arn}:securityhub:${var.region}:${var.account_id}:hub/default"]
  }
}

resource "aws_iam_role" "import" {
  count = local.import

  name               = "${var.name}-import-finding"
  description        = "Imports findings of llm-shield into Security Hub"
  assume_role_policy = data.aws_iam_policy_document.import_trust.json
}

resource "aws_iam_role_policy" "import" {
  count = local.import

  name   = "import"
  role   = aws_iam_role.import[0].id
  policy = data.aws_iam_policy_document.import.json
}

data "aws_iam_policy_document" "start_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }
}

data "aws_iam_policy_document" "start" {
  statement {
    sid       = "Start"
    actions   = ["ssm:StartAutomationExecution"]
    resources = ["${local.arn}:ssm:${var.region}:${var.account_id}:automation-definition/${var.name}-import-finding:*"]
  }

  statement {
    sid       = "PassRole"
    actions   = ["iam:PassRole"]
    resources = ["${local.arn}:iam::${var.account_id}:role/${var.name}-import-finding"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ssm.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "start" {
  count = local.import

  name               = "${var.name}-start-import"
  description        = "Lets EventBridge start the import of a finding"
  assume_role_policy = data.aws_iam_policy_document.start_trust.json
}

resource "aws_iam_role_policy" "start" {
  count = local.import

  name   = "start"
  role   = aws_iam_role.start[0].id
  policy = data.aws_iam_policy_document.start.json
}

resource "aws_cloudwatch_event_rule" "verdicts" {
  count = local.import

  name        = "${var.name}-verdicts"
  description = "Alarms of the service's verdicts"
  event_pattern = jsonencode({
    source        = ["aws.cloudwatch"]
    "detail-type" = ["CloudWatch Alarm State Change"]
    detail = {
      alarmName = [{ prefix = "${var.name}-verdict-" }]
      state     = { value = ["ALARM"] }
    }
  })
}

resource "aws_cloudwatch_event_target" "verdicts" {
  count = local.import

  rule      = aws_cloudwatch_event_rule.verdicts[0].name
  target_id = "security-hub"
  arn       = "${local.arn}:ssm:${var.region}:${var.account_id}:automation-definition/${aws_ssm_document.import[0].name}:$DEFAULT"
  role_arn  = aws_iam_role.start[0].arn

  input_transformer {
    input_paths = {
      alarm  = "$.detail.alarmName"
      reason = "$.detail.state.reason"
      time   = "$.time"
    }
    # No jsonencode: it would write < and > as escapes, in which EventBridge sees no place to fill.
    input_template = "{\"Alarm\":[<alarm>],\"Reason\":[<reason>],\"Time\":[<time>]}"
  }

  dead_letter_config {
    arn = aws_sqs_queue.failed.arn
  }
}
