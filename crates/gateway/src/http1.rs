//! HTTP/1.1 as it is spoken on both sides: with visitors (`listen/wire.rs`) and with servers (`send/line.rs`). No task
//! drives a connection, but whoever waits for something from it: so a request and its answer go from socket to socket
//! on one thread, in one go.

pub(crate) mod chunks;
pub(crate) mod field;
pub(crate) mod input;
pub(crate) mod output;
pub(crate) mod transport;
