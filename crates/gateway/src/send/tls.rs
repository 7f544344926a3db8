//! TLS towards the server: the system's trust store, the profile's CA and client certificate.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::SingleCertAndKey;
use rustls::{AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};

use crate::config::{Remote, Tls};
use crate::fault::Fault;
use crate::gateway::StartError;

/// Who judges the server's certificate.
pub(crate) fn verifier(remote: &Remote) -> Result<Arc<dyn ServerCertVerifier>, StartError> {
    let provider = Arc::new(ring::default_provider());
    let secure = remote.url.scheme() == "https" || remote.api_url.as_ref().is_some_and(|url| url.scheme() == "https");
    if !(secure && remote.tls.verify) {
        // For plain http never asked.
        return Ok(Arc::new(Unverified(provider)));
    }
    // On macOS and Windows this is the system's own verdict, on Linux the system's CA files.
    let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(extra_roots(&remote.tls)?, provider);
    Ok(Arc::new(verifier.map_err(|error| refused("the trust store", &error))?))
}

/// The configuration for both clients.
pub(crate) fn client_config(
    remote: &Remote,
    verifier: Arc<dyn ServerCertVerifier>,
) -> Result<ClientConfig, StartError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| refused("TLS", &error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    match &remote.tls.client {
        None => Ok(builder.with_no_client_auth()),
        Some(client) => {
            let resolver = SingleCertAndKey::from(Arc::clone(&client.0));
            Ok(builder.with_client_cert_resolver(Arc::new(resolver)))
        }
    }
}

fn extra_roots(tls: &Tls) -> Result<Vec<CertificateDer<'static>>, StartError> {
    const WHAT: &str = "the CA file";
    let Some(pem) = &tls.extra_ca else { return Ok(Vec::new()) };
    let found: Vec<_> =
        CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|error| refused(WHAT, &error))?;
    if found.is_empty() {
        return Err(refused(WHAT, &"no PEM certificate in it"));
    }
    Ok(found)
}

fn refused(what: &'static str, reason: &dyn std::fmt::Display) -> StartError {
    StartError::Certificate { what, reason: reason.to_string() }
}

/// Takes any certificate: for profiles that say `verify = false`, loudly. Signatures are still checked, so the
/// peer does hold the key it shows.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// What a TLS error means to a person.
pub(super) fn fault(error: &rustls::Error, host: &str) -> Fault {
    let refused = |reason: String| Fault::CertificateRefused { host: host.to_owned(), reason };
    let failed = |reason: &str| Fault::TlsFailed { host: host.to_owned(), reason: reason.to_owned() };
    #[expect(clippy::wildcard_enum_match_arm, reason = "both enums grow; the rest is said in rustls's words")]
    match error {
        rustls::Error::InvalidCertificate(why) => refused(match why {
            CertificateError::UnknownIssuer => "nobody that this machine trusts has signed it".into(),
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired".into(),
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "it is not valid yet; check this machine's clock".into()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "it is for another name".into()
            }
            CertificateError::Revoked => "it has been revoked".into(),
            other => other.to_string(),
        }),
        rustls::Error::InvalidMessage(_) => failed("what answers there does not speak TLS"),
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
            failed("it wants a client certificate, and Postern has none")
        }
        other => failed(&other.to_string()),
    }
}
