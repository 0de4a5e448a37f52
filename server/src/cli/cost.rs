//! `llm-shield cost`: what AWS asks for a month, from amounts and prices.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde_json::json;

use super::{YES, args::Format, show};

/// The prices that are built in.
const PRICES: &str = include_str!("prices.yaml");

/// Amounts are those of one month. The prices are those of us-east-1 at the date in the file that --print-prices
/// prints; give your own with --prices.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  llm-shield cost --secrets 10 --secret-calls 100000 --storage-gb 100 --get-requests 1000000 --log-gb 50 --metrics 50")]
pub(crate) struct Args {
    /// Secrets kept
    #[arg(long, default_value_t = 10.0, value_parser = amount)]
    secrets: f64,
    /// Calls of Secrets Manager
    #[arg(long, default_value_t = 100_000.0, value_parser = amount)]
    secret_calls: f64,
    /// Gigabytes in S3
    #[arg(long, default_value_t = 100.0, value_parser = amount)]
    storage_gb: f64,
    /// Writes and lists of S3
    #[arg(long, default_value_t = 0.0, value_parser = amount)]
    put_requests: f64,
    /// Reads of S3
    #[arg(long, default_value_t = 1_000_000.0, value_parser = amount)]
    get_requests: f64,
    /// Gigabytes of logs taken in
    #[arg(long, default_value_t = 50.0, value_parser = amount)]
    log_gb: f64,
    /// Gigabytes of logs kept
    #[arg(long, default_value_t = 10.0, value_parser = amount)]
    log_stored_gb: f64,
    /// Custom metrics
    #[arg(long, default_value_t = 50.0, value_parser = amount)]
    metrics: f64,
    /// Requests that send metrics
    #[arg(long, default_value_t = 0.0, value_parser = amount)]
    metric_requests: f64,
    /// Keys of KMS
    #[arg(long, default_value_t = 0.0, value_parser = amount)]
    keys: f64,
    /// Calls of KMS with symmetric keys
    #[arg(long, default_value_t = 0.0, value_parser = amount)]
    key_calls: f64,
    /// Signatures by KMS
    #[arg(long, default_value_t = 0.0, value_parser = amount)]
    signatures: f64,
    /// Virtual CPUs of all Fargate tasks (arm64)
    #[arg(long, default_value_t = 0.0, value_parser = amount)]
    vcpus: f64,
    /// Gigabytes of memory of all Fargate tasks
    #[arg(long, default_value_t = 0.0, value_parser = amount)]
    memory_gb: f64,
    /// Interface endpoints, times availability zones
    #[arg(long, default_value_t = 0.0, value_parser = amount)]
    endpoints: f64,
    /// Network load balancers
    #[arg(long, default_value_t = 0.0, value_parser = amount)]
    load_balancers: f64,
    /// File with prices, YAML
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    /// Print the prices that are built in, and end
    #[arg(long)]
    print_prices: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Dollars.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Prices {
    region: String,
    date: String,
    hours_per_month: f64,
    secret_month: f64,
    secret_10k_calls: f64,
    s3_gb_month: f64,
    s3_1k_put: f64,
    s3_1k_get: f64,
    logs_gb_in: f64,
    logs_gb_month: f64,
    metric_month: f64,
    metric_1k_requests: f64,
    kms_key_month: f64,
    kms_10k_symmetric: f64,
    kms_10k_ecc: f64,
    fargate_vcpu_hour: f64,
    fargate_gb_hour: f64,
    endpoint_zone_hour: f64,
    load_balancer_hour: f64,
}

/// Reads an amount: a number that is there, and not below nothing.
fn amount(text: &str) -> Result<f64, String> {
    let amount: f64 = text.parse().map_err(|_shown| "is no number".to_owned())?;
    if amount.is_finite() && amount >= 0.0 { Ok(amount) } else { Err("has to be 0 or more".to_owned()) }
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Result<u8> {
    if args.print_prices {
        show::print(PRICES)?;
        return Ok(YES);
    }
    let text = match &args.prices {
        Some(path) => fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?,
        None => PRICES.to_owned(),
    };
    let prices: Prices = serde_saphyr::from_str(&text).context("these are not prices")?;
    let lines = lines(&args, &prices);
    if let Some((name, cost)) = lines.iter().find(|(_, cost)| !cost.is_finite() || *cost < 0.0) {
        bail!("the prices make {name} cost {cost}: each has to be 0 or more");
    }
    let total: f64 = lines.iter().map(|(_, cost)| cost).sum();
    match args.format {
        Format::Json => {
            let services: serde_json::Map<_, _> =
                lines.iter().map(|(name, cost)| ((*name).to_owned(), json!(cents(*cost)))).collect();
            let answer = json!({"region": prices.region, "date": prices.date, "services": services, "total": cents(total)});
            show::print(&format!("{answer}\n"))?;
        }
        Format::Text => {
            let shown = lines.iter().filter(|(_, cost)| *cost > 0.0);
            let mut text: String = shown.map(|(name, cost)| format!("{name:<22} {cost:>10.2}\n")).collect();
            text.push_str(&format!("{:<22} {total:>10.2}  US dollars a month\n", "total"));
            text.push_str(&format!("prices of {}, {}: check the price pages\n", prices.region, prices.date));
            show::print(&text)?;
        }
    }
    Ok(YES)
}

/// Rounds to whole cents, as the text is.
fn cents(dollars: f64) -> f64 {
    (dollars * 100.0).round() / 100.0
}

fn lines(amounts: &Args, prices: &Prices) -> Vec<(&'static str, f64)> {
    let hours = prices.hours_per_month;
    vec![
        (
            "Secrets Manager",
            amounts.secrets * prices.secret_month + amounts.secret_calls / 1e4 * prices.secret_10k_calls,
        ),
        (
            "S3",
            amounts.storage_gb * prices.s3_gb_month
                + amounts.put_requests / 1e3 * prices.s3_1k_put
                + amounts.get_requests / 1e3 * prices.s3_1k_get,
        ),
        (
            "CloudWatch Logs",
            amounts.log_gb * prices.logs_gb_in + amounts.log_stored_gb * prices.logs_gb_month,
        ),
        (
            "CloudWatch metrics",
            amounts.metrics * prices.metric_month + amounts.metric_requests / 1e3 * prices.metric_1k_requests,
        ),
        (
            "KMS",
            amounts.keys * prices.kms_key_month
                + amounts.key_calls / 1e4 * prices.kms_10k_symmetric
                + amounts.signatures / 1e4 * prices.kms_10k_ecc,
        ),
        (
            "Fargate",
            hours * (amounts.vcpus * prices.fargate_vcpu_hour + amounts.memory_gb * prices.fargate_gb_hour),
        ),
        ("interface endpoints", hours * amounts.endpoints * prices.endpoint_zone_hour),
        ("load balancers", hours * amounts.load_balancers * prices.load_balancer_hour),
    ]
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn the_table_of_the_documents() {
        let prices: Prices = serde_saphyr::from_str(PRICES).unwrap();
        let cost = |arguments: &[&str]| {
            let args = Cli::parse_from([&["cost"], arguments].concat()).args;
            lines(&args, &prices).into_iter().map(|(_, cost)| cents(cost)).collect::<Vec<_>>()
        };
        assert_eq!(cost(&[])[..4], [4.50, 2.70, 25.30, 15.00]);
        let puts = cost(&["--get-requests", "0", "--put-requests", "1000000"]);
        assert_eq!(puts[1], 7.30);
        let tasks = cost(&["--vcpus", "2", "--memory-gb", "4"]);
        assert_eq!(tasks[5], 57.67);
        assert_eq!(json!(cents(2.699_999_999_999_999_7)).to_string(), "2.7");
    }
}
