//! A client certificate and its key, out of the forms in which people are given them.
//!
//! - PEM: certificates, leaf first, and perhaps the key: PKCS#8 (encrypted or not), PKCS#1 or SEC1.
//! - PKCS#12 (`.p12`, `.pfx`), as OpenSSL 3 writes it and as Windows and earlier ones do.
//!
//! What it is, the content tells, not the name. Refused is the encryption that OpenSSL had for PEM before PKCS#8 (one
//! round of MD5): nobody writes it any more, and one command makes it new.

use p12_keystore::{KeyStore, Pkcs12ImportPolicy};
use pkcs8::{EncryptedPrivateKeyInfoRef, SecretDocument};
use postern_gateway::Secret;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

/// A key, wiped when it is dropped.
pub(super) type Key = Zeroizing<PrivateKeyDer<'static>>;

/// Why a file or slot is no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is protected, and there is no passphrase.
    #[error("it is protected by a passphrase")]
    Locked,
    /// The passphrase does not open it.
    #[error("the passphrase in client-key-password is wrong")]
    WrongPassphrase,
    /// Protected in OpenSSL's old way.
    #[error("its key is protected in the way that OpenSSL had before PKCS#8")]
    OldEncryption,
    /// Protected by something else that is not supported.
    #[error("its key is protected in a way that is not supported")]
    UnsupportedEncryption,
    /// The same, for all of a PKCS#12 file.
    #[error("it is protected in a way that is not supported")]
    UnsupportedArchive,
    /// None of the forms.
    #[error("it is neither PEM nor PKCS#12, or is damaged")]
    UnknownForm,
    /// PEM, and broken.
    #[error("its PEM is damaged")]
    Damaged,
    /// PEM without a certificate.
    #[error("there is no certificate in it")]
    NoCertificate,
    /// PEM without a key, where it should be.
    #[error("there is no private key in it")]
    NoKey,
    /// PKCS#12 without a certificate and its key.
    #[error("there is no certificate with its private key in it")]
    NoPair,
    /// Certificate and key do not fit.
    #[error("{0}")]
    Unfit(#[from] postern_gateway::ClientCertificateError),
}

/// The certificates in a file, leaf first.
pub(super) fn chain(content: &[u8], passphrase: Option<&Secret>) -> Result<Vec<CertificateDer<'static>>, Problem> {
    if !is_pem(content) {
        return Ok(pkcs12(content, passphrase)?.0);
    }
    let chain: Vec<_> =
        CertificateDer::pem_slice_iter(content).collect::<Result<_, _>>().map_err(|_| Problem::Damaged)?;
    if chain.is_empty() { Err(Problem::NoCertificate) } else { Ok(chain) }
}

/// The key in a file or slot. `None` for PEM that has certificates only.
pub(super) fn key(content: &[u8], passphrase: Option<&Secret>) -> Result<Option<Key>, Problem> {
    if !is_pem(content) {
        return Ok(Some(pkcs12(content, passphrase)?.1));
    }
    let Some((label, section)) = key_section(content) else { return Ok(None) };
    let text = std::str::from_utf8(section).map_err(|_| Problem::Damaged)?;
    if label.starts_with(b"ENCRYPTED ") {
        let passphrase = passphrase.ok_or(Problem::Locked)?;
        let (_, document) = SecretDocument::from_pem(text).map_err(|_| Problem::Damaged)?;
        return decrypted(document.as_bytes(), passphrase).map(Some);
    }
    if text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(Problem::OldEncryption);
    }
    PrivateKeyDer::from_pem_slice(section).map(|key| Some(key.into())).map_err(|_| Problem::Damaged)
}

fn is_pem(content: &[u8]) -> bool {
    lines(content).any(|(_, line)| line.starts_with(b"-----BEGIN "))
}

/// With where each begins, and without the spaces around it.
fn lines(content: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    content.split_inclusive(|byte| *byte == b'\n').scan(0, |next, line| {
        let at = *next;
        *next += line.len();
        Some((at, line.trim_ascii()))
    })
}

/// The first section that is a private key, with its label. Of what may be around it, nothing needs to be UTF-8.
fn key_section(pem: &[u8]) -> Option<(&[u8], &[u8])> {
    let (start, label) = lines(pem).find_map(|(at, line)| {
        let label = line.strip_prefix(b"-----BEGIN ")?.strip_suffix(b"-----")?;
        label.ends_with(b"PRIVATE KEY").then_some((at, label))
    })?;
    let (end, line) = lines(pem).find(|(at, line)| *at > start && line.starts_with(b"-----END "))?;
    pem.get(start..end + line.len()).map(|section| (label, section))
}

/// PKCS#8 under PBES2.
fn decrypted(der: &[u8], passphrase: &Secret) -> Result<Key, Problem> {
    use pkcs8::{Error, pkcs5};

    // Whole, or PEM would not have been read: what is not understood is its algorithm.
    let locked = EncryptedPrivateKeyInfoRef::try_from(der).map_err(|_| Problem::UnsupportedEncryption)?;
    match locked.decrypt(passphrase.expose()) {
        Ok(key) => Ok(PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec())).into()),
        Err(Error::EncryptedPrivateKey(
            pkcs5::Error::NoPbes1CryptSupport
            | pkcs5::Error::UnsupportedAlgorithm { .. }
            | pkcs5::Error::AlgorithmParametersInvalid { .. },
        )) => Err(Problem::UnsupportedEncryption),
        // By chance, a wrong passphrase makes something that only looks decrypted.
        Err(_) => Err(Problem::WrongPassphrase),
    }
}

/// Many are protected by nothing, which is an empty passphrase.
fn pkcs12(content: &[u8], passphrase: Option<&Secret>) -> Result<(Vec<CertificateDer<'static>>, Key), Problem> {
    use p12_keystore::error::Error;

    let wrong = if passphrase.is_some() { Problem::WrongPassphrase } else { Problem::Locked };
    let store = KeyStore::from_pkcs12(content, passphrase.map_or("", Secret::expose), Pkcs12ImportPolicy::Strict);
    #[expect(clippy::wildcard_enum_match_arm, reason = "everything else is about its form")]
    let store = store.map_err(|error| match error {
        Error::MacError(_) | Error::UnpadError => wrong,
        Error::UnsupportedEncryptionScheme | Error::UnsupportedMacAlgorithm | Error::Pkcs5Error(_) => {
            Problem::UnsupportedArchive
        }
        _ => Problem::UnknownForm,
    })?;
    let (_, pair) = store.private_key_chain().ok_or(Problem::NoPair)?;
    let chain = pair.certs().iter().map(|certificate| certificate.as_der().to_vec().into()).collect();
    Ok((chain, PrivateKeyDer::from(PrivatePkcs8KeyDer::from(pair.key().as_der().to_vec())).into()))
}
