//! Keys that an address serves: fetched by a thread of their own, again now and then, and soon when a
//! token names a key that is not known. What was fetched stays until something better comes.
//!
//! The address is the configured one and no other: no token and no redirect leads elsewhere, and what
//! comes from it is never looked up for any other.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, Thread},
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use crate::{
    config::{AuthConfig, TokenAlgorithm},
    logging::redact_query,
    outward,
};

use super::{
    StartError,
    keys::{Keys, Secrets, read_set},
};

/// A fetch takes at most this long.
const FETCH_TIME: Duration = Duration::from_secs(10);
/// Bytes of a key set.
const SET_BYTES_MAX: u64 = 256 << 10;

/// How often an address is asked.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// Between two fetches when all is well.
    usual: Duration,
    /// At least between two fetches, whatever tokens say.
    least: Duration,
}

const PACE: Pace = Pace { usual: Duration::from_secs(5 * 60), least: Duration::from_secs(10) };

/// What has been fetched from one address.
#[derive(Debug)]
pub(super) struct Remote {
    state: Arc<State>,
    /// Who fetches; `None` when nobody does any more.
    fetching: Option<Thread>,
}

#[derive(Debug, Default)]
struct State {
    keys: ArcSwap<Keys>,
    fetched: Mutex<Option<Instant>>,
    is_asked: AtomicBool,
    is_over: AtomicBool,
}

/// How a key set is had.
type Fetch = Box<dyn Fn() -> Result<Vec<u8>, String> + Send>;

impl Remote {
    /// Begins to fetch what `url` serves, and goes on until this is dropped.
    pub(super) fn start(url: &str, config: &AuthConfig) -> Result<Self, StartError> {
        let fetch: Fetch = Box::new(fetching(url));
        Self::spawn(fetch, config.algorithms.clone(), PACE)
            .map_err(|reason| unreachable(url, reason))
    }

    /// Fetches what `url` serves, once.
    pub(super) fn once(url: &str, config: &AuthConfig) -> Result<Self, StartError> {
        let state = Arc::new(State::default());
        let text = fetching(url)().map_err(|reason| unreachable(url, reason))?;
        state.take(&text, &config.algorithms).map_err(|reason| unreachable(url, reason))?;
        Ok(Self { state, fetching: None })
    }

    fn spawn(fetch: Fetch, algorithms: Vec<TokenAlgorithm>, pace: Pace) -> Result<Self, String> {
        let state = Arc::new(State::default());
        let shared = state.clone();
        let thread = thread::Builder::new()
            .name("syncline-keys".into())
            .spawn(move || shared.fetch_on(&fetch, &algorithms, pace))
            .map_err(|error| error.to_string())?;
        Ok(Self { state, fetching: Some(thread.thread().clone()) })
    }

    /// What is known by now.
    pub(super) fn keys(&self) -> arc_swap::Guard<Arc<Keys>> {
        self.state.keys.load()
    }

    /// Asks for another fetch, soon.
    pub(super) fn ask(&self) {
        let asked = self.state.is_asked.swap(true, Ordering::Relaxed);
        if let Some(thread) = self.fetching.as_ref().filter(|_| !asked) {
            thread.unpark();
        }
    }

    /// How long ago the last good fetch was.
    pub(super) fn age(&self) -> Option<Duration> {
        self.state.fetched.lock().map(|at| at.elapsed())
    }
}

impl Drop for Remote {
    /// Nobody waits for a fetch under way: it ends by itself.
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = &self.fetching {
            thread.unpark();
        }
    }
}

impl State {
    fn fetch_on(&self, fetch: &Fetch, algorithms: &[TokenAlgorithm], pace: Pace) {
        let mut failures = 0;
        while !self.is_over.load(Ordering::Relaxed) {
            // What is asked for from here on may be about keys that this fetch does not bring.
            self.is_asked.store(false, Ordering::Relaxed);
            let begun = Instant::now();
            match fetch().and_then(|text| self.take(&text, algorithms)) {
                Ok(keys) => {
                    failures = 0;
                    tracing::debug!(keys, "fetched the keys of auth.jwks_url");
                }
                Err(reason) => {
                    failures += 1;
                    tracing::warn!(reason, failures, "cannot fetch the keys of auth.jwks_url");
                }
            }
            self.rest(begun, failures, pace);
        }
    }

    /// Waits until it is time for another fetch.
    fn rest(&self, begun: Instant, failures: u32, pace: Pace) {
        let wait = match failures {
            0 => pace.usual,
            failures => pace.least.saturating_mul(1 << (failures - 1).min(16)).min(pace.usual),
        };
        loop {
            let asked = failures == 0 && self.is_asked.load(Ordering::Relaxed);
            let wait = if asked { pace.least } else { wait };
            let left = wait.saturating_sub(begun.elapsed());
            if left.is_zero() || self.is_over.load(Ordering::Relaxed) {
                return;
            }
            thread::park_timeout(left);
        }
    }

    /// Takes the keys of a set, if it has any; says how many.
    fn take(&self, text: &[u8], algorithms: &[TokenAlgorithm]) -> Result<usize, String> {
        let keys = Keys::new(read_set(text, Secrets::Refused)?, algorithms);
        if keys.is_empty() {
            return Err("no key of it is for any of [auth] algorithms".into());
        }
        let count = keys.len();
        self.keys.store(Arc::new(keys));
        *self.fetched.lock() = Some(Instant::now());
        Ok(count)
    }
}

/// Fetches an address, and only that one.
fn fetching(url: &str) -> impl Fn() -> Result<Vec<u8>, String> + Send + use<> {
    let (agent, url) = (outward::agent(url, FETCH_TIME), url.to_owned());
    move || {
        let mut answer = agent.get(&url).call().map_err(|error| error.to_string())?;
        if answer.status() != 200 {
            return Err(format!("the answer is {}, not 200", answer.status().as_u16()));
        }
        let body = answer.body_mut().with_config().limit(SET_BYTES_MAX);
        body.read_to_vec().map_err(|error| error.to_string())
    }
}

fn unreachable(url: &str, reason: String) -> StartError {
    StartError::Unreachable { url: redact_query(url), reason }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// A key set, as this test's only sender of keys gives it.
    const SET: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a",
        "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

    const PATIENCE: Duration = Duration::from_secs(60);

    /// What is fetched from a list of answers, the last one for ever.
    fn remote(
        answers: Vec<Result<&'static str, &'static str>>,
        pace: Pace,
    ) -> (Remote, Arc<AtomicUsize>) {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = count.clone();
        let fetch: Fetch = Box::new(move || {
            let number = counted.fetch_add(1, Ordering::Relaxed);
            let answer = answers[number.min(answers.len() - 1)];
            answer.map(|text| text.as_bytes().to_vec()).map_err(Into::into)
        });
        (Remote::spawn(fetch, Vec::new(), pace).unwrap(), count)
    }

    fn wait(what: &str, mut done: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !done() {
            assert!(begun.elapsed() < PATIENCE, "{what}");
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn asking_brings_a_fetch_soon_but_not_sooner_than_the_pace() {
        let pace = Pace { usual: Duration::from_secs(3600), least: Duration::from_millis(20) };
        let begun = Instant::now();
        let (remote, count) = remote(vec![Ok(SET)], pace);
        wait("five fetches", || {
            remote.ask();
            count.load(Ordering::Relaxed) >= 5
        });
        let fetches = u32::try_from(count.load(Ordering::Relaxed)).unwrap();
        assert!(begun.elapsed() >= pace.least * (fetches - 1), "{fetches} fetches");
    }

    #[test]
    fn a_failure_is_tried_again_and_keeps_what_was_there() {
        let short = Duration::from_millis(1);
        let pace = Pace { usual: short, least: short };
        let (remote, count) = remote(vec![Err("no"), Ok(SET), Err("no"), Ok("{}"), Ok("x")], pace);
        wait("the keys", || remote.keys().len() == 1);
        wait("failures", || count.load(Ordering::Relaxed) > 10);
        assert_eq!(remote.keys().len(), 1);
        assert!(remote.age().is_some());
    }

    #[test]
    fn it_ends_when_nobody_wants_it() {
        let pace = Pace { usual: Duration::from_secs(3600), least: Duration::from_secs(3600) };
        let (remote, count) = remote(vec![Ok(SET)], pace);
        wait("the keys", || remote.keys().len() == 1);
        drop(remote);
        wait("the thread ends", || Arc::strong_count(&count) == 1);
    }
}
