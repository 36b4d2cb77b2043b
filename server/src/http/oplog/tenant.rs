//! Whose dataset a request is about.
//!
//! Three kinds of room never meet: the one of a server without tenants, those of tenants, and those of
//! subjects whose tokens name no tenant. A subject can so not take a name that is a tenant's.

use http::request;

use crate::{config::Tenants, http::Shared};

/// Whoever may use a dataset, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tenant {
    /// The room of the dataset.
    pub(super) room: String,
    /// When the token ends, in milliseconds since 1970.
    pub(super) expires_ms: Option<u64>,
}

/// Bytes of a tenant's or a subject's name.
const NAME_BYTES_MAX: usize = 256;

/// Who asks; `None` when a token is needed, and this is not it.
pub(super) fn tenant_of(head: &request::Parts, shared: &Shared) -> Option<Tenant> {
    if shared.config.oplog.tenants == Tenants::None {
        return Some(Tenant { room: "default".into(), expires_ms: None });
    }
    let identity = shared.identify(&head.headers, head.uri.query()).ok()?;
    let expires_ms = identity.expires.map(|expires| expires.0);
    let room = room_of(identity.tenant.as_deref(), identity.subject.as_deref())?;
    Some(Tenant { room, expires_ms })
}

fn room_of(tenant: Option<&str>, subject: Option<&str>) -> Option<String> {
    let (kind, name) = match (tenant, subject) {
        (Some(tenant), _) => ("tenant", tenant),
        (None, Some(subject)) => ("sub", subject),
        (None, None) => return None,
    };
    (1..=NAME_BYTES_MAX).contains(&name.len()).then(|| format!("{kind}:{name}"))
}

#[cfg(test)]
mod tests {
    use super::room_of;

    #[test]
    fn a_subject_is_no_tenant_of_the_same_name() {
        assert_eq!(room_of(Some("acme"), Some("ann")).unwrap(), "tenant:acme");
        assert_eq!(room_of(None, Some("acme")).unwrap(), "sub:acme");
        assert_eq!(room_of(None, None), None);
        assert_eq!(room_of(Some(""), Some("ann")), None);
        assert_eq!(room_of(Some(&"x".repeat(257)), None), None);
    }
}
