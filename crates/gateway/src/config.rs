//! What a gateway is told: one profile, resolved, with its secrets.
//!
//! The control plane reads files and keychains and hands the result over as a [`Config`]; the gateway
//! itself knows neither, but for one folder to keep the UI's files in. Everything here is already valid, except what
//! only TLS can judge (the CA's certificates) and what would open the door to anybody (an empty local key): those
//! [`crate::Gateway::start`] refuses with a [`crate::StartError`].

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use http::{HeaderName, Uri};
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, InconsistentKeys};
use url::Url;

use crate::Secret;

/// The user name that goes with the local key, in Basic and in the first WebSocket frame.
pub const LOCAL_USER: &str = "postern";

/// One profile, ready to serve.
#[derive(Clone, Debug)]
pub struct Config {
    /// The profile's id: `[a-z0-9-]`, 1 to 32 characters. Also the label in `<id>.localhost`.
    pub profile: String,
    /// What a person calls the profile; shown on fault pages.
    pub name: String,
    /// Loopback port; 0 lets the system choose one.
    pub port: u16,
    /// What local programs prove themselves with; not empty.
    pub local_key: Secret,
    /// Which local programs are let in.
    pub local_programs: LocalPrograms,
    /// Refuses what writes.
    pub read_only: bool,
    /// A folder for the UI's content-hashed files, this profile's alone: the gateway makes it, bounds it, and deletes
    /// in it what it does not know. `None` keeps nothing.
    pub assets: Option<PathBuf>,
    /// The server behind.
    pub remote: Remote,
}

#[cfg(any(test, fuzzing))]
impl Config {
    /// Any, for what is tested without a gateway around it.
    pub(crate) fn of(remote: Remote) -> Self {
        Self {
            profile: "prod".into(),
            name: "Production".into(),
            port: 4201,
            local_key: Secret::new("key"),
            local_programs: LocalPrograms::Key,
            read_only: false,
            assets: None,
            remote,
        }
    }
}

/// Which programs on this machine are let in besides the app's window and the user's browser.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LocalPrograms {
    /// Those that have the local key.
    #[default]
    Key,
    /// Any process of this user, where the system can tell; elsewhere as [`LocalPrograms::Key`].
    Open,
    /// None.
    Off,
}

/// The remote server and how to reach it.
#[derive(Clone, Debug)]
pub struct Remote {
    /// Where the UI is: `http` or `https`, may carry a base path, no userinfo, query or fragment.
    pub url: Url,
    /// Where the API is when it is not at `url` + `/api`.
    pub api_url: Option<Url>,
    /// What the server's edge asks for.
    pub edge: Option<EdgeCredential>,
    /// Prefect's own auth string.
    pub prefect: Option<UserPassword>,
    /// Further headers; every value is a secret.
    pub headers: Vec<(HeaderName, Secret)>,
    /// TLS beyond the system's trust store.
    pub tls: Tls,
    /// How to reach the network.
    pub proxy: Proxy,
}

impl Remote {
    /// A server at `url` that asks for nothing.
    #[must_use]
    pub fn at(url: Url) -> Self {
        Self {
            url,
            api_url: None,
            edge: None,
            prefect: None,
            headers: Vec::new(),
            tls: Tls::default(),
            proxy: Proxy::default(),
        }
    }
}

/// A user name and a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserPassword {
    /// May not contain a colon (RFC 7617, section 2).
    pub username: String,
    /// Any text without control characters; sent as UTF-8.
    pub password: Secret,
}

/// What the edge asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EdgeCredential {
    /// `Authorization: Basic …`
    Basic(UserPassword),
    /// `Authorization: Bearer …`
    Bearer(Secret),
}

impl EdgeCredential {
    /// Whether one header does for both.
    #[must_use]
    pub fn equals(&self, prefect: &UserPassword) -> bool {
        match self {
            Self::Basic(edge) => edge == prefect,
            Self::Bearer(_) => false,
        }
    }
}

/// TLS towards the server.
#[derive(Clone, Debug)]
pub struct Tls {
    /// PEM certificates trusted in addition to the system's.
    pub extra_ca: Option<Vec<u8>>,
    /// Shown to the configured server only.
    pub client: Option<ClientCertificate>,
    /// `false` accepts any certificate: loud and visible wherever the profile is shown.
    pub verify: bool,
}

impl Default for Tls {
    fn default() -> Self {
        Self { extra_ca: None, client: None, verify: true }
    }
}

/// A client certificate and its key, which belong together.
#[derive(Clone)]
pub struct ClientCertificate(pub(crate) Arc<CertifiedKey>);

/// Why a certificate and a key are no [`ClientCertificate`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientCertificateError {
    /// The first certificate is none.
    #[error("the certificate cannot be read")]
    Certificate,
    /// The key is broken, or of a kind that TLS here does not speak.
    #[error("the key is none that is supported: RSA from 2048 bits on, P-256, P-384, or Ed25519")]
    Key,
    /// The key is another certificate's.
    #[error("the key belongs to another certificate")]
    Mismatch,
}

impl ClientCertificate {
    /// `chain`: leaf first. `key`: PKCS#8, PKCS#1 or SEC1.
    ///
    /// # Errors
    /// See [`ClientCertificateError`].
    pub fn new(chain: Vec<CertificateDer<'static>>, key: &PrivateKeyDer<'_>) -> Result<Self, ClientCertificateError> {
        if chain.is_empty() {
            return Err(ClientCertificateError::Certificate);
        }
        let key = any_supported_type(key).map_err(|_| ClientCertificateError::Key)?;
        let certified = CertifiedKey::new(chain, key);
        match certified.keys_match() {
            Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
                Err(ClientCertificateError::Mismatch)
            }
            Err(rustls::Error::InvalidCertificate(CertificateError::BadEncoding)) => {
                Err(ClientCertificateError::Certificate)
            }
            // What rustls would not take from a server (version 1, which `openssl x509 -req` makes), this server may.
            Ok(()) | Err(_) => Ok(Self(Arc::new(certified))),
        }
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCertificate(****)")
    }
}

/// The way out of this machine's network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Proxy {
    /// What the environment and the system say, `NO_PROXY` included.
    #[default]
    System,
    /// Straight.
    None,
    /// `http://…` or `socks5://…`.
    Via(Uri),
}
