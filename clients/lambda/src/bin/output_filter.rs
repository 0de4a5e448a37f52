//! Filters a model's output.

use llm_shield_lambda::{handler::Side, run};

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    run(Side::Output).await
}
