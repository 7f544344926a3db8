//! What goes through a gateway, as the manager shows it.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::Trouble;

/// What went through a profile's gateway since the page asked last.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ActivityView {
    /// The oldest first.
    pub exchanges: Vec<ExchangeView>,
    /// The newest one's number: to be asked with the next time.
    #[ts(type = "number")]
    pub newest: u64,
    /// So many are kept at most.
    #[ts(type = "number")]
    pub kept: usize,
    /// So many came too fast to be recorded.
    #[ts(type = "number")]
    pub missed: u64,
}

/// One request and its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExchangeView {
    /// In the order in which they were over.
    #[ts(type = "number")]
    pub number: u64,
    /// When it began, in milliseconds since 1970.
    #[ts(type = "number")]
    pub at_ms: u64,
    /// Who asked.
    pub door: DoorView,
    /// As received.
    pub method: String,
    /// As received, without its query.
    pub path: String,
    /// As answered; `None` where whoever asked left before there was an answer.
    pub status: Option<u16>,
    /// Until the answer's head, or until they left.
    pub took_ms: f64,
    /// Until the answer's end.
    pub lasted_ms: f64,
    /// Bytes of the request's body.
    #[ts(type = "number")]
    pub received: u64,
    /// Bytes of the answer's body.
    #[ts(type = "number")]
    pub sent: u64,
    /// Why the answer is Postern's own, where it is.
    pub fault: Option<Trouble>,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum DoorView {
    /// A dashboard window of Postern's.
    Window,
    /// The user's browser.
    Browser,
    /// A program of this machine.
    Program,
    /// Nobody who is let in.
    Refused,
}

impl DoorView {
    pub(crate) const ALL: [Self; 4] = [Self::Window, Self::Browser, Self::Program, Self::Refused];
}

/// Who uses a profile's gateway, and what went wrong lately.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct UseView {
    /// How far back requests are counted.
    #[ts(type = "number")]
    pub minutes: usize,
    /// Each door once.
    pub doors: Vec<DoorUse>,
    /// The last first, each kind once.
    pub faults: Vec<LastFault>,
}

/// How one door is used.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct DoorUse {
    /// Which.
    pub door: DoorView,
    /// In the last minutes.
    pub requests: u32,
    /// When the last one began, in milliseconds since 1970.
    #[ts(type = "number | null")]
    pub last_ms: Option<u64>,
    /// Sockets that are open.
    #[ts(type = "number")]
    pub sockets: usize,
}

/// A fault, and the last request that met it.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct LastFault {
    /// What.
    pub trouble: Trouble,
    /// How often, since Postern started.
    pub times: u32,
    /// In milliseconds since 1970.
    #[ts(type = "number")]
    pub at_ms: u64,
    /// Who asked.
    pub door: DoorView,
    /// For what.
    pub method: String,
    /// Without its query.
    pub path: String,
}
