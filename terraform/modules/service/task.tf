# What runs in a task. A read-only image without a shell, as nobody, with no capability; the only place to write is a
# volume that ends with the task.

locals {
  data_directory = "/var/lib/llm-shield"

  settings = merge(
    {
      AWS_REGION                                          = var.region
      LLM_SHIELD_DATA_DIR                                 = local.data_directory
      LLM_SHIELD__CLOUD__PROVIDER                         = "aws"
      LLM_SHIELD__CLOUD__AWS__REGION                      = var.region
      LLM_SHIELD__CLOUD__AWS__KMS__AUDIT_KEY              = var.key_arns.audit
      LLM_SHIELD__CLOUD__AWS__KMS__SIGNING_KEY            = var.key_arns.signing
      LLM_SHIELD__CLOUD__AWS__SECRETS_MANAGER__ENABLED    = "true"
      LLM_SHIELD__CLOUD__AWS__SECRETS_MANAGER__TLS_PREFIX = var.secret_names.tls_prefix
      LLM_SHIELD__CLOUD__AWS__SECRETS_MANAGER__REDACT_KEY = var.secret_names.redact_key
      LLM_SHIELD__CLOUD__AWS__S3__BUCKET                  = var.buckets.models.name
      LLM_SHIELD__CLOUD__AWS__S3__MODELS_PREFIX           = var.prefixes.models
      LLM_SHIELD__CLOUD__AWS__S3__CONFIGS_PREFIX          = var.prefixes.configs
      LLM_SHIELD__CLOUD__AWS__S3__RESULTS_BUCKET          = var.buckets.results.name
      LLM_SHIELD__CLOUD__AWS__S3__RESULTS_PREFIX          = var.prefixes.results
      LLM_SHIELD__CLOUD__AWS__CLOUDWATCH__ENABLED         = "true"
      LLM_SHIELD__CLOUD__AWS__CLOUDWATCH__NAMESPACE       = var.metrics_namespace
      LLM_SHIELD__CLOUD__AWS__CLOUDWATCH__LOG_GROUP       = aws_cloudwatch_log_group.this.name
      LLM_SHIELD__AUDIT__DURABILITY                       = "remote" # a task keeps nothing: ADR 0010
      LLM_SHIELD__LISTEN                                  = "0.0.0.0:${var.port}"
      LLM_SHIELD__LIMITS__MAX_CONNECTION_AGE              = "5m" # the load balancer spreads connections, not calls
      LLM_SHIELD__LOG__FORMAT                             = "json"
      LLM_SHIELD__LOG__STDERR_LEVEL                       = "warn" # it sends its logs itself: this way only what is wrong
      LLM_SHIELD__SHUTDOWN__DRAIN_TIMEOUT                 = "${var.drain_seconds}s"
    },
    var.collector_image == null ? {} : { LLM_SHIELD__CLOUD__AWS__XRAY__COLLECTOR = "http://127.0.0.1:4317" },
    var.environment,
  )

  # The health check is a caller like any other: over mutual TLS, with the service's own certificate, which has to be one
  # for clients, too. The files are copies of the secrets that the service makes when it starts.
  tls_directory = "${local.data_directory}/cloud/tls"
  health_check = [
    "CMD", "/usr/local/bin/llm-shield", "health", "--endpoint", "127.0.0.1:${var.port}", "--server-name",
    coalesce(var.server_name, "api.${var.internal_domain}"), "--ca", "${local.tls_directory}/client_ca.pem",
    "--cert", "${local.tls_directory}/cert.pem", "--key", "${local.tls_directory}/key.pem",
  ]

  log_options = {
    awslogs-group         = aws_cloudwatch_log_group.this.name
    awslogs-region        = var.region
    mode                  = "non-blocking"
    max-buffer-size       = "25m"
    awslogs-stream-prefix = "task"
  }

  api = {
    name                   = "api"
    image                  = local.image
    essential              = true
    user                   = "65532:65532"
    readonlyRootFilesystem = true
    privileged             = false
    command                = ["serve"]
    stopTimeout            = var.drain_seconds + 20
    environment            = [for key in sort(keys(local.settings)) : { name = key, value = local.settings[key] }]
    portMappings           = [{ containerPort = var.port, hostPort = var.port, protocol = "tcp" }]
    mountPoints            = [{ sourceVolume = "data", containerPath = local.data_directory, readOnly = false }]
    ulimits                = [{ name = "nofile", softLimit = 65536, hardLimit = 65536 }]
    linuxParameters = {
      initProcessEnabled = true
      capabilities       = { add = [], drop = ["ALL"] }
    }
    healthCheck = {
      command     = local.health_check
      interval    = 15
      timeout     = 5
      retries     = 3
      startPeriod = 30
    }
    logConfiguration = { logDriver = "awslogs", options = local.log_options }
  }

  # Its own configuration takes OTLP on port 4317 of the task and hands it to X-Ray.
  collector = {
    name                   = "collector"
    image                  = coalesce(var.collector_image, "none")
    essential              = false
    user                   = "65532:65532"
    readonlyRootFilesystem = true
    privileged             = false
    command                = ["--config=/etc/ecs/ecs-xray.yaml"]
    environment            = [{ name = "AWS_REGION", value = var.region }]
    linuxParameters        = { initProcessEnabled = true, capabilities = { add = [], drop = ["ALL"] } }
    logConfiguration       = { logDriver = "awslogs", options = merge(local.log_options, { awslogs-stream-prefix = "collector" }) }
  }
}

resource "aws_ecs_task_definition" "this" {
  family                   = var.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = tostring(var.size.cpu)
  memory                   = tostring(var.size.memory)
  task_role_arn            = aws_iam_role.task.arn
  execution_role_arn       = aws_iam_role.execution.arn
  container_definitions    = jsonencode([for container in [local.api, local.collector] : container if container.name == "api" || var.collector_image != null])

  runtime_platform {
    cpu_architecture        = var.cpu_architecture
    operating_system_family = "LINUX"
  }

  volume {
    name = "data"
  }
}
