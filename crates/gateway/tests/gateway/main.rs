//! The gateway between raw sockets: what goes in on one side, what the server really receives on the other.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod answers;
mod door;
mod faults;
mod framing;
mod life;
mod requests;
mod secure;
mod sockets;
mod support;
