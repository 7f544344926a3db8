//! Who is at the other end of a loopback connection, where the system tells.

use std::net::SocketAddr;

use super::sockets;

/// Both ends of an accepted connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    pub(crate) remote: SocketAddr,
    pub(crate) local: SocketAddr,
}

impl Peer {
    /// Whether the peer is a process of our own user. `false` where the system does not tell.
    pub(crate) fn is_same_user(self) -> bool {
        // From the peer's side its own address is the local one.
        match (sockets::owner(self.remote, self.local), sockets::own_user()) {
            (Some(peer), Some(own)) => peer == own,
            _ => false,
        }
    }
}
