//! A profile: one remote server, as a valid value. It holds no secret.
//!
//! [`Written`] is what a person wrote, in a file, a form or on a command line: text. [`Written::check`] is the
//! only way from there to a [`Profile`], so that a profile in hand is a valid one. [`file`] reads and edits
//! profiles.toml.

mod check;
pub mod file;
mod id;
mod remark;
mod slot;
mod written;

use std::path::PathBuf;

pub(crate) use check::{header_refusal, is_near};
pub use id::{InvalidId, ProfileId};
pub use postern_gateway::{LocalPrograms, Proxy};
pub use remark::{Field, Remark};
use serde::{Deserialize, Serialize};
pub use slot::{InvalidSlot, Slot, Unfit};
use url::Url;
pub use written::{Written, WrittenEdge};

/// One remote server.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// The key everywhere.
    pub id: ProfileId,
    /// What a person calls it.
    pub name: String,
    /// Where the UI is.
    pub url: Url,
    /// Where the API is, when not at `url` + `/api`.
    pub api_url: Option<Url>,
    /// Loopback port, assigned once.
    pub port: u16,
    /// On its tray entry, window and badge.
    pub color: Option<Color>,
    /// Refuses what writes.
    pub read_only: bool,
    /// When its gateway starts.
    pub connect: Connect,
    /// Which local programs are let in.
    pub local_programs: LocalPrograms,
    /// What the server's edge asks for.
    pub edge: Option<Edge>,
    /// The user of Prefect's own auth string.
    pub prefect_username: Option<String>,
    /// Names of further headers, lower case, sorted; their values are in the vault.
    pub headers: Vec<http::HeaderName>,
    /// TLS files; relative paths are relative to the configuration folder.
    pub tls: TlsFiles,
    /// The way out.
    pub proxy: Proxy,
}

impl Profile {
    /// The secrets it has places for, in the order a person is asked for them. Without those that are not
    /// [optional](Slot::is_optional) it cannot start.
    ///
    /// The local key is not among them: it is made when it is missing.
    #[must_use]
    pub fn slots(&self) -> Vec<Slot> {
        let edge = self.edge.as_ref().map(|edge| match edge {
            Edge::Basic { .. } => Slot::EdgePassword,
            Edge::Bearer => Slot::EdgeToken,
        });
        let prefect = self.prefect_username.as_ref().map(|_| Slot::PrefectPassword);
        let certificate = self.tls.client_cert.is_some();
        let client_key = (certificate && self.tls.client_key.is_none()).then_some(Slot::ClientKey);
        let passphrase = certificate.then_some(Slot::ClientKeyPassword);
        let headers = self.headers.iter().cloned().map(Slot::Header);
        edge.into_iter().chain(prefect).chain(client_key).chain(passphrase).chain(headers).collect()
    }

    /// `http://127.0.0.1:<port>`
    #[must_use]
    pub fn local_origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where the user's browser reaches it, and its session is good for: `http://<id>.localhost:<port>`.
    #[must_use]
    pub fn browser_origin(&self) -> String {
        postern_gateway::browser_origin(self.id.as_str(), self.port)
    }

    /// `http://127.0.0.1:<port>/api`: what local programs are given as `PREFECT_API_URL`.
    #[must_use]
    pub fn local_api_url(&self) -> String {
        format!("{}/api", self.local_origin())
    }

    /// Whether a profile may have this loopback port.
    #[must_use]
    pub fn may_use_port(port: u16) -> bool {
        check::port(Some(port.into())).is_ok()
    }

    /// What is allowed but should be seen: a plain connection across a public network, an unchecked certificate.
    #[must_use]
    pub fn warnings(&self) -> Vec<Remark> {
        check::warnings(self)
    }
}

/// What the server's edge asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edge {
    /// A user name; the password is in vault slot `edge-password`.
    Basic {
        /// No colon.
        username: String,
    },
    /// The token is in vault slot `edge-token`.
    Bearer,
}

/// When a profile's gateway starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "kebab-case")]
pub enum Connect {
    /// When the app starts.
    #[default]
    Always,
    /// When it is asked for.
    OnDemand,
}

impl Connect {
    /// Every one, in the order shown.
    pub const ALL: [Self; 2] = [Self::Always, Self::OnDemand];

    /// As written in profiles.toml.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::OnDemand => "on-demand",
        }
    }
}

/// The colours a profile can have; chosen to differ also for colour-blind people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "a colour's name says it")]
pub enum Color {
    Red,
    Orange,
    Yellow,
    Green,
    Teal,
    Blue,
    Purple,
    Gray,
}

impl Color {
    /// Every one, in the order shown.
    pub const ALL: [Self; 8] =
        [Self::Red, Self::Orange, Self::Yellow, Self::Green, Self::Teal, Self::Blue, Self::Purple, Self::Gray];

    /// As written in profiles.toml.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Red => "red",
            Self::Orange => "orange",
            Self::Yellow => "yellow",
            Self::Green => "green",
            Self::Teal => "teal",
            Self::Blue => "blue",
            Self::Purple => "purple",
            Self::Gray => "gray",
        }
    }
}

/// Files for TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM, trusted in addition to the system's.
    pub ca: Option<PathBuf>,
    /// PEM, leaf first, perhaps with the key; or PKCS#12, with the key.
    pub client_cert: Option<PathBuf>,
    /// PEM; without it the key is beside the certificate or in vault slot `client-key`.
    pub client_key: Option<PathBuf>,
    /// `false`: any certificate will do.
    pub verify: bool,
}

impl Default for TlsFiles {
    fn default() -> Self {
        Self { ca: None, client_cert: None, client_key: None, verify: true }
    }
}
