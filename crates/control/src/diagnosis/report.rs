//! What a diagnosis comes to: the object of `postern doctor --json`.

use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};
use ts_rs::TS;

use crate::view::Trouble;

/// A layer between here and Prefect's answer, in the order they are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// The address, and what else the profile says.
    Url,
    /// Name resolution.
    Name,
    /// TCP.
    Tcp,
    /// The proxy on the way out.
    Proxy,
    /// TLS.
    Tls,
    /// What guards the server.
    Edge,
    /// The server itself, and where its parts are.
    Prefect,
    /// Prefect's auth string.
    Auth,
    /// Requests that are more than a look: Prefect's tokens against cross-site request forgery.
    Csrf,
    /// WebSockets.
    Websocket,
    /// This machine's clock and the server's.
    Clock,
    /// What is known of that version.
    Version,
    /// No layer: all is well.
    None,
}

impl Layer {
    /// Every one that has a check.
    pub const CHECKED: [Self; 12] = [
        Self::Url,
        Self::Name,
        Self::Tcp,
        Self::Proxy,
        Self::Tls,
        Self::Edge,
        Self::Prefect,
        Self::Auth,
        Self::Csrf,
        Self::Websocket,
        Self::Clock,
        Self::Version,
    ];

    /// Whether there is nothing to see here when that one fails. The last few stand side by side.
    pub(super) fn stands_on(self, failed: Self) -> bool {
        failed <= Self::Auth && self > failed
    }

    /// As in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Url => "url",
            Self::Name => "name",
            Self::Tcp => "tcp",
            Self::Proxy => "proxy",
            Self::Tls => "tls",
            Self::Edge => "edge",
            Self::Prefect => "prefect",
            Self::Auth => "auth",
            Self::Csrf => "csrf",
            Self::Websocket => "websocket",
            Self::Clock => "clock",
            Self::Version => "version",
            Self::None => "none",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<postern_gateway::Layer> for Layer {
    fn from(layer: postern_gateway::Layer) -> Self {
        use postern_gateway::Layer as L;
        match layer {
            // This side; no answer of a server's.
            L::Door | L::Policy => Self::Url,
            L::Name => Self::Name,
            L::Tcp => Self::Tcp,
            L::Proxy => Self::Proxy,
            L::Tls => Self::Tls,
            L::Edge => Self::Edge,
            L::Prefect => Self::Prefect,
            L::Auth => Self::Auth,
            L::WebSocket => Self::Websocket,
        }
    }
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "lowercase")]
#[ts(rename = "CheckState")]
pub enum State {
    /// Nothing to say against it.
    Passed,
    /// It works, and something should be seen.
    Warned,
    /// This is why it does not work.
    Failed,
    /// Not looked at; the evidence says why.
    Skipped,
}

impl State {
    /// As in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Warned => "warned",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// One layer, looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct Check {
    /// Which.
    pub layer: Layer,
    /// How it ended.
    pub state: State,
    /// How long it took; in JSON whole milliseconds.
    #[serde(rename = "ms", serialize_with = "milliseconds")]
    #[ts(type = "number")]
    pub took: Duration,
    /// What was seen.
    pub evidence: String,
    /// Where it warned or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub trouble: Option<Trouble>,
}

fn milliseconds<S: Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(took.as_millis()).unwrap_or(u64::MAX))
}

/// What was found out about the server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, TS)]
pub struct Server {
    /// Prefect's version, such as `3.8.8`.
    pub version: Option<String>,
    /// The user interfaces it has: `v1`, `v2`.
    pub ui: Vec<String>,
    /// Where its API is.
    pub api_url: Option<String>,
    /// The product in front of it.
    pub edge: Option<String>,
}

/// Where a server is, as a profile says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct Place {
    /// Where its UI is.
    pub url: String,
    /// Where its API is, where that is not `url` + `/api`.
    pub api_url: Option<String>,
}

/// All that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct Report {
    /// Whether everything works; there may be warnings.
    pub ok: bool,
    /// The guilty layer.
    pub layer: Layer,
    /// Stable, for programs: `edge_credential_wrong`; `ok` when all is well.
    pub code: String,
    /// What is wrong and where, in one sentence.
    pub sentence: String,
    /// What to do about it; empty when there is nothing to do.
    pub remedy: String,
    /// Where the server was found, where that is not where it was looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub found_at: Option<Place>,
    /// Whether it is the certificate of a CA that is missing.
    #[serde(skip)]
    #[ts(skip)]
    pub wants_ca: bool,
    /// What was found out.
    pub server: Server,
    /// Every check, in the order they ran.
    pub checks: Vec<Check>,
    /// How long the server took for the plainest of questions, connection included.
    #[serde(skip)]
    #[ts(skip)]
    pub latency: Option<Duration>,
}

/// The verdict where nothing failed.
pub(super) fn well(server: &Server, latency: Option<Duration>, checks: &[Check]) -> Trouble {
    let version = server.version.as_deref().unwrap_or_default();
    let edge = server.edge.as_ref().map(|edge| format!(" behind {edge}")).unwrap_or_default();
    let took = latency.map(|took| format!(" in {} ms", took.as_millis())).unwrap_or_default();
    let warned: Vec<&Check> = checks.iter().filter(|check| check.state == State::Warned).collect();
    let rest = match warned.len() {
        0 => String::new(),
        1 => "; one thing should be seen to".to_owned(),
        n => format!("; {n} things should be seen to"),
    };
    let remedies: Vec<&str> = warned.iter().filter_map(|check| Some(check.trouble.as_ref()?.remedy.as_str())).collect();
    Trouble::new("ok", format!("All is well: Prefect {version}{edge} answers{took}{rest}."), remedies.join("\n"))
}

/// Where not even the profile can be used.
pub(super) fn unusable(trouble: Trouble, mut tell: impl FnMut(&Check)) -> Report {
    let checks: Vec<Check> = Layer::CHECKED
        .into_iter()
        .map(|layer| {
            let first = layer == Layer::Url;
            let evidence = if first { String::new() } else { "not looked at, because “url” failed".to_owned() };
            let state = if first { State::Failed } else { State::Skipped };
            Check { layer, state, took: Duration::ZERO, evidence, trouble: first.then(|| trouble.clone()) }
        })
        .collect();
    checks.iter().for_each(&mut tell);
    let Trouble { code, sentence, remedy } = trouble;
    let (layer, server) = (Layer::Url, Server::default());
    Report { ok: false, layer, code, sentence, remedy, found_at: None, wants_ca: false, server, checks, latency: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_the_object_that_programs_read() {
        let check = |layer, state, trouble| Check {
            layer,
            state,
            took: Duration::from_micros(3400),
            evidence: "seen".to_owned(),
            trouble,
        };
        let trouble = Trouble::new("edge_credential_wrong", "The edge refuses.", "Enter it again.");
        let report = Report {
            ok: false,
            layer: Layer::Edge,
            code: trouble.code.clone(),
            sentence: trouble.sentence.clone(),
            remedy: trouble.remedy.clone(),
            found_at: None,
            wants_ca: false,
            server: Server { edge: Some("nginx".to_owned()), ..Server::default() },
            checks: vec![check(Layer::Name, State::Passed, None), check(Layer::Edge, State::Failed, Some(trouble))],
            latency: None,
        };
        insta::assert_snapshot!(serde_json::to_string_pretty(&report).unwrap(), @r#"
        {
          "ok": false,
          "layer": "edge",
          "code": "edge_credential_wrong",
          "sentence": "The edge refuses.",
          "remedy": "Enter it again.",
          "server": {
            "version": null,
            "ui": [],
            "api_url": null,
            "edge": "nginx"
          },
          "checks": [
            {
              "layer": "name",
              "state": "passed",
              "ms": 3,
              "evidence": "seen"
            },
            {
              "layer": "edge",
              "state": "failed",
              "ms": 3,
              "evidence": "seen",
              "trouble": {
                "code": "edge_credential_wrong",
                "sentence": "The edge refuses.",
                "remedy": "Enter it again."
              }
            }
          ]
        }
        "#);
    }

    #[test]
    fn what_stands_on_a_failed_layer_is_not_looked_at() {
        let skipped = |failed: Layer| Layer::CHECKED.into_iter().filter(|layer| layer.stands_on(failed)).count();
        assert_eq!(Layer::CHECKED.map(skipped), [11, 10, 9, 8, 7, 6, 5, 4, 0, 0, 0, 0]);
    }
}
