//! `postern` as a person or script runs it: the real program, a real folder, loopback only.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

#[path = "../../../../tests/src/acceptance.rs"]
#[expect(unreachable_pub, reason = "elsewhere it is part of a library")]
mod acceptance;
mod bad_input;
mod import;
mod place;
mod profiles;
mod secrets;
mod serve;
mod server;
