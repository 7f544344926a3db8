//! `postern` as a person or script runs it: the real program, a real folder, loopback only.

mod bad_input;
mod place;
mod profiles;
mod secrets;
mod serve;
mod server;
