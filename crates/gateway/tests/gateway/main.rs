//! The gateway between raw sockets: what goes in on one side, what the server really receives on the other.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../../../../tests/src/acceptance.rs"]
#[expect(unreachable_pub, reason = "elsewhere it is part of a library")]
mod acceptance;
mod answers;
mod assets;
mod connections;
mod door;
mod faults;
mod framing;
mod life;
mod load;
mod requests;
mod secure;
mod sockets;
mod support;
