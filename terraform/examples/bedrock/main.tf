# The edge in front of a model of Bedrock: one model by its exact ARN, and never without the guardrail made here.

module "llm_shield" {
  source = "../.."

  region             = var.region
  bedrock_model_arns = ["arn:aws:bedrock:${var.region}::foundation-model/${var.model_id}"]
  bedrock_guardrail  = true
  filter_settings    = { LLM_SHIELD_MODEL_ID = var.model_id }
}

output "api_url" {
  description = "Address of the private API within the VPC"
  value       = module.llm_shield.api_url
}
