//! All rooms of one identity in one store: opens them, founds groups, lets strangers in and is let in.
//! Knows what is wired to what; every rule is the machine's.

use std::{
    collections::BTreeMap,
    fmt,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use syncline_engine::{Options, Store};
use syncline_protocol::dialects::peer::{
    id::PeerId,
    kind::RoomKind,
    participant::{HostPin, Opening, Participant, take_keys},
};
use tokio::{runtime::Handle as Runtime, time::Instant};

use super::{
    carried::Carried,
    core::Core,
    error::{JoinError, KeysError, StartError},
    group::Group,
    keeper::{Since, keep},
    lobby::{Invitation, answer, show_code},
    network::{Ask, Drive, Network, Relay, Start, start_on},
    room::{Handle, Room},
    session::Session,
    settings::Settings,
    shared::{Shared, now},
    store::EngineStore,
};
use crate::{backoff::Backoff, driver::Driver, token::Token};

/// The size of a segment of a store that is opened here, in bytes.
const SEGMENT_BYTES: u64 = 8 << 20;

/// All rooms of one identity in one store. Clones are handles of the same.
#[derive(Clone)]
pub struct Peers(Arc<Inner>);

struct Inner {
    me: PeerId,
    store: Store,
    settings: Settings,
    start: Arc<Start>,
    /// Those that were opened here, by name, until their last handle is gone.
    rooms: Mutex<BTreeMap<String, Opened>>,
}

/// A room that was opened here, as long as anybody holds it.
struct Opened {
    handle: Weak<Handle>,
    shared: Weak<Shared>,
}

/// How a room is opened.
#[derive(Default)]
struct How {
    kind: RoomKind,
    is_host: bool,
    expected_host: Option<HostPin>,
}

impl Peers {
    /// The rooms of `identity`, which is what its tokens say as `sub`, in the store in a directory, which
    /// is made if it is missing. They are at a server such as `ws://127.0.0.1:8080`, which need not be
    /// there.
    ///
    /// # Errors
    /// [`StartError`]; never because of the network.
    pub fn open(
        dir: impl AsRef<Path>,
        server: &str,
        identity: &str,
        settings: Settings,
    ) -> Result<Self, StartError> {
        let mut options = Options::default();
        options.segment_bytes = SEGMENT_BYTES;
        options.maintenance_thread = true;
        let store = Store::open(dir, options)?;
        Self::start(Relay(server.to_owned()), &store, identity, settings)
    }

    /// As [`Peers::open`], over any network, in a store that the application has opened and can use beside
    /// them. A room in a store is one identity's, which has one `Peers` in it at a time.
    ///
    /// # Errors
    /// [`StartError`]; never because of the network.
    pub fn start(
        network: impl Network,
        store: &Store,
        identity: &str,
        settings: Settings,
    ) -> Result<Self, StartError> {
        let me = PeerId::new(identity).ok_or(StartError::Identity)?;
        let (start, store) = (start_on(network), store.clone());
        Ok(Self(Arc::new(Inner { me, store, settings, start, rooms: Mutex::default() })))
    }

    /// Opens a data room of which this peer is a member, or will be when its host knows it. Who was never in it
    /// takes the first who says that it owns the group for its owner: use [`Peers::enter_as_invited`], with the
    /// name of the host and better its keys, where others than members may have tokens for the room.
    ///
    /// # Errors
    /// [`StartError`]; never because of the network.
    pub fn enter(&self, room: &str, token: impl Into<Token>) -> Result<Room, StartError> {
        self.open_room(room, token.into(), How::default())
    }

    /// Opens the data room that an invitation is for.
    ///
    /// # Errors
    /// [`StartError`]; never because of the network.
    pub fn enter_as_invited(
        &self,
        invitation: &Invitation,
        token: impl Into<Token>,
    ) -> Result<Room, StartError> {
        let Invitation { data_room, host } = invitation.clone();
        let how = How { expected_host: Some(host), ..How::default() };
        self.open_room(&data_room, token.into(), how)
    }

    /// Opens a data room and founds a group in it, which this peer owns. When the group was founded here
    /// before, it is only opened. It makes the group's first key when it is alone in the room; with others there
    /// before it what is written is sealed for each of them alone, until it is alone there or
    /// [`Room::rotate_group_key`] is called.
    ///
    /// # Errors
    /// [`StartError`]; never because of the network.
    pub fn found(
        &self,
        room: &str,
        token: impl Into<Token>,
        group: &Group,
    ) -> Result<Room, StartError> {
        let how = How { is_host: true, ..How::default() };
        let room = self.open_room(room, token.into(), how)?;
        if !room.has_group() {
            room.write(group.rows(&self.0.me))?;
        }
        Ok(room)
    }

    /// Opens the invite room of a group and answers strangers who show a code there, for all data rooms
    /// that are open here, as long as a handle of it is held. A stranger whose name is known there with other keys,
    /// as after a loss of its store, is not heard before [`Room::approve_key`] on this room.
    ///
    /// # Errors
    /// [`StartError`]; never because of the network.
    pub fn host_invites(&self, group: &str, token: impl Into<Token>) -> Result<Room, StartError> {
        let how = How { kind: RoomKind::Invite, ..How::default() };
        let lobby = self.open_room(group, token.into(), how)?;
        tokio::spawn(answer(Arc::downgrade(&lobby.0)));
        Ok(lobby)
    }

    /// Shows a code in the invite room of a group, and returns the invitation when a host accepts it. The
    /// invite room is left then. Waits for the network as long as it takes; then it takes 15 s at most.
    ///
    /// The code is shown to everybody in the invite room, and the first answer is believed, unless a host was named
    /// for this room before: [`Peers::redeem_from`] is for who knows the host.
    ///
    /// # Errors
    /// [`JoinError`].
    pub async fn redeem(
        &self,
        group: &str,
        token: impl Into<Token>,
        code: &str,
    ) -> Result<Invitation, JoinError> {
        self.redeem_of(group, token.into(), code, None).await
    }

    /// As [`Peers::redeem`], from this host alone: the code goes to it, sealed, and nobody else is believed. Its
    /// keys are those of the [invite room](Peers::host_invites); without them the first that are announced in
    /// its name count, and if none are within 3 s the server sees the code. Its name must be as in its token.
    /// It stays expected until another is named.
    ///
    /// # Errors
    /// [`JoinError`].
    pub async fn redeem_from(
        &self,
        host: HostPin,
        group: &str,
        token: impl Into<Token>,
        code: &str,
    ) -> Result<Invitation, JoinError> {
        self.redeem_of(group, token.into(), code, Some(host)).await
    }

    async fn redeem_of(
        &self,
        group: &str,
        token: Token,
        code: &str,
        expected_host: Option<HostPin>,
    ) -> Result<Invitation, JoinError> {
        let how = How { kind: RoomKind::Invite, expected_host, ..How::default() };
        let lobby = self.open_room(group, token, how)?;
        let outcome = show_code(&lobby, code).await;
        lobby.close().await;
        outcome
    }

    /// Takes in the keys of a room that another device of this identity [gave out](Room::export_keys), before
    /// the room is opened here for the first time; says which room. Then the others know this device as they
    /// know that one, of which only one is to be connected at a time. Takes some ten milliseconds, and the
    /// wait for the device.
    ///
    /// # Errors
    /// [`KeysError`]; other keys of the room that are here are not overwritten.
    pub fn import_keys(&self, text: &str, passphrase: &str) -> Result<String, KeysError> {
        let Carried { keys, me, place } = Carried::open(text, passphrase)?;
        if me.canonical() != self.0.me.canonical() {
            return Err(KeysError::OtherIdentity(me));
        }
        let (_, name) = place.split_once('/').ok_or(KeysError::Damaged)?;
        // Held, so that nobody opens it meanwhile.
        let rooms = self.0.rooms();
        if rooms.get(&place).is_some_and(|room| room.handle.strong_count() > 0) {
            return Err(KeysError::Open(name.to_owned()));
        }
        take_keys(&mut EngineStore::open(&self.0.store, &place)?, &keys)?;
        Ok(name.to_owned())
    }

    /// Closes all rooms. What was written is on the device when this returns.
    pub async fn close(&self) {
        for room in self.0.open_rooms() {
            room.close().await;
        }
    }

    /// The rooms that are open now.
    pub(super) fn open_rooms(&self) -> Vec<Room> {
        self.0.open_rooms()
    }

    /// Whose rooms they are.
    pub(super) fn me(&self) -> &PeerId {
        &self.0.me
    }

    fn open_room(&self, name: &str, token: Token, how: How) -> Result<Room, StartError> {
        Runtime::try_current().map_err(|_| StartError::NoRuntime)?;
        let Inner { store, settings, start, .. } = &*self.0;
        let kind = how.kind;
        // An invite room has the name of its group, and that may be the name of a data room.
        let place = format!("{}/{name}", kind.name());
        let mut rooms = self.0.rooms();
        if let Some(opened) = rooms.get(&place) {
            if opened.handle.upgrade().is_some_and(|room| !room.is_stopped()) {
                return Err(StartError::Open(name.to_owned()));
            }
            // Its tasks may still be there: they touch nothing of the store from now on.
            opened.shared.upgrade().into_iter().for_each(|shared| shared.shut());
        }
        rooms.retain(|_, room| room.handle.strong_count() > 0);
        if rooms.len() >= settings.rooms_max {
            return Err(StartError::TooMany { rooms_max: settings.rooms_max });
        }
        let since = Since::open(store, &place)?;
        let shared = Arc::new(self.0.load(name, &place, how, since.read()?)?);
        let asks_history = settings.history && kind == RoomKind::Data;
        let of_room = shared.clone();
        let since_seq = move || asks_history.then(|| of_room.look(Core::since));
        let since_seq = Box::new(since_seq);
        let ask = Ask { room: name.to_owned(), kind, token, since_seq };
        let driver = start(ask, self.0.drive(&shared, kind))?;
        tokio::spawn(keep(shared.clone(), store.clone(), since, driver));
        let opened = Arc::downgrade(&shared);
        let handle = Arc::new(Handle { shared, name: name.to_owned(), kind, peers: self.clone() });
        rooms.insert(place, Opened { handle: Arc::downgrade(&handle), shared: opened });
        Ok(Room(handle))
    }
}

impl Inner {
    /// A room with what is stored of it.
    fn load(&self, name: &str, place: &str, how: How, since: u64) -> Result<Shared, StartError> {
        let kept = EngineStore::open(&self.store, place);
        let kept = kept.map_err(|error| StartError::Room(error.into()))?;
        let watermark = kept.watermark();
        // Asked once here, so that it is known to answer.
        getrandom::u64().map_err(StartError::Random)?;
        let How { kind, is_host, expected_host } = how;
        let opening = Opening {
            room: name.to_owned(),
            kind,
            me: self.me.clone(),
            settings: self.settings.machine.clone(),
            store: kept,
            random: Box::new(system_random),
            is_host,
            expected_host,
        };
        let began = Instant::now();
        let machine = Participant::open(opening, now(began))?;
        let bounds = (self.settings.outgoing_bytes_max, self.settings.events_max);
        Ok(Shared::new(Core::new(machine, watermark, bounds, since), began))
    }

    /// What drives the connections of a room.
    fn drive(&self, shared: &Arc<Shared>, kind: RoomKind) -> Drive {
        let Settings { retry_min, retry_max, stable_after, connect_timeout, .. } = self.settings;
        let session = Session {
            shared: shared.clone(),
            me: self.me.clone(),
            kind,
            idle_timeout: self.settings.idle_timeout,
            welcome_timeout: connect_timeout,
        };
        Drive(Driver {
            transport: (),
            session,
            backoff: Backoff::with_full_jitter(retry_min, retry_max, stable_after),
            connect_timeout,
            message_bytes_max: self.settings.message_bytes_max,
        })
    }
}

impl Inner {
    fn rooms(&self) -> MutexGuard<'_, BTreeMap<String, Opened>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open_rooms(&self) -> Vec<Room> {
        let open = |opened: &Opened| opened.handle.upgrade().filter(|room| !room.is_stopped());
        self.rooms().values().filter_map(open).map(Room).collect()
    }
}

/// Fills with the system's random bytes. A system that has given some does not stop giving them.
fn system_random(out: &mut [u8]) {
    if let Err(error) = getrandom::fill(out) {
        // Keys that can be guessed are worse than none.
        panic!("the system gives no random bytes any more: {error}");
    }
}

impl fmt::Debug for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peers").field("me", &self.0.me).finish_non_exhaustive()
    }
}
