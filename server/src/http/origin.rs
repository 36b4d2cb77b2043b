//! Which web pages may use a path: same origin always, others when they are listed.
//!
//! Knows headers, no path. Programs that are no browsers send no origin and are not judged by one.

use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::answer::{Answer, empty};

/// Origins whose pages may read answers and send what changes something.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins {
    /// `*` lists all of them.
    pub(crate) allowed: Vec<String>,
}

/// How long a browser may remember what a preflight said, in seconds.
const PREFLIGHT_AGE: &str = "600";

impl Origins {
    /// Whether this origin, as a browser names it, is listed.
    pub(crate) fn lists(&self, origin: &str) -> bool {
        self.allowed.iter().any(|allowed| allowed == "*" || allowed == origin)
    }

    /// Whether a request that changes something comes from a page that may: from the same origin,
    /// from one that is listed, or from no page at all.
    pub(crate) fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = text(headers, header::ORIGIN) else { return true };
        if self.lists(origin) {
            return true;
        }
        match headers.get("sec-fetch-site").and_then(|site| site.to_str().ok()) {
            Some(site) => matches!(site, "same-origin" | "none"),
            // Older browsers, and pages that came unencrypted.
            None => {
                let authority = origin.split_once("://").map(|(_, authority)| authority);
                authority.is_some() && authority == text(headers, header::HOST)
            }
        }
    }

    /// Lets a page of a listed origin read the answer.
    pub(crate) fn allow(&self, request: &HeaderMap, mut answer: Answer) -> Answer {
        if self.allowed.is_empty() {
            return answer;
        }
        let headers = answer.headers_mut();
        headers.append(header::VARY, HeaderValue::from_static("origin"));
        if let Some(origin) = request.get(header::ORIGIN)
            && origin.to_str().is_ok_and(|origin| self.lists(origin))
        {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        }
        answer
    }

    /// The answer to OPTIONS: what the path takes, and for a listed origin what its page may send.
    pub(crate) fn preflight(
        &self,
        request: &HeaderMap,
        methods: &'static str,
        fields: &'static str,
    ) -> Answer {
        let mut answer = self.allow(request, empty(StatusCode::NO_CONTENT));
        let headers = answer.headers_mut();
        headers.insert(header::ALLOW, HeaderValue::from_static(methods));
        if headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
            for (name, value) in [
                (header::ACCESS_CONTROL_ALLOW_METHODS, methods),
                (header::ACCESS_CONTROL_ALLOW_HEADERS, fields),
                (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_AGE),
            ] {
                headers.insert(name, HeaderValue::from_static(value));
            }
        }
        answer
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(allowed: &[&str], fields: &[(&'static str, &'static str)]) -> bool {
        let origins = Origins { allowed: allowed.iter().map(|&origin| origin.into()).collect() };
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        origins.admits(&headers)
    }

    #[test]
    fn a_foreign_page_changes_nothing_unless_it_is_listed() {
        let (foreign, host) = (("origin", "https://b.example"), ("host", "a.example"));
        assert!(admitted(&[], &[host]));
        assert!(!admitted(&[], &[host, foreign]));
        assert!(!admitted(&[], &[host, foreign, ("sec-fetch-site", "cross-site")]));
        assert!(admitted(
            &["https://b.example"],
            &[host, foreign, ("sec-fetch-site", "cross-site")]
        ));
        assert!(!admitted(&["https://b.example.org"], &[host, foreign]));
        assert!(admitted(&["*"], &[host, foreign]));
        assert!(!admitted(&[], &[host, ("origin", "null")]));
    }

    #[test]
    fn a_page_of_the_same_origin_is_admitted() {
        let own = ("origin", "https://a.example:8443");
        assert!(admitted(&[], &[("host", "a.example:8443"), own]));
        assert!(!admitted(&[], &[("host", "a.example"), own]));
        // Behind a proxy that gives the host another name.
        assert!(admitted(&[], &[("host", "backend"), own, ("sec-fetch-site", "same-origin")]));
    }
}
