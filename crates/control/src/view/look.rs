//! A look at a server, as the manager shows it.

use serde::Serialize;
use ts_rs::TS;
use url::Url;

use super::{FieldError, Trouble};
use crate::diagnosis::{Check, Layer, Place, Report, State};
use crate::look::{Ask, End, Look, suggest};
use crate::profile::{Color, Profile};

/// A look: how far it is, and what it came to.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct LookView {
    /// The page's own, where it is at a form.
    #[ts(type = "number")]
    pub number: u64,
    /// Those that have ended, in their order.
    pub checks: Vec<CheckView>,
    /// Why nobody was asked, by field.
    pub errors: Vec<FieldError>,
    /// What was found; `None` as long as it is under way, and where nobody was asked.
    pub found: Option<FoundView>,
}

/// One layer, looked at.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct CheckView {
    /// What was looked at, in a word or two.
    pub label: String,
    /// How it ended.
    pub state: State,
    /// What was seen.
    pub evidence: String,
    /// Where it warned or failed.
    pub trouble: Option<Trouble>,
}

/// What a look came to.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct FoundView {
    /// Whether everything works; there may be warnings.
    pub ok: bool,
    /// In one sentence, and what to do.
    pub verdict: Trouble,
    /// What would help, of what a form can give.
    pub asks: Vec<Ask>,
    /// The address that was looked at, as it is saved.
    pub url: String,
    /// Where the server was found instead, where it was.
    pub found_at: Option<Place>,
    /// Prefect's version, when known.
    pub version: Option<String>,
    /// Milliseconds, when known.
    pub latency_ms: Option<u32>,
    /// What a new server there may be called.
    pub name: String,
    /// Its colour.
    pub color: Color,
}

impl LookView {
    pub(super) fn new(look: &Look, profiles: &[&Profile]) -> Self {
        let (errors, found) = match &look.end {
            None => (Vec::new(), None),
            Some(End::Unfit(errors)) => (errors.errors.clone(), None),
            Some(End::Seen { url, report }) => (Vec::new(), Some(found(url, report, profiles))),
        };
        Self { number: look.number, checks: look.checks.iter().map(check).collect(), errors, found }
    }
}

fn found(url: &Url, report: &Report, profiles: &[&Profile]) -> FoundView {
    let (name, color) = suggest(url, profiles);
    FoundView {
        ok: report.ok,
        verdict: Trouble::new(&report.code, &report.sentence, &report.remedy),
        asks: Ask::of(report).to_vec(),
        url: url.as_str().trim_end_matches('/').to_owned(),
        found_at: report.found_at.clone(),
        version: report.server.version.clone(),
        latency_ms: report.latency.map(|latency| latency.as_millis().try_into().unwrap_or(u32::MAX)),
        name,
        color,
    }
}

fn check(check: &Check) -> CheckView {
    let Check { layer, state, evidence, trouble, .. } = check;
    CheckView { label: label(*layer).to_owned(), state: *state, evidence: evidence.clone(), trouble: trouble.clone() }
}

/// A layer, for people.
fn label(layer: Layer) -> &'static str {
    match layer {
        Layer::Url => "Address",
        Layer::Name => "Name",
        Layer::Tcp => "Connection",
        Layer::Proxy => "Proxy",
        Layer::Tls => "Certificate",
        Layer::Edge => "Edge",
        Layer::Prefect => "Prefect",
        Layer::Auth => "Auth string",
        Layer::Csrf => "Changes",
        Layer::Websocket => "WebSockets",
        Layer::Clock => "Clock",
        Layer::Version => "Version",
        Layer::None => "All",
    }
}
