//! Filters a prompt, asks the model, and filters its answer.

use llm_shield_lambda::{handler::Side, run};

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    run(Side::Input).await
}
