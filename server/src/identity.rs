//! Who is calling: the name in the client certificate, mapped by configuration to a principal, a tenant and roles.
//!
//! The certificate proves a name and nothing else; what the name may do is said here, first match wins, and a name
//! that nothing matches may do nothing. SPIFFE IDs are looked at before DNS names; other names (common name, e-mail)
//! are not looked at, since authorities do not all check them.

use std::{fmt, sync::Arc};

use llm_shield_audit::Tenant;
use serde::{Deserialize, Serialize};

use crate::tls::PeerNames;

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Call `Scan` and `ScanStream`.
    Scanner,
    /// Call `Redact` and `RedactStream`.
    Redactor,
    /// Call `Restore`.
    Restorer,
    /// Call `Audit`, `GetAuditProof` and `VerifyAudit`.
    Auditor,
    /// Nothing yet beyond what any mapped identity may do; it implies no other role.
    Admin,
}

impl Role {
    /// Returns the name as configured and as told to callers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scanner => "scanner",
            Self::Redactor => "redactor",
            Self::Restorer => "restorer",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One entry of `identities`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdentityRule {
    /// The certificate's name. `spiffe://domain/path` matches that SPIFFE ID, `spiffe://domain/path/*` every ID below
    /// the path; `name.example.com` matches that DNS name, `*.example.com` every name with one label before it.
    #[serde(rename = "match")]
    pub pattern: String,
    /// What the caller is called in logs and audit records. Default: the certificate's name.
    pub principal: Option<String>,
    /// Whose data it works on.
    pub tenant: String,
    /// What it may do.
    pub roles: Vec<Role>,
}

/// A caller whose certificate an entry matched.
#[derive(Debug, PartialEq, Eq)]
pub struct Caller {
    /// What the caller is called in logs and audit records.
    pub principal: String,
    /// Whose data it works on.
    pub tenant: Tenant,
    /// What it may do.
    pub roles: Vec<Role>,
}

impl Caller {
    /// Says whether the caller has the role.
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

/// The compiled `identities`.
#[derive(Debug, Default)]
pub struct IdentityMap {
    entries: Vec<(Pattern, Tenant, IdentityRule)>,
}

/// What is wrong with an entry of `identities`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("identities[{index}].{field}: {problem}")]
pub struct IdentityRuleError {
    /// The entry, from 0.
    pub index: usize,
    /// The field.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

impl IdentityMap {
    /// Compiles the entries.
    ///
    /// # Errors
    /// The first entry that could never match, or that grants nothing.
    pub fn new(rules: &[IdentityRule]) -> Result<Self, IdentityRuleError> {
        let entries = rules.iter().enumerate().map(|(index, rule)| {
            let wrong = |field, problem: String| IdentityRuleError { index, field, problem };
            let pattern = Pattern::parse(&rule.pattern).map_err(|problem| wrong("match", problem))?;
            check_name(&rule.tenant, MAX_TENANT_BYTES).map_err(|problem| wrong("tenant", problem))?;
            if let Some(principal) = &rule.principal {
                check_name(principal, MAX_PRINCIPAL_BYTES).map_err(|problem| wrong("principal", problem))?;
            }
            if rule.roles.is_empty() {
                return Err(wrong("roles", "empty: leave the entry out instead".to_owned()));
            }
            let tenant = Tenant::new(&rule.tenant).map_err(|error| wrong("tenant", error.to_string()))?;
            Ok((pattern, tenant, rule.clone()))
        });
        Ok(Self { entries: entries.collect::<Result<_, _>>()? })
    }

    /// Finds the caller behind a certificate's names.
    pub fn find(&self, names: &PeerNames) -> Option<Arc<Caller>> {
        self.entries.iter().find_map(|(pattern, tenant, rule)| {
            let name = pattern.find(names)?;
            Some(Arc::new(Caller {
                principal: rule.principal.clone().unwrap_or_else(|| name.to_owned()),
                tenant: tenant.clone(),
                roles: rule.roles.clone(),
            }))
        })
    }
}

const MAX_TENANT_BYTES: usize = 64;
const MAX_PRINCIPAL_BYTES: usize = 512;

/// Tenants become folder names and log fields: the plain characters only.
fn check_name(name: &str, max_bytes: usize) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/@".contains(c);
    if name.is_empty() {
        Err("missing".to_owned())
    } else if name.len() > max_bytes {
        Err(format!("longer than {max_bytes} bytes"))
    } else if !name.chars().all(plain) {
        Err("only letters, digits and - _ . : / @ may stand in it".to_owned())
    } else {
        Ok(())
    }
}

#[derive(Debug)]
enum Pattern {
    Spiffe(String),
    /// With the slash at its end: `spiffe://domain/path/`.
    SpiffeBelow(String),
    Dns(String),
    /// With the dot at its start: `.example.com`.
    DnsBelow(String),
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("missing".to_owned());
        }
        if !text.starts_with("spiffe:") {
            return match text.strip_prefix('*') {
                Some(rest) if rest.starts_with('.') => {
                    dns_name(rest.trim_start_matches('.')).map(|name| Self::DnsBelow(format!(".{name}")))
                }
                _ => dns_name(text).map(Self::Dns),
            };
        }
        let (id, below) = match text.strip_suffix("/*") {
            Some(id) => (id, true),
            None => (text, false),
        };
        let id =
            spiffe::SpiffeId::new(id).map_err(|error| format!("`{text}` is not a SPIFFE ID: {error}"))?;
        Ok(if below { Self::SpiffeBelow(format!("{id}/")) } else { Self::Spiffe(id.to_string()) })
    }

    /// Returns the name that matches.
    fn find<'n>(&self, names: &'n PeerNames) -> Option<&'n str> {
        let found = match self {
            Self::Spiffe(id) => names.spiffe_id.as_ref().filter(|name| *name == id),
            Self::SpiffeBelow(prefix) => names.spiffe_id.as_ref().filter(|name| name.starts_with(prefix)),
            Self::Dns(_) | Self::DnsBelow(_) if names.spiffe_id.is_some() => None,
            Self::Dns(id) => names.dns.iter().find(|name| *name == id),
            Self::DnsBelow(suffix) => names.dns.iter().find(|name| {
                name.strip_suffix(suffix.as_str())
                    .is_some_and(|label| !label.is_empty() && !label.contains(['.', '*']))
            }),
        };
        found.map(String::as_str)
    }
}

fn dns_name(text: &str) -> Result<String, String> {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
    };
    if text.len() <= 253 && text.split('.').all(label) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(format!("`{text}` is neither a SPIFFE ID nor a DNS name"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(pattern: &str) -> IdentityRule {
        IdentityRule {
            pattern: pattern.into(),
            principal: None,
            tenant: "acme".into(),
            roles: vec![Role::Scanner],
        }
    }

    fn spiffe(id: &str) -> PeerNames {
        PeerNames { spiffe_id: Some(id.into()), dns: vec!["app.example.com".into()] }
    }

    fn dns(name: &str) -> PeerNames {
        PeerNames { spiffe_id: None, dns: vec![name.into()] }
    }

    fn finds(pattern: &str, names: &PeerNames) -> bool {
        IdentityMap::new(&[rule(pattern)]).unwrap().find(names).is_some()
    }

    #[test]
    fn patterns_match_whole_names() {
        assert!(finds("spiffe://a.org/app", &spiffe("spiffe://a.org/app")));
        assert!(!finds("spiffe://a.org/app", &spiffe("spiffe://a.org/app2")));
        assert!(finds("spiffe://a.org/team/*", &spiffe("spiffe://a.org/team/x/y")));
        assert!(finds("spiffe://a.org/*", &spiffe("spiffe://a.org/team")));
        assert!(!finds("spiffe://a.org/team/*", &spiffe("spiffe://a.org/team")));
        assert!(!finds("spiffe://a.org/*", &spiffe("spiffe://a.org.evil.net/team")));
        assert!(finds("app.example.com", &dns("app.example.com")));
        assert!(finds("*.example.com", &dns("app.example.com")));
        assert!(!finds("*.example.com", &dns("a.b.example.com")));
        assert!(!finds("*.example.com", &dns("example.com")));
        assert!(!finds("*.example.com", &dns("*.example.com")), "a wildcard certificate is no one's name");
    }

    #[test]
    fn a_spiffe_certificate_is_not_taken_for_its_dns_name() {
        assert!(!finds("app.example.com", &spiffe("spiffe://a.org/app")));
    }

    #[test]
    fn the_first_match_wins() {
        let first = IdentityRule { principal: Some("first".into()), ..rule("spiffe://a.org/app") };
        let map = IdentityMap::new(&[first, rule("spiffe://a.org/*")]).unwrap();
        assert_eq!(map.find(&spiffe("spiffe://a.org/app")).unwrap().principal, "first");
        assert_eq!(map.find(&spiffe("spiffe://a.org/web")).unwrap().principal, "spiffe://a.org/web");
    }

    #[test]
    fn entries_that_cannot_be_meant_are_refused() {
        let error = |rule: IdentityRule| IdentityMap::new(&[rule]).unwrap_err().field;
        assert_eq!(error(rule("")), "match");
        assert_eq!(error(rule("*")), "match");
        assert_eq!(error(rule("spiffe://")), "match");
        assert_eq!(error(rule("https://a.org/app")), "match");
        assert_eq!(error(IdentityRule { tenant: String::new(), ..rule("a.org") }), "tenant");
        assert_eq!(error(IdentityRule { tenant: "a b".into(), ..rule("a.org") }), "tenant");
        assert_eq!(error(IdentityRule { roles: vec![], ..rule("a.org") }), "roles");
    }
}
