//! The way to a server for who looks at it a step at a time: the same proxy, trust store, credential and words as
//! steps 5 and 6, without a gateway around them. Diagnosis is made of it, so that it sees what a request would.

use std::sync::Arc;

use http::{HeaderMap, Uri};
use hyper::rt::{Read, Write};
use hyper_rustls::HttpsConnectorBuilder;
use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use tower_service::Service as _;

use crate::config::Remote;
use crate::fault::Fault;
use crate::gateway::StartError;
use crate::send::dial::{self, Connector, Dialer};
use crate::send::tls;
use crate::upstream;

/// The way to one server. Nothing is kept between two connections.
#[derive(Debug)]
pub struct Way {
    dialer: Dialer,
    connector: Connector,
    inserted: HeaderMap,
}

impl Way {
    /// `watch` may put itself between TLS and who judges the certificate.
    ///
    /// # Errors
    /// As [`crate::Gateway::start`] has for what a profile says about its server.
    pub fn new(
        remote: &Remote,
        watch: impl FnOnce(&mut ClientConfig, Arc<dyn ServerCertVerifier>),
    ) -> Result<Self, StartError> {
        let verifier = tls::verifier(remote)?;
        let mut config = tls::client_config(remote, Arc::clone(&verifier))?;
        watch(&mut config, verifier);
        let dialer = Dialer::new(&remote.proxy)?;
        let https = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1();
        let connector = Connector(https.wrap_connector(dialer.clone()));
        Ok(Self { dialer, connector, inserted: upstream::inserted(remote)? })
    }

    /// What a request carries of the profile's, all marked sensitive. For the profile's own origins only.
    #[must_use]
    pub fn inserted(&self) -> &HeaderMap {
        &self.inserted
    }

    /// Where the proxy is that stands on the way, without its credential.
    #[must_use]
    pub fn proxy(&self, to: &Uri) -> Option<Uri> {
        self.dialer.proxy(to).map(|proxy| proxy.uri().clone())
    }

    /// Opens a connection as far as TCP, through the proxy where there is one, and closes it.
    ///
    /// # Errors
    /// What a request would have failed with.
    pub async fn dial(&self, to: &Uri) -> Result<(), Fault> {
        let dialled = self.dialer.clone().call(to.clone()).await;
        dialled.map(drop).map_err(|error| dial::fault(&dial::Error::Dial(error), to))
    }

    /// Opens a connection for one request of HTTP/1.1, with TLS where the address says so.
    ///
    /// # Errors
    /// What a request would have failed with.
    pub async fn connect(&self, to: &Uri) -> Result<impl Read + Write + Send + Unpin + use<>, Fault> {
        self.connector.connect(to).await.map_err(|error| dial::fault(&error, to))
    }
}

/// Why a request on such a connection got no answer.
#[must_use]
pub fn fault(error: hyper::Error, to: &Uri) -> Fault {
    dial::fault(&error.into(), to)
}
