//! One attempt to hand an event over: a POST to the address that is configured, and what its answer means.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{StatusCode, header};
use ureq::Agent;

use super::{deliver::Attempt, event::Event, sign::Key};
use crate::outward;

/// An attempt takes at most this long.
const ATTEMPT_TIME: Duration = Duration::from_secs(10);
/// Of it, the body of the answer.
const ANSWER_TIME: Duration = Duration::from_secs(1);
/// As much of an answer's body is read, so that the connection can be used again; nobody looks at it.
const ANSWER_BYTES_MAX: u64 = 4 << 10;

/// Where events go.
#[derive(Debug)]
pub(super) struct Post {
    agent: Agent,
    url: String,
    key: Key,
}

impl Post {
    pub(super) fn new(url: &str, key: Key) -> Self {
        Self { agent: outward::agent(url, ATTEMPT_TIME), url: url.into(), key }
    }

    /// Tries to hand over an event.
    pub(super) fn attempt(&self, event: &Event) -> Attempt {
        let body = match event.body() {
            Ok(body) => body,
            Err(error) => return Attempt::Refused(error.to_string()),
        };
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = since.as_secs();
        let request = self
            .agent
            .post(&self.url)
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", &event.id)
            .header("webhook-timestamp", seconds.to_string())
            .header("webhook-signature", self.key.sign(&event.id, seconds, &body))
            .config()
            .timeout_recv_body(Some(ANSWER_TIME))
            .build();
        match request.send(&body) {
            Ok(mut answer) => {
                let judged = judge(answer.status());
                // One that is longer, or does not come, ends the connection.
                let rest = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX);
                let _ = rest.read_to_vec();
                judged
            }
            Err(error) => Attempt::Failed(reason(&error)),
        }
    }
}

/// What a status says about an event.
fn judge(status: StatusCode) -> Attempt {
    let why = || format!("the answer is {}", status.as_u16());
    let is_of_the_moment = matches!(
        status,
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS
    );
    match status.as_u16() {
        200..300 => Attempt::Taken,
        500.. => Attempt::Failed(why()),
        _ if is_of_the_moment => Attempt::Failed(why()),
        _ => Attempt::Refused(why()),
    }
}

/// Why there was no answer, without the address: it may hold what nobody else is to know.
fn reason(error: &ureq::Error) -> String {
    match error {
        ureq::Error::BadUri(_) => "the address is none".into(),
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_taken_not_now_or_never() {
        let judged = |status| judge(StatusCode::from_u16(status).unwrap());
        for taken in [200, 202, 204, 299] {
            assert_eq!(judged(taken), Attempt::Taken, "{taken}");
        }
        for later in [408, 425, 429, 500, 502, 503, 504, 599] {
            assert!(matches!(judged(later), Attempt::Failed(_)), "{later}");
        }
        for never in [101, 301, 302, 307, 308, 400, 401, 403, 404, 410, 413] {
            assert!(matches!(judged(never), Attempt::Refused(_)), "{never}");
        }
    }
}
