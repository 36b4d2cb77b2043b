//! What all sessions of maps share: who a token lets in and what he may do, the clock, their numbers.
//!
//! Knows tokens and configuration; nothing of HTTP, sockets and rooms.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use syncline_engine::{Error, Store};
use syncline_protocol::{
    dialect::UnixMillis,
    dialects::maps::{Grants, Hlc, Host, Principal, proto::AuthStatus},
};

use super::clock::{InUse, NotKept, ServerClock};
use crate::{
    auth::{Auth, Denied, Identity},
    config::{MapsConfig, Role},
    metrics::Metrics,
};

/// Bytes of a user's name.
const USER_BYTES_MAX: usize = 256;

/// Random bytes that tell the sessions of one run from those of another.
const RUN_BYTES: usize = 8;

/// One server's side of the maps dialect, shared by its shards.
pub(crate) struct Coordinator {
    clock: ServerClock,
    doorkeeper: Arc<Doorkeeper>,
    numbers: AtomicU64,
}

impl std::fmt::Debug for Coordinator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Coordinator")
    }
}

/// Knows whom to let in.
struct Doorkeeper {
    auth: Arc<Auth>,
    metrics: Arc<Metrics>,
    roles: Vec<Role>,
    run: String,
}

impl Coordinator {
    /// Nothing is written before somebody comes.
    ///
    /// # Errors
    /// The store's, and those of the system: a thread, random bytes.
    pub(crate) fn start(
        store: &Store,
        auth: &Arc<Auth>,
        metrics: &Arc<Metrics>,
        config: &MapsConfig,
    ) -> Result<Self, Error> {
        let mut run = [0; RUN_BYTES];
        getrandom::fill(&mut run).map_err(std::io::Error::other)?;
        let doorkeeper = Arc::new(Doorkeeper {
            auth: auth.clone(),
            metrics: metrics.clone(),
            roles: config.roles.clone(),
            run: data_encoding::HEXLOWER.encode(&run),
        });
        let clock = ServerClock::start(store)?;
        Ok(Self { clock, doorkeeper, numbers: AtomicU64::new(1) })
    }

    /// The host of one session.
    ///
    /// # Errors
    /// [`NotKept`] when the server has no time to tell.
    pub(crate) async fn host(&self) -> Result<Arc<dyn Host>, NotKept> {
        let clock = self.clock.enter().await?;
        Ok(Arc::new(OneHost { clock, doorkeeper: self.doorkeeper.clone() }))
    }

    /// The number of a session, never given twice in a run and never 0.
    pub(crate) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// How far the clock stands behind the machine's.
    pub(crate) fn clock_behind(&self) -> Duration {
        self.clock.behind()
    }

    /// Counts a request that shows no token.
    pub(crate) fn missed_token(&self) {
        self.doorkeeper.metrics.token_refused(Denied::Missing.label());
    }

    /// Ends the clock: no session is left.
    pub(crate) fn stop(&self) {
        self.clock.stop();
    }
}

/// The host of one session: the clock goes on as long as it is there.
struct OneHost {
    clock: InUse,
    doorkeeper: Arc<Doorkeeper>,
}

impl Host for OneHost {
    fn verify(&self, token: &str, now: UnixMillis) -> Result<Principal, AuthStatus> {
        self.doorkeeper.verify(token, now)
    }

    fn server_time(&self, now: UnixMillis) -> Hlc {
        self.clock.next(now)
    }

    fn observe(&self, time: &Hlc, now: UnixMillis) {
        self.clock.see(time, now);
    }

    fn session_id(&self, number: u64) -> String {
        format!("{}-{number:x}", self.doorkeeper.run)
    }
}

impl Doorkeeper {
    fn verify(&self, token: &str, now: UnixMillis) -> Result<Principal, AuthStatus> {
        let identity = self.auth.verify_at(token, now);
        let admitted = identity.and_then(|identity| admit(&identity, &self.roles));
        admitted.map_err(|refused| {
            self.metrics.token_refused(refused.label());
            match refused {
                Denied::Expired => AuthStatus::ExpiredToken,
                Denied::NoSubject => AuthStatus::Forbidden,
                _ => AuthStatus::InvalidToken,
            }
        })
    }
}

/// Whom a token that is believed speaks for, and what he may do.
fn admit(identity: &Identity, roles: &[Role]) -> Result<Principal, Denied> {
    if identity.grants_unreadable {
        return Err(Denied::Claims);
    }
    let user = identity.subject.as_deref();
    let user = user.filter(|user| (1..=USER_BYTES_MAX).contains(&user.len()));
    let user = user.ok_or(Denied::NoSubject)?.to_owned();
    let expires = identity.expires.ok_or(Denied::NoExpiry)?;
    let named = |role: &&Role| identity.roles.iter().flatten().any(|name| *name == role.name);
    let own = identity.perms.iter().flatten();
    let mut grants = Grants::default();
    for permission in own.chain(roles.iter().filter(named).map(|role| &role.allows)) {
        grants.allow(&permission.map, &permission.ops).map_err(|_| Denied::Claims)?;
    }
    Ok(Principal { user, grants, expires })
}

#[cfg(test)]
mod tests {
    use syncline_protocol::dialects::maps::Op;

    use super::*;
    use crate::config::{Config, Permission, settings};

    fn identity(adapt: impl FnOnce(&mut Identity)) -> Identity {
        let (subject, expires) = (Some("ann".into()), Some(UnixMillis(5)));
        let mut identity = Identity { subject, expires, ..Identity::default() };
        adapt(&mut identity);
        identity
    }

    fn roles(text: &str) -> Vec<Role> {
        let mut config = Config::default();
        let setting = settings().find(|setting| setting.name == "maps.roles").unwrap();
        setting.set(&mut config, text).unwrap();
        config.maps.roles
    }

    #[test]
    fn nothing_is_allowed_that_is_not_said() {
        let ann = admit(&identity(|_| ()), &roles("editor=*:READ")).unwrap();
        assert_eq!((ann.user.as_str(), ann.expires), ("ann", UnixMillis(5)));
        assert!(ann.grants.is_empty());
        let other = identity(|i| i.roles = Some(vec!["Editor".into(), "viewer".into()]));
        assert!(admit(&other, &roles("editor=*:READ")).unwrap().grants.is_empty());
    }

    #[test]
    fn roles_add_to_what_the_token_allows_itself() {
        let ann = identity(|i| {
            i.perms = Some(vec![Permission::parse("own-*:PUT").unwrap()]);
            i.roles = Some(vec!["editor".into(), "editor".into()]);
        });
        let roles = roles("editor=todos*:READ+PUT,viewer=*:REMOVE,editor=news:READ");
        let grants = admit(&ann, &roles).unwrap().grants;
        let may = |map: &str| Op::ALL.map(|op| grants.may(map, op));
        assert_eq!(may("own-1"), [false, true, false]);
        assert_eq!(may("todos-1"), [true, true, false]);
        assert_eq!(may("news"), [true, false, false]);
        assert_eq!(may("other"), [false; 3]);
    }

    #[test]
    fn a_holder_has_a_name_and_an_end() {
        let long = identity(|i| i.subject = Some("x".repeat(257)));
        for nameless in
            [long, identity(|i| i.subject = None), identity(|i| i.subject = Some("".into()))]
        {
            assert_eq!(admit(&nameless, &[]).unwrap_err(), Denied::NoSubject);
        }
        let unreadable = identity(|i| i.grants_unreadable = true);
        assert_eq!(admit(&unreadable, &[]).unwrap_err(), Denied::Claims);
        let endless = identity(|i| i.expires = None);
        assert_eq!(admit(&endless, &[]).unwrap_err(), Denied::NoExpiry);
    }
}
