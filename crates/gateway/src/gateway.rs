//! The running gateway of one profile: starts, tells, stops.

use tokio::sync::{broadcast, watch};

use crate::{Config, Exchange, Status};

/// Why a gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another program listens on the profile's port.
    #[error("port {port} is taken{}", program.as_ref().map(|name| format!(" by {name}")).unwrap_or_default())]
    PortTaken {
        /// The port.
        port: u16,
        /// Who has it, as `name (pid 123)`, where the system tells.
        program: Option<String>,
    },
    /// The system refused to listen for another reason.
    #[error("cannot listen on port {port}: {source}")]
    Listen {
        /// The port.
        port: u16,
        /// The system's words.
        source: std::io::Error,
    },
    /// A CA, client certificate or key cannot be used.
    #[error("{what} cannot be used: {reason}")]
    Certificate {
        /// Which of them.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// A secret cannot be sent in a header.
    #[error("the secret for {what} cannot be sent in a header: {reason}")]
    Credential {
        /// `edge-password`, `header-…`.
        what: String,
        /// Why, without the value.
        reason: &'static str,
    },
}

/// The handle of a running gateway. Dropping it stops the gateway at once.
#[derive(Debug)]
pub struct Gateway {
    _private: (),
}

impl Gateway {
    /// Binds the loopback port and serves until [`Gateway::stop`]. Needs a tokio runtime.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(_config: Config) -> Result<Self, StartError> {
        todo!()
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        todo!()
    }

    /// Where programs reach it: `http://127.0.0.1:<port>`, no slash at the end.
    #[must_use]
    pub fn origin(&self) -> String {
        todo!()
    }

    /// A one-time address that lets a browser or window in: `http://<profile>.localhost:<port>/.postern/enter?pass=…`
    /// (`127.0.0.1` where the platform's web view does not know such names). Good once, for 30 s.
    ///
    /// `to` is the local path it leads to; anything else leads to `/`.
    #[must_use]
    pub fn enter_url(&self, _to: &str) -> crate::Secret {
        todo!()
    }

    /// Asks the server `GET /api/admin/version` with the profile's credential, past the door (it needs no key):
    /// the outcome shows in [`Gateway::status`]. Returns when the answer is in.
    pub async fn probe(&self) {
        todo!()
    }

    /// How the server looks, as it changes.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        todo!()
    }

    /// One record for each request from now on. Slow readers lose records, never requests.
    #[must_use]
    pub fn exchanges(&self) -> broadcast::Receiver<Exchange> {
        todo!()
    }

    /// Closes the listener at once, lets answers under way finish for a moment, cuts tunnels; done within 1 s.
    pub async fn stop(self) {
        todo!()
    }
}
