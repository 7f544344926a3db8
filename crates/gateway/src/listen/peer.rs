//! Who is at the other end of a loopback connection, where the system tells.

use std::net::SocketAddr;
use std::sync::OnceLock;

use super::sockets;

/// The other end of an accepted connection.
#[derive(Debug)]
pub(crate) struct Peer {
    remote: SocketAddr,
    local: SocketAddr,
    user: OnceLock<User>,
}

/// Whose process it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum User {
    /// Our own user's.
    Same,
    /// Another's.
    Other,
    /// The system does not tell.
    Unknown,
}

impl Peer {
    pub(crate) fn new(remote: SocketAddr, local: SocketAddr) -> Self {
        Self { remote, local, user: OnceLock::new() }
    }

    /// Whether the other end is still there: who has sent its last may yet wait for an answer. `false` where the system
    /// does not tell.
    pub(crate) fn is_open(&self) -> bool {
        sockets::owner(self.remote, self.local).is_some()
    }

    /// Whether the other end is gone for certain. `false` where the system does not tell.
    pub(crate) fn is_gone(&self) -> bool {
        self.user() != User::Unknown && !self.is_open()
    }

    /// Whose process the peer is: asked when it first matters, for a connection has one owner as long as it is open.
    pub(crate) fn user(&self) -> User {
        *self.user.get_or_init(|| {
            // From the peer's side its own address is the local one.
            match (sockets::owner(self.remote, self.local), sockets::own_user()) {
                (Some(peer), Some(own)) if peer == own => User::Same,
                (Some(_), Some(_)) => User::Other,
                _ => User::Unknown,
            }
        })
    }
}
