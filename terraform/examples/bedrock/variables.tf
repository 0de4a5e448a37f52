variable "region" {
  description = "Region in which Bedrock has the model"
  type        = string
  default     = "us-east-1"
}

variable "model_id" {
  description = "Model of Bedrock"
  type        = string
  default     = "anthropic.claude-3-5-sonnet-20241022-v2:0"
}
