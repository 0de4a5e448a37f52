//! `llm-shield health`.

use std::time::Duration;

use anyhow::Result;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::{NO, YES, args::IdentityArgs, remote, show};

/// Exit code 0: serving; 1: the server answers that it is not; 2: no answer.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The server
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8443")]
    endpoint: String,
    /// The service to ask for; the whole server by default
    #[arg(long, value_name = "NAME", default_value = "")]
    service: String,
    #[command(flatten)]
    identity: IdentityArgs,
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Result<u8> {
    let client = remote::client(&args.endpoint, &args.identity)?;
    let mut request = tonic::Request::new(HealthCheckRequest { service: args.service });
    request.set_timeout(Duration::from_millis(args.identity.timeout_ms));
    let answer = client
        .block_on(|client| async move { HealthClient::new(client.channel()).check(request).await })
        .map_err(|status| remote::explain(&status.into()))?
        .into_inner();
    show::print(&format!("{}\n", answer.status().as_str_name()))?;
    Ok(if answer.status() == ServingStatus::Serving { YES } else { NO })
}
