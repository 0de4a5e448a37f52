output "buckets" {
  description = "Buckets by use (models, results, logs): name and ARN"
  value = {
    models  = { name = module.models.name, arn = module.models.arn }
    results = { name = module.results.name, arn = module.results.arn }
    logs    = { name = module.logs.name, arn = module.logs.arn }
  }
}
