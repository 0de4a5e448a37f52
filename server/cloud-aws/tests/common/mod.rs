//! Where the tests run: by default against moto on this machine, with `--ignored` in a real account.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot prepare its case fails")]
#![allow(clippy::allow_attributes, dead_code, reason = "each test program uses a part of this module")]

use std::time::Duration;

use llm_shield_aws_emulator::{Emulator, Front};
use llm_shield_cloud_aws::{Aws, AwsOptions, AwsS3Storage, Credentials, S3Options};

/// A place of its own for one test.
pub(crate) struct Place {
    pub(crate) aws: Aws,
    /// Part of the name of all that the test makes, so that tests do not meet and leftovers can be found.
    pub(crate) id: String,
    /// Set in a real account.
    pub(crate) account: bool,
}

/// moto on this machine.
pub(crate) async fn emulator() -> Place {
    behind(Emulator::shared().endpoint()).await
}

/// moto behind a front that does harm.
pub(crate) async fn harmed() -> (Place, Front) {
    let front = Emulator::shared().front();
    (behind(front.endpoint()).await, front)
}

/// The account of the environment's credentials.
pub(crate) async fn account() -> Place {
    Place { aws: Aws::load(AwsOptions::default()).await.unwrap(), id: id(), account: true }
}

async fn behind(endpoint: &str) -> Place {
    let options = AwsOptions {
        region: Some("us-east-1".to_owned()),
        endpoint: Some(endpoint.to_owned()),
        // Long: moto on a busy machine can be slow. Tests of time-outs set their own.
        attempt_timeout: Duration::from_secs(60),
        operation_timeout: Duration::from_secs(120),
        ..AwsOptions::default()
    };
    Place { aws: with_keys(options).await, id: id(), account: false }
}

pub(crate) async fn with_keys(options: AwsOptions) -> Aws {
    let keys = Credentials::new("test", "test", None, None, "tests");
    Aws::load(options).await.unwrap().with_credentials(keys)
}

fn id() -> String {
    uuid::Uuid::now_v7().simple().to_string()
}

impl Place {
    /// A bucket with Object Lock (in an account: that of `TEST_S3_BUCKET`), and a prefix in it.
    pub(crate) async fn storage(&self) -> (AwsS3Storage, String) {
        let bucket = self.bucket().await;
        (AwsS3Storage::with(&self.aws, bucket, S3Options::default()), format!("test/{}/", self.id))
    }

    pub(crate) async fn bucket(&self) -> String {
        if self.account {
            return std::env::var("TEST_S3_BUCKET").expect("TEST_S3_BUCKET names a bucket to test with");
        }
        let bucket = format!("llm-shield-test-{}", self.id);
        let request = self.s3().create_bucket().bucket(&bucket).object_lock_enabled_for_bucket(true);
        request.send().await.unwrap();
        bucket
    }

    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(self.aws.config()).force_path_style(!self.account);
        aws_sdk_s3::Client::from_conf(config.build())
    }
}

/// Makes two tests of each function: one against moto, one in an account.
#[allow(clippy::allow_attributes, unused_macros, reason = "each test program uses a part of this module")]
macro_rules! everywhere {
    ($($case:ident,)*) => {
        mod on_moto {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case(super::common::emulator().await).await;
            })*
        }

        mod in_an_account {
            $(#[tokio::test]
            #[ignore = "needs an AWS account: credentials, a region, and TEST_S3_BUCKET"]
            async fn $case() {
                super::$case(super::common::account().await).await;
            })*
        }
    };
}
#[allow(
    clippy::allow_attributes,
    unused_imports,
    reason = "each test program uses a part of this module"
)]
pub(crate) use everywhere;
