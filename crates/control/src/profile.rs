//! A profile: one remote server, as a valid value. It holds no secret.

use std::fmt;
use std::path::PathBuf;

pub use postern_gateway::{LocalPrograms, Proxy};
use serde::{Deserialize, Serialize};
use url::Url;

/// `[a-z0-9-]`, 1 to 32 characters, no hyphen at either end: the key everywhere, and a DNS label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ProfileId(String);

impl fmt::Display for ProfileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

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
    /// Names of further headers, lower case; their values are in the vault.
    pub headers: Vec<http::HeaderName>,
    /// TLS files; relative paths are relative to the configuration folder.
    pub tls: TlsFiles,
    /// The way out.
    pub proxy: Proxy,
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

/// Files for TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM, trusted in addition to the system's.
    pub ca: Option<PathBuf>,
    /// PEM, leaf first.
    pub client_cert: Option<PathBuf>,
    /// PEM; without it the key is in vault slot `client-key`.
    pub client_key: Option<PathBuf>,
    /// `false`: any certificate will do.
    pub verify: bool,
}

/// A place for one secret in the vault.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Slot {
    /// `edge-password`
    EdgePassword,
    /// `edge-token`
    EdgeToken,
    /// `prefect-password`
    PrefectPassword,
    /// `client-key`
    ClientKey,
    /// `local-key`
    LocalKey,
    /// `header-<name in lower case>`
    Header(http::HeaderName),
}
