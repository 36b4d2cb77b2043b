//! What the holder of a token may do in a workspace, and who he is there.
//!
//! Any token opens any workspace, unless it names the ones it is for. Any may write, unless scopes
//! are asked for (`[workspace] scopes`).

use http::{HeaderMap, header};

use super::failed::Failed;
use crate::{auth::Identity, config::WorkspaceConfig, http::target::parameter};

/// Scopes that may write.
const WRITE_SCOPES: [&str; 2] = ["write", "admin"];

/// Bytes of a user's name; the rest of a longer one is cut.
const USER_BYTES_MAX: usize = 256;

/// Who is nobody.
const ANONYMOUS: &str = "anon";

/// Whether the token is for this workspace.
///
/// # Errors
/// [`Failed::Forbidden`].
pub(super) fn may_enter(identity: &Identity, workspace: &str) -> Result<(), Failed> {
    let named = identity.workspaces.as_ref();
    let enters = named.is_none_or(|named| named.iter().any(|named| named == workspace));
    if enters { Ok(()) } else { Err(Failed::Forbidden("the token is for other workspaces")) }
}

/// Whether the holder of the token may set keys.
pub(super) fn may_write(identity: &Identity, config: &WorkspaceConfig) -> bool {
    let scopes = identity.scopes.iter().flatten();
    !config.scopes || scopes.into_iter().any(|scope| WRITE_SCOPES.contains(&scope.as_str()))
}

/// Whom others see: `?userId=`, unless only the token counts, else the token's subject.
///
/// # Errors
/// [`Failed::BadParameter`] when the name is no UTF-8.
pub(super) fn user(
    identity: &Identity,
    query: Option<&str>,
    config: &WorkspaceConfig,
) -> Result<String, Failed> {
    let asked = match config.user_from_token {
        true => None,
        false => {
            parameter(query, "userId").map_err(|_| Failed::BadParameter("userId is no UTF-8"))?
        }
    };
    let subject = identity.subject.as_deref();
    let name = asked.as_deref().filter(|name| !name.is_empty()).or(subject).unwrap_or(ANONYMOUS);
    Ok(cut(name).to_owned())
}

/// The first bytes of a name, as many as it may have and no half character.
fn cut(name: &str) -> &str {
    let ends = (0..=name.len().min(USER_BYTES_MAX)).rev();
    let end = ends.into_iter().find(|&end| name.is_char_boundary(end)).unwrap_or(0);
    &name[..end]
}

/// Whether the peer's WebSocket answers pings by itself, as soon as they are there: those of browsers
/// and of Node do. Other libraries do it only while their program reads.
pub(super) fn pongs_at_once(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    match text(header::USER_AGENT) {
        Some(agent) => agent.starts_with("Mozilla/") || matches!(agent, "node" | "undici"),
        // The usual WebSocket of Node names itself nowhere; few others offer to compress.
        None => text(header::SEC_WEBSOCKET_EXTENSIONS)
            .is_some_and(|offered| offered.starts_with("permessage-deflate")),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn identity(claims: impl FnOnce(&mut Identity)) -> Identity {
        let mut identity = Identity::default();
        claims(&mut identity);
        identity
    }

    #[test]
    fn a_token_opens_what_it_names_or_everything() {
        assert!(may_enter(&Identity::default(), "any").is_ok());
        let named = identity(|i| i.workspaces = Some(vec!["a".into(), "b".into()]));
        assert!(may_enter(&named, "b").is_ok());
        for other in ["", "c", "A", "a/b", "ab"] {
            assert!(may_enter(&named, other).is_err(), "{other}");
        }
        assert!(may_enter(&identity(|i| i.workspaces = Some(Vec::new())), "a").is_err());
    }

    #[test]
    fn scopes_count_when_they_are_asked_for() {
        let mut config = WorkspaceConfig::default();
        let scoped = |scope: &str| identity(|i| i.scopes = Some(vec!["x".into(), scope.into()]));
        assert!(may_write(&scoped("read"), &config) && may_write(&Identity::default(), &config));
        config.scopes = true;
        assert!(may_write(&scoped("write"), &config) && may_write(&scoped("admin"), &config));
        assert!(!may_write(&scoped("read"), &config) && !may_write(&scoped("writes"), &config));
        assert!(!may_write(&Identity::default(), &config));
    }

    #[test]
    fn a_user_is_whom_the_query_names_or_the_token() {
        let mut config = WorkspaceConfig::default();
        let sub = identity(|i| i.subject = Some("sub".into()));
        assert_eq!(user(&sub, Some("userId=a+b%20c"), &config).unwrap(), "a b c");
        assert_eq!(user(&sub, Some("userId="), &config).unwrap(), "sub");
        assert_eq!(user(&sub, None, &config).unwrap(), "sub");
        assert_eq!(user(&Identity::default(), None, &config).unwrap(), "anon");
        assert!(user(&sub, Some("userId=%ff"), &config).is_err());
        let long = format!("userId={}", "%C3%A9".repeat(200));
        assert_eq!(user(&sub, Some(&long), &config).unwrap(), "é".repeat(128));
        config.user_from_token = true;
        assert_eq!(user(&sub, Some("userId=a"), &config).unwrap(), "sub");
    }

    #[test]
    fn browsers_and_node_pong_by_themselves() {
        let headers = |fields: &[(header::HeaderName, &'static str)]| {
            let fields = fields.iter();
            fields.map(|(n, v)| (n.clone(), HeaderValue::from_static(v))).collect::<HeaderMap>()
        };
        let agent = |agent| headers(&[(header::USER_AGENT, agent)]);
        let deflate = "permessage-deflate; client_max_window_bits";
        assert!(pongs_at_once(&agent("Mozilla/5.0 (X11; Linux x86_64)")));
        assert!(pongs_at_once(&agent("node")));
        assert!(pongs_at_once(&headers(&[(header::SEC_WEBSOCKET_EXTENSIONS, deflate)])));
        assert!(!pongs_at_once(&agent("Python/3.12 websockets/13.0")));
        assert!(!pongs_at_once(&HeaderMap::new()));
    }
}
