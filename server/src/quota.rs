//! Quotas: how many requests and how much text each tenant may send in a second.
//!
//! A token bucket for each tenant, off unless configured. They are this server's: behind a load balancer the tenant
//! has as many times the quota as there are servers. Tenants come from the configuration alone, so there are never more
//! buckets than entries in it.

use std::{collections::HashMap, num::NonZero, time::Duration};

use governor::{DefaultDirectRateLimiter, NotUntil, Quota, RateLimiter, clock::Clock, clock::DefaultClock};

use crate::{config::LimitsConfig, status::Fault};

/// Text is counted in these units, rounded up. The limiter spaces tokens by whole nanoseconds: with tokens of one byte
/// it could not tell 600 from 900 MB in a second.
const UNIT_BYTES: u64 = 64;

/// The buckets of all tenants.
#[derive(Debug)]
pub(crate) struct Quotas {
    requests: Option<Buckets>,
    bytes: Option<Buckets>,
}

impl Quotas {
    pub(crate) fn new<'t>(limits: &LimitsConfig, tenants: impl Iterator<Item = &'t str> + Clone) -> Self {
        let requests = u64::from(limits.tenant_requests_per_second);
        let bytes = limits.tenant_bytes_per_second;
        // A bucket must hold the largest message, or that could never pass.
        let largest = bytes.max(limits.max_message_bytes).div_ceil(UNIT_BYTES);
        Self {
            requests: Buckets::new(
                "tenant_requests_per_second",
                requests,
                (requests, requests),
                tenants.clone(),
            ),
            bytes: Buckets::new(
                "tenant_bytes_per_second",
                bytes,
                (bytes.div_ceil(UNIT_BYTES), largest),
                tenants,
            ),
        }
    }

    /// Takes one request from the tenant's quota.
    pub(crate) fn take_request(&self, tenant: &str) -> Result<(), Fault> {
        self.requests.as_ref().map_or(Ok(()), |buckets| buckets.take(tenant, 1))
    }

    /// Takes so many bytes of text from the tenant's quota.
    pub(crate) fn take_bytes(&self, tenant: &str, bytes: u64) -> Result<(), Fault> {
        self.bytes.as_ref().map_or(Ok(()), |buckets| buckets.take(tenant, bytes.div_ceil(UNIT_BYTES)))
    }
}

/// One quota for all tenants.
#[derive(Debug)]
struct Buckets {
    name: &'static str,
    /// As configured.
    limit: u64,
    by_tenant: HashMap<String, DefaultDirectRateLimiter>,
}

impl Buckets {
    /// Returns `None` for a quota that is off.
    fn new<'t>(
        name: &'static str,
        limit: u64,
        (per_second, burst): (u64, u64),
        tenants: impl Iterator<Item = &'t str>,
    ) -> Option<Self> {
        let quota = Quota::per_second(tokens(per_second)?).allow_burst(tokens(burst)?);
        let by_tenant = tenants.map(|tenant| (tenant.to_owned(), RateLimiter::direct(quota))).collect();
        Some(Self { name, limit, by_tenant })
    }

    fn take(&self, tenant: &str, amount: u64) -> Result<(), Fault> {
        let (Some(bucket), Some(amount)) = (self.by_tenant.get(tenant), tokens(amount)) else {
            return Ok(());
        };
        let wait = match bucket.check_n(amount) {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(not_until)) => wait(&not_until, bucket.clock()),
            // The bucket holds the largest message; what is larger was refused before.
            Err(_never_fits) => Duration::from_secs(1),
        };
        metrics::counter!("shield_quota_refusals_total", "quota" => self.name).increment(1);
        let (tenant, quota, limit) = (tenant.to_owned(), self.name, self.limit);
        Err(Fault::QuotaExceeded { tenant, quota, limit, wait })
    }
}

fn tokens(amount: u64) -> Option<NonZero<u32>> {
    NonZero::new(u32::try_from(amount).unwrap_or(u32::MAX))
}

/// Returns how long to wait, in whole milliseconds: what is less is less than a round trip.
fn wait(not_until: &NotUntil<<DefaultClock as Clock>::Instant>, clock: &DefaultClock) -> Duration {
    let wait = not_until.wait_time_from(clock.now());
    Duration::from_millis(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quotas(requests: u32, bytes: u64) -> Quotas {
        let limits = LimitsConfig {
            tenant_requests_per_second: requests,
            tenant_bytes_per_second: bytes,
            ..LimitsConfig::default()
        };
        Quotas::new(&limits, ["acme", "globex", "acme"].into_iter())
    }

    #[test]
    fn off_by_default() {
        let quotas = quotas(0, 0);
        assert!((0..10_000).all(|_| quotas.take_request("acme").is_ok()));
        assert!(quotas.take_bytes("acme", u64::MAX).is_ok());
    }

    #[test]
    fn each_tenant_has_its_own() {
        let quotas = quotas(2, 0);
        assert!(quotas.take_request("acme").is_ok() && quotas.take_request("acme").is_ok());
        let Err(Fault::QuotaExceeded { quota, limit, wait, .. }) = quotas.take_request("acme") else {
            panic!("a third request passed")
        };
        assert_eq!((quota, limit), ("tenant_requests_per_second", 2));
        assert!(wait > Duration::ZERO && wait <= Duration::from_millis(501), "{wait:?}");
        assert!(quotas.take_request("globex").is_ok());
    }

    #[test]
    fn the_largest_message_passes_a_small_quota() {
        let quotas = quotas(0, 1024);
        let largest = LimitsConfig::default().max_message_bytes;
        assert!(quotas.take_bytes("acme", largest).is_ok());
        let Err(Fault::QuotaExceeded { wait, .. }) = quotas.take_bytes("acme", 1024) else {
            panic!("the bucket was empty")
        };
        assert!(wait > Duration::from_millis(500) && wait < Duration::from_millis(1500), "{wait:?}");
    }

    #[test]
    fn empty_texts_are_free() {
        let quotas = quotas(0, 64);
        assert!(quotas.take_bytes("acme", 4 << 20).is_ok());
        assert!(quotas.take_bytes("acme", 0).is_ok());
        assert!(quotas.take_bytes("acme", 1).is_err());
    }
}
