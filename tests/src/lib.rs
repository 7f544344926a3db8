//! Harness for tests against real parts: Prefect, nginx, Chromium and Postern's own programs.
//!
//! Rules: everything started here ends with us ([`process`]); every file lies in a [`scratch`] folder;
//! every port is the system's choice; nothing sleeps, [`wait`] polls for the thing itself. No function
//! panics: the same code starts the parts of `cargo xtask demo`.

pub mod acceptance;
pub mod browser;
pub mod caddy;
pub mod canary;
pub mod desktop;
pub mod haproxy;
pub mod nginx;
pub mod postern;
pub mod prefect;
pub mod process;
pub mod proxy;
pub mod python;
pub mod scratch;
pub mod secured;
pub mod wait;
