//! What flows out of a gateway: how the server is, and one record for each request.

use std::time::{Duration, SystemTime};

use crate::Fault;

/// How the server looks from here, as the last exchange showed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The verdict.
    pub health: Health,
    /// Since when it is so.
    pub since: SystemTime,
    /// Prefect's version, once an answer told it.
    pub version: Option<String>,
    /// From a request's first byte sent to its answer's head, last measured.
    pub latency: Option<Duration>,
}

/// Whether the server answers us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// Nothing has been asked yet.
    Unknown,
    /// It answers and lets us in.
    Up,
    /// It does not, and this is why.
    Failing(Fault),
}

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// A window or browser with a session cookie.
    Session,
    /// A program with the local key, or let in without.
    Program,
    /// Nobody: refused at the guard.
    Refused,
}

/// One request and its answer: no body, no header, no query (it may hold a secret).
#[derive(Clone, Debug)]
pub struct Exchange {
    /// When its head arrived.
    pub at: SystemTime,
    /// Who asked.
    pub door: Door,
    /// The method as received.
    pub method: http::Method,
    /// The path as received, without the query.
    pub path: String,
    /// The status answered.
    pub status: http::StatusCode,
    /// From head received to head answered.
    pub took: Duration,
    /// The fault's code where the answer is ours.
    pub fault: Option<&'static str>,
}
