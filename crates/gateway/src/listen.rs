//! Step 1: accept on loopback, and nowhere else.
//!
//! 127.0.0.1 always, `[::1]` on the same port where the system has it. Each connection is one task that
//! ends with the gateway. Running out of descriptors delays accepting; it never ends it.

pub(crate) mod conversation;
pub(crate) mod head;
pub(crate) mod incoming;
pub(crate) mod peer;
mod sockets;
pub(crate) mod wire;

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::net::{TcpListener, TcpStream};

use self::peer::Peer;
use self::wire::{Verdict, Wire};
use crate::gateway::{Shared, StartError};
use crate::pipeline;

/// A connection on which nothing happens for so long is ended; at the latest after twice as long.
const IDLE: Duration = Duration::from_secs(60);
/// How long answers under way may take after a stop, before they are cut.
const DRAIN: Duration = Duration::from_millis(500);

/// What requests on one connection share.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) peer: Arc<Peer>,
    /// What is wrong with what came in.
    pub(crate) verdict: Verdict,
}

/// How far a connection is.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    /// One for each request that came, one for each whose answer is through: odd while one is under way.
    count: AtomicUsize,
    /// No request is to follow.
    ending: AtomicBool,
}

impl Steps {
    fn step(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    fn are_between_requests(&self) -> bool {
        self.count.load(Ordering::Relaxed).is_multiple_of(2)
    }

    fn are_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }

    /// Resolves when nothing has happened for a while. Looks now and then, instead of setting a timer for each request.
    async fn idle(&self) {
        let mut before = self.count.load(Ordering::Relaxed);
        loop {
            tokio::time::sleep(IDLE).await;
            let now = self.count.load(Ordering::Relaxed);
            if now == before && self.are_between_requests() {
                return;
            }
            before = now;
        }
    }
}

/// The bound sockets.
#[derive(Debug)]
pub(crate) struct Listeners {
    pub(crate) port: u16,
    v4: TcpListener,
    v6: Option<TcpListener>,
}

/// Binds `port` on both loopback addresses; 0 lets the system choose.
pub(crate) async fn bind(port: u16) -> Result<Listeners, StartError> {
    loop {
        let v4 = listener((Ipv4Addr::LOCALHOST, port).into(), port).await?;
        let bound = v4.local_addr().map_err(|source| StartError::Listen { port, source })?.port();
        match listener((Ipv6Addr::LOCALHOST, bound).into(), bound).await {
            Ok(v6) => return Ok(Listeners { port: bound, v4, v6: Some(v6) }),
            // Free on IPv4 only: a program on [::1] would get what is meant for us. Choose again, or say so.
            Err(StartError::PortTaken { .. }) if port == 0 => {}
            Err(taken @ StartError::PortTaken { .. }) => return Err(taken),
            // No IPv6 on this machine.
            Err(_) => return Ok(Listeners { port: bound, v4, v6: None }),
        }
    }
}

async fn listener(address: SocketAddr, port: u16) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| {
        if source.kind() == io::ErrorKind::AddrInUse {
            StartError::PortTaken { port, program: sockets::program_on(address) }
        } else {
            StartError::Listen { port, source }
        }
    })
}

/// Accepts until the gateway stops; then waits for the connections to end.
pub(crate) async fn run(listeners: Listeners, shared: Arc<Shared>) {
    let v6 = async {
        match &listeners.v6 {
            Some(listener) => accept(listener, &shared).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = shared.stop.cancelled() => {}
        () = accept(&listeners.v4, &shared) => {}
        () = v6 => {}
    }
    drop(listeners);
    shared.connections.close();
    shared.connections.wait().await;
}

async fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => {
                let own = Arc::clone(shared);
                shared.connections.spawn(async move { serve(stream, remote, &own).await });
            }
            // The peer was gone before we looked, or descriptors ran out: neither ends the gateway.
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, remote: SocketAddr, shared: &Arc<Shared>) {
    let Ok(local) = stream.local_addr() else { return };
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
    let peer = Arc::new(Peer::new(remote, local));
    let wire = Wire::new(stream, Some(Arc::clone(&peer)));
    let (state, steps) = (Connection { peer, verdict: wire.verdict() }, Steps::default());
    let talk =
        conversation::hold(wire, &steps, |parts, body, fault| pipeline::answer(parts, body, fault, &state, shared));
    let mut talk = std::pin::pin!(talk);
    // Looked at when it has something to say, and not whenever the talk has.
    let mut end = FuturesUnordered::new();
    end.push(shared.stop.run_until_cancelled(steps.idle()));
    let idle = tokio::select! {
        biased;
        () = talk.as_mut() => return,
        ended = end.next() => ended.flatten(),
    };
    if idle.is_some() {
        return;
    }
    if !steps.are_between_requests() {
        steps.ending.store(true, Ordering::Relaxed);
        drop(tokio::time::timeout(DRAIN, talk).await);
    }
}
