//! TLS towards the server.

use std::sync::Arc;

use http_body_util::BodyExt as _;
use postern_gateway::{ClientCertificate, Gateway, Remote};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::acceptance::held;
use crate::support::{ask, body, config, header, key, status};

struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

struct Issued {
    certificate: CertificateDer<'static>,
    key: KeyPair,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    fn issue(&self, name: &str) -> Issued {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &self.issuer).unwrap();
        Issued { certificate: certificate.der().clone(), key }
    }
}

/// A TLS server with a certificate for `name`; tells the protocol it negotiated, and whether the client showed a
/// certificate. Speaks just enough HTTP for one request a connection.
async fn server(authority: &Authority, name: &str, wants_client: bool, alpn: &[&[u8]]) -> u16 {
    let issued = authority.issue(name);
    let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = if wants_client {
        let mut roots = RootCertStore::empty();
        roots.add(authority.issuer.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    let key = PrivateKeyDer::try_from(issued.key.serialize_der()).unwrap();
    let mut config = builder.with_single_cert(vec![issued.certificate], key).unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let (_, session) = stream.get_ref();
                let alpn = session.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned());
                let shown = session.peer_certificates().is_some();
                if alpn.as_deref() == Some("h2") {
                    let service =
                        hyper::service::service_fn(move |request: http::Request<hyper::body::Incoming>| async move {
                            let host = request.uri().host().unwrap_or_default().to_owned();
                            let sent = request.into_body().collect().await.unwrap();
                            let trailers = sent.trailers().map_or(0, http::HeaderMap::len);
                            let body = String::from_utf8(sent.to_bytes().into()).unwrap();
                            let answer = format!("h2 {host} {body:?} {trailers}");
                            Ok::<_, std::convert::Infallible>(http::Response::new(answer))
                        });
                    let connection = hyper::server::conn::http2::Builder::new(hyper_util::rt::TokioExecutor::new())
                        .serve_connection(hyper_util::rt::TokioIo::new(stream), service);
                    connection.await.unwrap_or_default();
                    return;
                }
                let mut seen = Vec::new();
                while crate::support::find(&seen, b"\r\n\r\n").is_none() {
                    if stream.read_buf(&mut seen).await.unwrap_or_default() == 0 {
                        return;
                    }
                }
                let text = format!("{} client:{shown}", alpn.unwrap_or_default());
                let status = if seen.starts_with(b"GET /down ") {
                    format!("302 Found\r\nLocation: http://localhost:{port}/down")
                } else {
                    "200 OK".to_owned()
                };
                let answer =
                    format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{text}", text.len());
                stream.write_all(answer.as_bytes()).await.unwrap_or_default();
                stream.shutdown().await.unwrap_or_default();
            });
        }
    });
    port
}

async fn through(port: u16, set: impl FnOnce(&mut Remote)) -> String {
    asked(port, "GET /api/flows", set).await
}

async fn asked(port: u16, line: &str, set: impl FnOnce(&mut Remote)) -> String {
    let mut config = config(1);
    config.remote.url = format!("https://localhost:{port}").parse().unwrap();
    set(&mut config.remote);
    let gateway = Gateway::start(config).await.unwrap();
    ask(&gateway, line, &key()).await
}

#[tokio::test]
async fn a_server_that_leads_out_of_tls_is_not_followed() {
    let authority = Authority::new();
    let port = server(&authority, "localhost", false, &[]).await;
    let answer =
        asked(port, "GET /down", |remote| remote.tls.extra_ca = Some(authority.issuer.pem().into_bytes())).await;
    assert_eq!((status(&answer), header(&answer, "location")), (302, vec![&*format!("http://localhost:{port}/down")]));
    held("E55");
}

#[tokio::test]
async fn a_private_ca_is_trusted_only_where_the_profile_says_so() {
    let authority = Authority::new();
    let port = server(&authority, "localhost", false, &[b"http/1.1"]).await;

    let untrusted = through(port, |_| {}).await;
    assert_eq!((status(&untrusted), header(&untrusted, "postern-fault")), (502, vec!["certificate_refused"]));
    assert!(body(&untrusted).contains("nobody that this machine trusts has signed it"), "{untrusted}");

    let trusted = through(port, |remote| remote.tls.extra_ca = Some(authority.issuer.pem().into_bytes())).await;
    assert_eq!((status(&trusted), body(&trusted)), (200, "http/1.1 client:false"));

    let unverified = through(port, |remote| remote.tls.verify = false).await;
    assert_eq!(status(&unverified), 200);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_as_such() {
    let authority = Authority::new();
    let port = server(&authority, "other.example", false, &[]).await;
    let answer = through(port, |remote| remote.tls.extra_ca = Some(authority.issuer.pem().into_bytes())).await;
    assert!(body(&answer).contains("it is for another name"), "{answer}");
}

#[tokio::test]
async fn http_2_is_spoken_where_the_server_offers_it() {
    let authority = Authority::new();
    let port = server(&authority, "localhost", false, &[b"h2", b"http/1.1"]).await;
    let answer = through(port, |remote| remote.tls.extra_ca = Some(authority.issuer.pem().into_bytes())).await;
    assert_eq!((status(&answer), body(&answer)), (200, "h2 localhost \"\" 0"));
}

#[tokio::test]
async fn trailers_do_not_arrive_by_http_2_either() {
    let authority = Authority::new();
    let port = server(&authority, "localhost", false, &[b"h2"]).await;
    let mut config = config(1);
    config.remote.url = format!("https://localhost:{port}").parse().unwrap();
    config.remote.tls.extra_ca = Some(authority.issuer.pem().into_bytes());
    let gateway = Gateway::start(config).await.unwrap();
    let chunked = "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nAuthorization: Basic eDp5\r\nX-Sum: 1\r\n";
    let answer = ask(&gateway, "POST /api/flows/filter", &format!("{}{chunked}", key())).await;
    assert_eq!((status(&answer), body(&answer)), (200, "h2 localhost \"hello\" 0"));
}

#[tokio::test]
async fn a_client_certificate_is_shown_where_it_is_wanted() {
    let authority = Authority::new();
    let port = server(&authority, "localhost", true, &[]).await;
    let ca = authority.issuer.pem().into_bytes();
    let without = through(port, |remote| remote.tls.extra_ca = Some(ca.clone())).await;
    assert_eq!(status(&without), 502);
    assert!(body(&without).contains("client certificate"), "{without}");

    let me = authority.issue("me");
    let with = through(port, |remote| {
        remote.tls.extra_ca = Some(ca);
        let key = PrivateKeyDer::try_from(me.key.serialize_der()).unwrap();
        remote.tls.client = Some(ClientCertificate::new(vec![me.certificate], &key).unwrap());
    })
    .await;
    assert_eq!((status(&with), body(&with)), (200, " client:true"));
    held("E56");
}

#[tokio::test]
async fn a_server_without_tls_is_told_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let plain = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_buf(&mut Vec::new()).await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    });
    let answer = through(port, |_| {}).await;
    plain.await.unwrap();
    assert_eq!((status(&answer), header(&answer, "postern-fault")), (502, vec!["tls_failed"]));
    held("G75");
}
