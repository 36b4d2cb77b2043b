//! One shard: one thread, one single-threaded event loop, a listener of its own.

use std::{net, rc::Rc, sync::Arc, thread, time::Duration};

use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{LocalSet, spawn_local},
    time::Instant,
};

use crate::{
    http::{self, Shared},
    registry::Seeds,
};

/// How long accepting rests when the process has no file descriptor left.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// Bytes that the kernel may hold unsent for a connection: what waits longer waits here, shared.
const UNSENT_BYTES: u32 = 256 << 10;

/// Starts a shard's thread. It serves until `stop` says so, then drains and ends.
pub(crate) fn start(
    number: usize,
    listener: net::TcpListener,
    seeds: Seeds,
    shared: Arc<Shared>,
    stop: watch::Receiver<bool>,
) -> std::io::Result<thread::JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name(format!("syncline-{number}")).spawn(move || {
        let local = LocalSet::new();
        local.block_on(&runtime, run(number, listener, seeds, shared, stop));
    })
}

async fn run(
    number: usize,
    listener: net::TcpListener,
    seeds: Seeds,
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "a shard cannot listen"),
    };
    let door = Rc::new(http::Door::new(seeds.grow(), shared.clone(), stop.clone()));
    if number == 0 {
        door.begin_sweeps();
    }
    tokio::select! {
        () = accept(&listener, &door) => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
    drop(listener);
    let time = shared.config.limits.drain_timeout;
    let deadline = Instant::now() + time;
    // Requests are answered meanwhile, the probes among them.
    door.hubs.drain(time).await;
    door.close(deadline).await;
}

async fn accept(listener: &TcpListener, door: &Rc<http::Door>) {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => admit(socket, door),
            Err(error) => {
                // Out of descriptors, or a connection that was gone before it was taken.
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_REST).await;
            }
        }
    }
}

fn admit(socket: TcpStream, door: &Rc<http::Door>) {
    let shared = &door.shared;
    let Some(open) = shared.health.open(shared.config.limits.connections_max) else {
        // Best effort: a socket that does not take a line at once is dropped without it.
        let _ = socket.try_write(http::FULL);
        return;
    };
    // Without these the connection works, only slower and with more memory of the kernel.
    let _ = socket.set_nodelay(true);
    let _ = SockRef::from(&socket).set_tcp_notsent_lowat(UNSENT_BYTES);
    spawn_local(http::serve(socket, door.clone(), open));
}
