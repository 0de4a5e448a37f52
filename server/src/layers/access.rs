//! Who may call what: one table of methods, checked before the message is read.

use std::sync::Arc;

use http::{Request, Response};
use tonic::body::Body;

use super::{Layer, Refused, observe::RequestId};
use crate::{
    identity::{Caller, Role},
    status::Fault,
    tls::{Peer, PeerRefusal, TrustHandle},
};

/// A method that can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// One of `ShieldService`, with the role that it demands, if any.
    Shield(&'static str, Option<Role>),
    /// The health service; `Watch` is the one that stays open.
    Health {
        /// Whether it is `Watch`.
        watch: bool,
    },
    /// Reflection.
    Reflection,
    /// Not one of ours.
    Unknown,
}

/// The methods of `ShieldService` and the role that each demands.
const SHIELD: [(&str, Option<Role>); 9] = [
    ("Scan", Some(Role::Scanner)),
    ("ScanStream", Some(Role::Scanner)),
    ("Redact", Some(Role::Redactor)),
    ("RedactStream", Some(Role::Redactor)),
    ("Restore", Some(Role::Restorer)),
    ("Audit", Some(Role::Auditor)),
    ("GetAuditProof", Some(Role::Auditor)),
    ("VerifyAudit", Some(Role::Auditor)),
    ("GetServerInfo", None),
];

impl Method {
    /// Finds the method of a request's path.
    pub(crate) fn of(path: &str) -> Self {
        match path.strip_prefix('/').and_then(|path| path.split_once('/')) {
            Some(("llm_shield.v1.ShieldService", name)) => SHIELD
                .into_iter()
                .find(|(known, _)| *known == name)
                .map_or(Self::Unknown, |(name, role)| Self::Shield(name, role)),
            Some(("grpc.health.v1.Health", name)) => Self::Health { watch: name == "Watch" },
            Some(("grpc.reflection.v1.ServerReflection", _)) => Self::Reflection,
            _ => Self::Unknown,
        }
    }

    /// Returns the name for logs and metrics; one name for all unknown methods, so that callers cannot make new ones.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Shield(name, _) => name,
            Self::Health { watch: true } => "Health/Watch",
            Self::Health { watch: false } => "Health/Check",
            Self::Reflection => "ServerReflection",
            Self::Unknown => "unknown",
        }
    }
}

/// The layer.
#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) trust: Arc<TrustHandle>,
}

impl Layer for Access {
    type Kept = ();

    fn before(&self, request: &mut Request<Body>) -> Result<(), Refused> {
        if let Some(caller) = self.permit(request)? {
            request.extensions_mut().insert(caller);
        }
        Ok(())
    }

    fn after(&self, (): (), response: Response<Body>) -> Response<Body> {
        response
    }
}

impl Access {
    /// Returns the caller, who is nobody in particular for the health service alone.
    fn permit(&self, request: &Request<Body>) -> Result<Option<Arc<Caller>>, Fault> {
        // A request that does not come through the transport has no peer, and so no identity.
        let peer = request.extensions().get::<Arc<Peer>>().ok_or(Fault::IdentityNotMapped)?;
        peer.check(&self.trust.current()).map_err(|refusal| match refusal {
            PeerRefusal::Expired => Fault::CertificateExpired,
            PeerRefusal::NoLongerTrusted => Fault::CertificateNotTrusted,
        })?;
        let method = request.extensions().get::<Method>().copied().unwrap_or(Method::Unknown);
        if matches!(method, Method::Health { .. }) {
            return Ok(None);
        }
        let caller = peer.caller().ok_or(Fault::IdentityNotMapped)?;
        match method {
            Method::Shield(rpc, Some(role)) if !caller.has(role) => {
                let id = request.extensions().get::<RequestId>().map(|id| &*id.0);
                tracing::info!(request.id = id, caller.id = caller.principal, permission = %role, "a caller lacks a permission");
                Err(Fault::PermissionMissing { role, rpc })
            }
            _ => Ok(Some(Arc::clone(caller))),
        }
    }
}
