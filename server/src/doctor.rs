//! Looks at everything that a configured server depends on, and says what is wrong and how it is mended.

#[cfg(feature = "aws")]
mod aws;
#[cfg(feature = "aws")]
pub(crate) mod start;

use llm_shield_cloud::telemetry::with_causes as explain;
use tokio::sync::mpsc::UnboundedSender;

use crate::config::{Config, Provider};

/// What was found of one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub what: String,
    /// What is wrong; `Ok` tells what is good.
    pub state: Result<String, Complaint>,
}

/// What is wrong, and how it is mended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// What is wrong.
    pub problem: String,
    /// Commands that show more of it or mend it, in order.
    pub commands: Vec<String>,
}

impl Finding {
    fn good(what: impl Into<String>, told: impl Into<String>) -> Self {
        Self { what: what.into(), state: Ok(told.into()) }
    }

    fn bad(what: impl Into<String>, problem: impl Into<String>, commands: Vec<String>) -> Self {
        Self { what: what.into(), state: Err(Complaint { problem: problem.into(), commands }) }
    }
}

/// Where findings go.
struct Findings(UnboundedSender<Finding>);

impl Findings {
    /// Tells one as soon as it is there.
    fn tell(&self, finding: Finding) {
        // Fails when nobody listens any more.
        drop(self.0.send(finding));
    }
}

/// Looks at everything, each thing by itself, so that one fault does not hide the next. What is found is sent to
/// `findings` as soon as it is known.
pub async fn examine(config: &Config, findings: UnboundedSender<Finding>) {
    let findings = Findings(findings);
    findings.tell(match config.check() {
        Ok(checked) => {
            let warnings: Vec<String> =
                checked.warnings.iter().map(|warning| format!("; {warning}")).collect();
            Finding::good("configuration", format!("good{}", warnings.concat()))
        }
        Err(errors) => Finding::bad(
            "configuration",
            errors.to_string(),
            vec!["llm-shield serve --config FILE --check".to_owned()],
        ),
    });
    match config.cloud.provider {
        Provider::Local => findings.tell(local(config).await),
        #[cfg(feature = "aws")]
        Provider::Aws => aws::examine(config, &findings).await,
        #[cfg(not(feature = "aws"))]
        Provider::Aws => {}
    }
}

/// The key ring: wraps and unwraps a key.
async fn local(config: &Config) -> Finding {
    use llm_shield_cloud::{CloudKeyManager as _, EncryptionContext, local::KeyRing};

    let path = config.key_ring_dir().join("ring.json");
    let what = format!("key ring {}", path.display());
    if !path.exists() {
        return Finding::good(what, "not there yet: the first `llm-shield serve` makes it");
    }
    let outcome = async {
        let ring = KeyRing::open(&path)?;
        let context = EncryptionContext::new().with("purpose", "doctor");
        let key = ring.generate_data_key("audit", &context).await?;
        ring.decrypt(&key.wrapped, &context).await
    };
    match outcome.await {
        Ok(_) => Finding::good(what, "wraps and unwraps keys"),
        Err(error) => {
            Finding::bad(what, explain(&error), vec![format!("ls -l {}", config.key_ring_dir().display())])
        }
    }
}
