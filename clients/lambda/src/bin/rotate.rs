//! Renews the client certificates in Secrets Manager.

/// Runs the function until Lambda ends it.
#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    llm_shield_lambda::rotation::run().await
}
