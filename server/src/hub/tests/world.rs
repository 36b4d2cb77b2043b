//! Hubs of the test dialect on threads of their own, over a simulated disk.

use std::{
    net::{TcpListener, TcpStream},
    rc::Rc,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use bytes::BytesMut;
use socket2::SockRef;
use syncline_engine::{Options, Store, storage::sim::SimDisk};
use syncline_protocol::dialect::Dialect;
use tokio::{
    sync::mpsc::{UnboundedSender, unbounded_channel},
    task::{LocalSet, spawn_local},
};

use crate::{
    config::Config,
    health::{Health, OpenConnection},
    metrics::Metrics,
};

use super::{
    super::{CallFailed, Ground, Hub, owner_of, plant},
    client::{Client, PATIENCE},
    probe::{Command, Gate, Probe},
    session::Session,
};

type Task<D> = Box<dyn FnOnce(&Rc<Hub<D>>) + Send>;

/// What a call ended with.
pub(super) type Outcome = Result<String, CallFailed>;

/// A server's hubs, without the rest of the server.
pub(super) struct World<D: Dialect = Probe> {
    shards: Vec<(UnboundedSender<Task<D>>, JoinHandle<()>)>,
    pub(super) store: Store,
    pub(super) disk: SimDisk,
    pub(super) metrics: Arc<Metrics>,
    pub(super) gate: Arc<Gate>,
    health: Arc<Health>,
}

/// How a world differs from the usual one.
pub(super) struct Plan {
    pub(super) shards: usize,
    pub(super) config: Config,
    pub(super) options: Options,
    pub(super) disk: SimDisk,
    pub(super) probe: Probe,
    /// How long a hub may take to end.
    pub(super) ending: Duration,
}

impl Plan {
    /// Nothing becomes durable by itself.
    pub(super) fn hesitate(&mut self) {
        self.options.committer_thread = false;
        // What is not durable then never will be.
        self.ending = PATIENCE / 30;
    }
}

impl Default for Plan {
    fn default() -> Self {
        let mut options = Options::default();
        options.committer_thread = true;
        options.segment_bytes = 1 << 20;
        let probe = Probe { window: Duration::from_millis(5), gate: Arc::default() };
        let (config, disk, ending) = (Config::default(), SimDisk::new(7), PATIENCE / 3);
        Self { shards: 2, config, options, disk, probe, ending }
    }
}

impl<D: Dialect<Answer = String>> World<D> {
    /// One of this dialect.
    pub(super) fn of(plan: Plan, dialect: &D) -> Self {
        let Plan { shards, config, options, disk, probe, ending } = plan;
        let store = Store::open_on(Arc::new(disk.clone()), options).unwrap();
        let (metrics, health) = (Arc::new(Metrics::new()), Arc::<Health>::default());
        let failing = health.clone();
        store.on_durable(move |moved| {
            if let Err(error) = moved {
                failing.fail(&error.to_string());
            }
        });
        let ground =
            Ground { config: &config, store: &store, metrics: &metrics, health: &health, shards };
        let seeds = plant(ground, dialect, config.limits.message_bytes_max);
        let shards = seeds.into_iter().map(|seed| {
            let (tasks, mut todo) = unbounded_channel::<Task<D>>();
            let thread = thread::spawn(move || {
                let runtime =
                    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                LocalSet::new().block_on(&runtime, async {
                    let hub = seed.grow();
                    while let Some(task) = todo.recv().await {
                        task(&hub);
                    }
                    hub.drain(ending).await;
                });
            });
            (tasks, thread)
        });
        Self { shards: shards.collect(), store, disk, metrics, gate: probe.gate.clone(), health }
    }

    /// Everything that is committed becomes durable.
    pub(super) fn sync(&self) {
        self.store.sync().unwrap();
    }

    /// A room's name that this shard owns.
    pub(super) fn room_of(&self, shard: usize) -> String {
        (0..)
            .map(|n| format!("room{n}"))
            .find(|room| owner_of(room, self.shards.len()) == shard)
            .unwrap()
    }

    /// How many shards there are.
    pub(super) fn shards(&self) -> usize {
        self.shards.len()
    }

    /// The shard that owns a room.
    pub(super) fn owner(&self, room: &str) -> usize {
        owner_of(room, self.shards.len())
    }

    /// Does something on a shard and waits for what comes of it.
    pub(super) fn on<T: Send + 'static>(
        &self,
        shard: usize,
        act: impl FnOnce(&Rc<Hub<D>>) -> T + Send + 'static,
    ) -> T {
        let (done, wait) = mpsc::channel();
        let task: Task<D> = Box::new(move |hub| done.send(act(hub)).unwrap());
        assert!(self.shards[shard].0.send(task).is_ok(), "the shard lives");
        wait.recv_timeout(PATIENCE).unwrap()
    }

    /// Gives these commands on a shard in one go, so that they are of one turn when the shard owns
    /// the room, and none of them has to stand apart.
    pub(super) fn calls(
        &self,
        shard: usize,
        room: &str,
        commands: Vec<D::Command>,
    ) -> Vec<mpsc::Receiver<Outcome>> {
        let room = room.to_owned();
        self.on(shard, move |hub| {
            let call = |command| {
                let (answer, wait) = mpsc::channel();
                let call = hub.call(&room, command, 16);
                spawn_local(async move {
                    let _ = answer.send(call.await);
                });
                wait
            };
            commands.into_iter().map(call).collect()
        })
    }

    /// One call, and what it ends with.
    pub(super) fn call(&self, shard: usize, room: &str, command: D::Command) -> Outcome {
        self.calls(shard, room, vec![command])[0].recv_timeout(PATIENCE).unwrap()
    }

    /// A connection that was counted.
    pub(super) fn ticket(&self) -> OpenConnection {
        self.health.open(usize::MAX).unwrap()
    }

    /// Connections that are open.
    pub(super) fn connections(&self) -> usize {
        self.health.connections()
    }

    /// A new peer of a session on a shard.
    pub(super) fn attach(&self, shard: usize, session: D::Session) -> Client {
        self.attach_with(shard, session, self.ticket())
    }

    pub(super) fn attach_with(
        &self,
        shard: usize,
        session: D::Session,
        ticket: OpenConnection,
    ) -> Client {
        let (server, client) = pair();
        self.on(shard, move |hub| attach(hub, server, session, ticket));
        client
    }

    /// What a metric says.
    pub(super) fn metric(&self, name: &str) -> u64 {
        let text = self.metrics.render();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.rsplit(' ').next().and_then(|value| value.parse().ok()).unwrap_or(0)
    }

    /// Ends all hubs and closes the store.
    pub(super) fn end(mut self) -> SimDisk {
        self.stop();
        self.store.clone().close().unwrap();
        self.disk.clone()
    }
}

impl World {
    pub(super) fn start(adapt: impl FnOnce(&mut Plan)) -> Self {
        let mut plan = Plan::default();
        adapt(&mut plan);
        let probe = plan.probe.clone();
        Self::of(plan, &probe)
    }

    /// One that makes nothing durable by itself.
    pub(super) fn hesitant() -> Self {
        Self::start(Plan::hesitate)
    }

    /// A command and, behind it in the same turn if they may share one, a new session.
    pub(super) fn call_and_attach(&self, shard: usize, room: &str, command: Command) -> Client {
        let (server, client) = pair();
        let (session, ticket) = (Session::of(room), self.ticket());
        self.on(shard, move |hub| {
            drop(hub.call(&session.room, command, 16));
            attach(hub, server, session, ticket);
        });
        client
    }

    /// A new session and, behind it in the same turn, a command.
    pub(super) fn attach_and_call(&self, shard: usize, room: &str, command: Command) -> Client {
        let (server, client) = pair();
        let (session, ticket) = (Session::of(room), self.ticket());
        self.on(shard, move |hub| {
            let room = session.room.clone();
            attach(hub, server, session, ticket);
            drop(hub.call(&room, command, 16));
        });
        client
    }
}

impl<D: Dialect> World<D> {
    fn stop(&mut self) {
        let (tasks, threads): (Vec<_>, Vec<_>) = self.shards.drain(..).unzip();
        drop(tasks);
        let ended: Vec<_> = threads.into_iter().map(JoinHandle::join).collect();
        if !thread::panicking() {
            ended.into_iter().for_each(|ended| ended.expect("no hub panics"));
        }
    }
}

impl<D: Dialect> Drop for World<D> {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The two ends of a connection.
pub(super) fn pair() -> (TcpStream, Client) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    server.set_nonblocking(true).unwrap();
    server.set_nodelay(true).unwrap();
    // So that little is lost to sight between the server and a peer that does not read.
    SockRef::from(&server).set_send_buffer_size(256 << 10).unwrap();
    SockRef::from(&client).set_recv_buffer_size(256 << 10).unwrap();
    (server, Client::new(client))
}

pub(super) fn attach<D: Dialect>(
    hub: &Rc<Hub<D>>,
    server: TcpStream,
    session: D::Session,
    ticket: OpenConnection,
) {
    let socket = tokio::net::TcpStream::from_std(server).unwrap();
    hub.attach(socket, session, BytesMut::new(), ticket);
}

/// Asks again until it is so.
pub(super) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "waited too long: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}
