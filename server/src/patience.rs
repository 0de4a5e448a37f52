//! Waiting, at the start, for what is away and may come back.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::{
    config::{Config, Provider},
    error::ServerError,
};

/// The first pause; each further one is twice as long, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How long the start waits for a provider's services. What is here on this machine is not waited for.
#[derive(Debug)]
pub(crate) struct Patience {
    until: Instant,
}

impl Patience {
    pub(crate) fn new(config: &Config) -> Self {
        let time = match config.cloud.provider {
            Provider::Local => Duration::ZERO,
            Provider::Aws => config.cloud.aws.calls.start_timeout,
        };
        Self { until: Instant::now() + time }
    }

    /// Tries until it succeeds, fails for good, or has failed for long enough.
    pub(crate) async fn with<T>(
        &self,
        what: &'static str,
        mut attempt: impl AsyncFnMut() -> Result<T, ServerError>,
    ) -> Result<T, ServerError> {
        let mut pause = FIRST_PAUSE;
        loop {
            match attempt().await {
                Err(error) if error.may_pass() && Instant::now() + pause < self.until => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, what, "not at hand yet: trying again");
                    sleep(pause).await;
                    pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                }
                result => return result,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use llm_shield_cloud::CloudError;

    use super::*;

    fn away() -> ServerError {
        CloudError::Throttled { what: "a key".to_owned(), retry_after: None }.into()
    }

    #[tokio::test]
    async fn what_comes_back_is_waited_for_and_what_is_missing_is_not() {
        let patience = Patience { until: Instant::now() + Duration::from_secs(60) };
        let mut tries = 0;
        let mut third = async || {
            tries += 1;
            if tries < 3 { Err(away()) } else { Ok(tries) }
        };
        assert_eq!(patience.with("a key", &mut third).await.unwrap(), 3);

        let mut tries = 0;
        let missing = async || {
            tries += 1;
            Err::<(), _>(CloudError::NotFound { what: "a key".to_owned() }.into())
        };
        patience.with("a key", missing).await.unwrap_err();
        assert_eq!(tries, 1);
    }

    #[tokio::test]
    async fn patience_ends() {
        let patience = Patience { until: Instant::now() + 2 * FIRST_PAUSE };
        let mut tries = 0;
        let never = async || {
            tries += 1;
            Err::<(), _>(away())
        };
        patience.with("a key", never).await.unwrap_err();
        assert!(tries <= 2, "the second pause would have been too long");
    }
}
