//! TLS: what the server shows, and what speaks against it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::StatusCode;
use postern_gateway::probe::Way;
use postern_gateway::{Fault, Remote};
use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::time::timeout;
use url::Url;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;
use x509_parser::x509::X509Name;

use super::finding::{Finding, Problem};
use super::recorded::quoted;
use super::wire::Ask;
use super::{ANSWER, Case, Outcome, uri};

/// Before a certificate ends, its successor should be there: that many days, or a third of its life where it is short.
const SOON: u64 = 14;

/// What was seen of TLS, whether the handshake came to its end or not.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<Handshake>);

#[derive(Clone, Debug, Default)]
struct Handshake {
    /// Leaf first.
    chain: Vec<CertificateDer<'static>>,
    refused: Option<CertificateError>,
    version: &'static str,
    /// For a certificate of ours.
    asked: bool,
}

impl Seen {
    /// Puts itself between TLS and who decides.
    pub(super) fn watch(seen: &Arc<Self>, config: &mut ClientConfig, verifier: Arc<dyn ServerCertVerifier>) {
        let client = Arc::clone(&config.client_auth_cert_resolver);
        config.client_auth_cert_resolver = Arc::new(Watching { seen: Arc::clone(seen), decides: client });
        config.dangerous().set_certificate_verifier(Arc::new(Watching { seen: Arc::clone(seen), decides: verifier }));
    }

    /// Whether the server asked for a client certificate.
    pub(super) fn asked(&self) -> bool {
        self.lock().asked
    }

    fn lock(&self) -> MutexGuard<'_, Handshake> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// In how many days the server's certificate ends, where that is soon and the server shows it. Makes a connection for
/// that, and sends nothing.
pub(crate) async fn certificate_ends_soon(remote: &Remote) -> Option<u64> {
    let seen = Arc::new(Seen::default());
    let way = Way::new(remote, |config, verifier| Seen::watch(&seen, config, verifier)).ok()?;
    timeout(ANSWER, way.connect(&uri(&remote.url))).await.ok()?.ok()?;
    let leaf = seen.lock().chain.first().cloned()?;
    let (_, leaf) = parse_x509_certificate(&leaf).ok()?;
    Leaf::of(&leaf).ends_soon(SystemTime::now())
}

#[derive(Debug)]
struct Watching<T: ?Sized> {
    seen: Arc<Seen>,
    decides: Arc<T>,
}

impl ServerCertVerifier for Watching<dyn ServerCertVerifier> {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = self.decides.verify_server_cert(leaf, rest, name, ocsp, now);
        let mut seen = self.seen.lock();
        seen.chain = std::iter::once(leaf).chain(rest).map(|one| one.clone().into_owned()).collect();
        seen.refused = match &verdict {
            Err(Error::InvalidCertificate(why)) => Some(why.clone()),
            Ok(_) | Err(_) => None,
        };
        verdict
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.seen.lock().version = "TLS 1.2";
        self.decides.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.seen.lock().version = "TLS 1.3";
        self.decides.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.decides.supported_verify_schemes()
    }
}

impl ResolvesClientCert for Watching<dyn ResolvesClientCert> {
    fn resolve(&self, issuers: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.seen.lock().asked = true;
        self.decides.resolve(issuers, schemes)
    }

    fn has_certs(&self) -> bool {
        self.decides.has_certs()
    }
}

pub(super) async fn check(case: &Case<'_>) -> Outcome {
    let verify = case.subject.remote.tls.verify;
    let mut evidence = Vec::new();
    let mut warning = None;
    for place in case.places() {
        if place.scheme() != "https" {
            evidence.push(format!("{} is asked without TLS", host(place)));
            continue;
        }
        *case.wire.seen.lock() = Handshake::default();
        let connected = timeout(case.patience(), case.wire.way.connect(&uri(place))).await;
        let silent = || Fault::TlsFailed { host: host(place).to_owned(), reason: "it does not answer".to_owned() };
        let fault =
            connected.map_or_else(|_| Some(silent()), |connected| connected.err().map(|fault| clearer(fault, silent)));
        let seen = case.wire.seen.lock().clone();
        let (said, finding) = judge(place, &seen, fault, SystemTime::now());
        evidence.push(said);
        match finding {
            Some(Finding::Fault(Fault::TlsFailed { .. })) if speaks_plainly(case, place).await => {
                return Outcome::Failed(evidence.join("; "), Finding::TlsNotSpoken);
            }
            Some(finding) if !finding.is_warning() => return Outcome::Failed(evidence.join("; "), finding),
            other => warning = warning.or(other),
        }
        if !verify {
            evidence.push("not checked, as the profile says".to_owned());
            warning = warning.or(Some(Finding::Unverified));
        }
    }
    let evidence = evidence.join("; ");
    match warning {
        Some(warning) => Outcome::Warned(evidence, warning),
        None => Outcome::Passed(evidence),
    }
}

/// Who takes a connection and does not finish the handshake is no silent TCP.
fn clearer(fault: Fault, silent: impl FnOnce() -> Fault) -> Fault {
    if matches!(fault, Fault::ConnectTimeout { .. }) { silent() } else { fault }
}

fn host(place: &Url) -> &str {
    place.host_str().unwrap_or_default()
}

/// Whether http is what is spoken there. nginx takes plain requests on its secure port to refuse them with 400.
async fn speaks_plainly(case: &Case<'_>, place: &Url) -> bool {
    let (mut plain, port) = (place.clone(), place.port_or_known_default());
    if plain.set_scheme("http").is_err() || plain.set_port(port).is_err() {
        return false;
    }
    let asked = case.wire.ask(Ask::get(&plain).anonymous(), case.patience()).await;
    asked.is_ok_and(|answer| answer.status != StatusCode::BAD_REQUEST)
}

/// What was seen, and what there is to say about it.
fn judge(place: &Url, seen: &Handshake, fault: Option<Fault>, now: SystemTime) -> (String, Option<Finding>) {
    let host = host(place);
    let leaf = seen.chain.first().and_then(|der| parse_x509_certificate(der).ok()).map(|(_, leaf)| Leaf::of(&leaf));
    let Some(leaf) = leaf else { return (String::new(), fault.map(Finding::Fault)) };
    let evidence = format!(
        "{host} shows {} of {}, signed by {}, good until {}{}{}",
        if seen.chain.len() == 1 { "a certificate".to_owned() } else { format!("{} certificates", seen.chain.len()) },
        leaf.names(),
        if leaf.self_signed { "itself" } else { &leaf.issuer },
        leaf.last_day,
        if seen.version.is_empty() { String::new() } else { format!(", over {}", seen.version) },
        if seen.asked { ", and asks for a client certificate" } else { "" },
    );
    let finding = match (&seen.refused, fault) {
        (Some(why), Some(fault)) => Some(Finding::Certificate { fault, problem: leaf.problem(why) }),
        (_, Some(fault)) => Some(Finding::Fault(fault)),
        (_, None) => leaf.ends_soon(now).map(|days| Finding::CertificateEnds { days }),
    };
    (evidence, finding)
}

/// What a person wants to know of a certificate.
struct Leaf {
    names: Vec<String>,
    issuer: String,
    self_signed: bool,
    last_day: String,
    from: SystemTime,
    until: SystemTime,
}

impl Leaf {
    fn of(certificate: &X509Certificate<'_>) -> Self {
        let listed = certificate.subject_alternative_name().ok().flatten();
        let mut names: Vec<String> =
            listed.iter().flat_map(|listed| &listed.value.general_names).filter_map(server_name).collect();
        if names.is_empty() {
            names.push(common_name(certificate.subject()));
        }
        let validity = certificate.validity();
        let at = |seconds: i64| UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        Self {
            names,
            issuer: common_name(certificate.issuer()),
            self_signed: certificate.issuer() == certificate.subject(),
            last_day: validity.not_after.to_datetime().date().to_string(),
            from: at(validity.not_before.timestamp()),
            until: at(validity.not_after.timestamp()),
        }
    }

    fn names(&self) -> String {
        const SHOWN: usize = 3;
        let more = self.names.len().saturating_sub(SHOWN);
        let shown = self.names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
        if more == 0 { shown } else { format!("{shown} and {more} more names") }
    }

    fn problem(&self, why: &CertificateError) -> Problem {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is in the fault's words")]
        match why {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Problem::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Problem::NotYet,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Problem::OtherName(self.names())
            }
            _ if self.self_signed => Problem::SelfSigned,
            CertificateError::UnknownIssuer => Problem::Unknown(self.issuer.clone()),
            _ => Problem::Other,
        }
    }

    /// In how many days, where that is soon.
    fn ends_soon(&self, now: SystemTime) -> Option<u64> {
        const DAY: u64 = 24 * 60 * 60;
        let left = self.until.duration_since(now).ok()?;
        let life = self.until.duration_since(self.from).ok()?;
        (left < Duration::from_secs(SOON * DAY) && left < life / 3).then_some(left.as_secs() / DAY)
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the other kinds name no server")]
fn server_name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(quoted(name)),
        GeneralName::IPAddress(bytes) => address(bytes),
        _ => None,
    }
}

/// The common name; else the organisation; else all of it.
fn common_name(name: &X509Name<'_>) -> String {
    let first = name.iter_common_name().chain(name.iter_organization()).find_map(|part| part.as_str().ok());
    quoted(&first.map_or_else(|| name.to_string(), str::to_owned))
}

fn address(bytes: &[u8]) -> Option<String> {
    let four = <[u8; 4]>::try_from(bytes).map(|bytes| std::net::IpAddr::from(bytes).to_string());
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(|bytes| std::net::IpAddr::from(bytes).to_string())).ok()
}
