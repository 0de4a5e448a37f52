//! `GetServerInfo`.

use llm_shield_proto::v1;

use super::Parts;
use crate::identity::{Caller, Role};

impl Parts {
    pub(super) fn info(&self, caller: &Caller) -> v1::GetServerInfoResponse {
        let in_force = self.policies.current();
        let policies = in_force.iter().map(|(name, policy)| v1::PolicyInfo {
            name: name.to_owned(),
            digest: policy.digest().to_string(),
        });
        let detectors = self.engine.detectors();
        let detectors = detectors.iter().map(|detector| v1::DetectorInfo {
            name: detector.name.to_string(),
            rule_count: u32::try_from(detector.rule_count).unwrap_or(u32::MAX),
            entities: detector.entities.iter().map(ToString::to_string).collect(),
        });
        v1::GetServerInfoResponse {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            detectors: detectors.collect(),
            policies: policies.collect(),
            default_policy: in_force.default_of(caller.tenant.as_str()).to_owned(),
            max_message_bytes: self.limits.max_message_bytes,
            max_concurrent_requests: self.limits.max_concurrent_requests,
            ready_time: Some(self.ready.into()),
            principal: caller.principal.clone(),
            tenant: caller.tenant.as_str().to_owned(),
            least_holdback_bytes: u32::try_from(llm_shield_detect::LEAST_HOLD).unwrap_or(u32::MAX),
            roles: caller.roles.iter().map(Role::to_string).collect(),
        }
    }
}
