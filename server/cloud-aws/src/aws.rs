use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{Intercept, context::BeforeDeserializationInterceptorContextRef},
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::{DateTime, config_bag::ConfigBag, date_time::Format};
use llm_shield_cloud::{CloudError, Result};

use crate::error::translate;

/// How AWS is reached. The default is what the environment and the profile files say.
#[derive(Debug, Clone)]
pub struct AwsOptions {
    /// The region; none: that of the environment, the profile or the instance.
    pub region: Option<String>,
    /// The region where none is set anywhere; none: that is an error.
    pub fallback_region: Option<String>,
    /// Another endpoint for all services: an emulator, or a proxy.
    pub endpoint: Option<String>,
    /// The profile in the configuration files; none: that of the environment, or `default`.
    pub profile: Option<String>,
    /// Use the endpoints whose cryptography is validated by FIPS 140.
    pub fips: bool,
    /// Use the endpoints that answer over IPv6, too.
    pub dual_stack: bool,
    /// How often a call is tried in all. Default 3.
    pub attempts: u32,
    /// The time for a connection. Default 3.1 s.
    pub connect_timeout: Duration,
    /// The time for one attempt, without the body of an object. Default 10 s.
    pub attempt_timeout: Duration,
    /// The time for a call with all its attempts. Default 30 s.
    pub operation_timeout: Duration,
}

impl Default for AwsOptions {
    fn default() -> Self {
        Self {
            region: None,
            fallback_region: None,
            endpoint: None,
            profile: None,
            fips: false,
            dual_stack: false,
            attempts: 3,
            connect_timeout: Duration::from_millis(3100),
            attempt_timeout: Duration::from_secs(10),
            operation_timeout: Duration::from_secs(30),
        }
    }
}

/// The way to AWS: region, credentials, endpoints, time-outs.
#[derive(Clone)]
pub struct Aws {
    config: SdkConfig,
    options: AwsOptions,
    region: String,
}

impl Aws {
    /// Finds the region and the source of credentials. The credentials themselves are got with the first call.
    ///
    /// # Errors
    /// [`CloudError::Invalid`] when no region is set anywhere and `options` has none to fall back on.
    pub async fn load(options: AwsOptions) -> Result<Self> {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(options.connect_timeout)
            .operation_attempt_timeout(options.attempt_timeout)
            .operation_timeout(options.operation_timeout)
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .retry_config(RetryConfig::standard().with_max_attempts(options.attempts.max(1)))
            .timeout_config(timeouts);
        if let Some(region) = &options.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(profile) = &options.profile {
            loader = loader.profile_name(profile);
        }
        // Only where asked for: the environment and the profile can switch them on, too.
        if options.fips {
            loader = loader.use_fips(true);
        }
        if options.dual_stack {
            loader = loader.use_dual_stack(true);
        }
        if let Some(endpoint) = &options.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        let config = loader.load().await;
        let found = config.region().map(ToString::to_string).filter(|region| !region.is_empty());
        if let Some(region) = found {
            return Ok(Self { region, config, options });
        }
        let Some(region) = options.fallback_region.clone() else {
            return Err(CloudError::invalid("no AWS region is set: set `cloud.aws.region` or AWS_REGION"));
        };
        let config = config.into_builder().region(Region::new(region.clone())).build();
        Ok(Self { region, config, options })
    }

    /// Returns the same way to another region.
    #[must_use]
    pub fn with_region(&self, region: impl Into<String>) -> Self {
        let region = region.into();
        let config = self.config.to_builder().region(Region::new(region.clone())).build();
        Self { config, region, options: self.options.clone() }
    }

    /// Returns the same way with credentials that are given instead of found.
    #[must_use]
    pub fn with_credentials(&self, credentials: Credentials) -> Self {
        let provider = SharedCredentialsProvider::new(credentials);
        let config = self.config.to_builder().credentials_provider(provider).build();
        Self { config, region: self.region.clone(), options: self.options.clone() }
    }

    /// Returns the region.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Returns the endpoint that takes the place of AWS's own, if one does.
    pub fn endpoint(&self) -> Option<&str> {
        self.config.endpoint_url()
    }

    /// Returns the options that this was made from.
    pub fn options(&self) -> &AwsOptions {
        &self.options
    }

    /// Asks AWS who is calling.
    ///
    /// # Errors
    /// [`CloudError::AccessDenied`] without credentials or with wrong ones.
    pub async fn identity(&self) -> Result<Identity> {
        let answer = aws_sdk_sts::Client::new(&self.config)
            .get_caller_identity()
            .send()
            .await
            .map_err(|error| translate("the caller's identity", error))?;
        Ok(Identity { account: answer.account.unwrap_or_default(), arn: answer.arn.unwrap_or_default() })
    }

    /// Asks AWS for the time, and returns how far this machine's clock is from it.
    ///
    /// # Errors
    /// As [`identity`](Self::identity); [`CloudError::Unavailable`] when the answer tells no time.
    pub async fn clock_offset(&self) -> Result<Duration> {
        let date = Date::default();
        let asked = aws_sdk_sts::Client::new(&self.config)
            .get_caller_identity()
            .customize()
            .interceptor(date.clone())
            .send()
            .await;
        let told = date.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (told, asked) {
            (Some((told, here)), _) => Ok(here.duration_since(told).unwrap_or_else(|ahead| ahead.duration())),
            (None, Err(error)) => Err(translate("the time", error)),
            (None, Ok(_)) => Err(CloudError::Unavailable { what: "the time".to_owned(), source: None }),
        }
    }

    /// Returns what the clients of the SDK are made from, for what this crate has no words for.
    pub fn config(&self) -> &SdkConfig {
        &self.config
    }
}

impl fmt::Debug for Aws {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Aws")
            .field("region", &self.region)
            .field("endpoint", &self.endpoint())
            .finish_non_exhaustive()
    }
}

/// Takes down the date of an answer, and when it came.
#[derive(Debug, Clone, Default)]
struct Date(Arc<Mutex<Option<(SystemTime, SystemTime)>>>);

impl Intercept for Date {
    fn name(&self) -> &'static str {
        "Date"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> std::result::Result<(), BoxError> {
        let date = context.response().headers().get("date");
        let told = date.and_then(|date| DateTime::from_str(date, Format::HttpDate).ok());
        if let Some(told) = told.and_then(|told| SystemTime::try_from(told).ok()) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((told, SystemTime::now()));
        }
        Ok(())
    }
}

/// Who is calling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The account's number.
    pub account: String,
    /// The user or role.
    pub arn: String,
}
