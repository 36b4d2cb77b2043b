//! The address of a workspace. Knows paths and how they are escaped.

use crate::escape::escape;

/// The URL of a workspace on a server such as `ws://127.0.0.1:8080`. `user` is the name that
/// others see in the list of who is present; without it, the server takes it from the token.
#[must_use]
pub fn workspace_url(server: &str, workspace: &str, user: Option<&str>) -> String {
    let server = server.trim_end_matches('/');
    let query = user.map(|user| format!("?userId={}", escape(user))).unwrap_or_default();
    format!("{server}/v1/sync/{}{query}", escape(workspace))
}

#[cfg(test)]
mod tests {
    use super::workspace_url;

    #[test]
    fn names_are_escaped_as_one_segment() {
        let url = workspace_url("ws://host:1/", "space é/…?x#y", None);
        assert_eq!(url, "ws://host:1/v1/sync/space%20%C3%A9%2F%E2%80%A6%3Fx%23y");
        let url = workspace_url("ws://host", "w", Some("a&b c"));
        assert_eq!(url, "ws://host/v1/sync/w?userId=a%26b%20c");
    }
}
