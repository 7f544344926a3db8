//! A profile, its secrets and its files, into what a gateway is told.

mod certificate;

use std::fmt;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use postern_gateway::{
    ClientCertificate, ClientCertificateError, Config, EdgeCredential, Remote, Secret, Tls, UserPassword,
};
use zeroize::Zeroizing;

pub use self::certificate::Problem;
use crate::folders::Folders;
use crate::profile::{Edge, Field, Profile, ProfileId, Slot};
use crate::vault::{Kind, Vault, VaultError, variable};
use crate::view::Trouble;

/// Why a profile cannot be served as it is.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// A secret that the profile needs was never saved.
    #[error("The profile {id} needs the secret {slot}, and the vault has none.")]
    SecretMissing {
        /// Whose.
        id: ProfileId,
        /// Which.
        slot: Slot,
        /// Which vault was asked.
        vault: Kind,
    },
    /// The vault did not answer.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// A file that the profile names cannot be read.
    #[error("The {what} of the profile {id}, {}, cannot be read: {source}.", path.display())]
    File {
        /// Whose.
        id: ProfileId,
        /// What it is.
        what: FileKind,
        /// Where it should be.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// The client certificate, or its key, is there and no use.
    #[error("The {what} of the profile {id}, {}, cannot be used: {problem}.", place.display())]
    Certificate {
        /// Whose.
        id: ProfileId,
        /// Which of the two.
        what: FileKind,
        /// The file, or the slot.
        place: PathBuf,
        /// Why.
        problem: Problem,
        /// Which vault has the passphrase.
        vault: Kind,
    },
}

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// `tls.ca_file`
    Ca,
    /// `tls.client_cert_file`
    ClientCertificate,
    /// `tls.client_key_file`
    ClientKey,
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ca => "CA file",
            Self::ClientCertificate => "client certificate",
            Self::ClientKey => "client key",
        })
    }
}

impl ResolveError {
    /// A stable name for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::SecretMissing { .. } => "secret_missing",
            Self::Vault(error) => error.code(),
            Self::File { .. } => "file_unreadable",
            Self::Certificate { .. } => "client_certificate_unusable",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::SecretMissing { id, slot, vault } => enter(id, slot, *vault),
            Self::Vault(error) => error.remedy(),
            Self::File { .. } => {
                "Correct the path in the profile (a relative one starts where profiles.toml is), or put the file there."
                    .to_owned()
            }
            Self::Certificate { id, problem, vault, .. } => match problem {
                Problem::Locked | Problem::WrongPassphrase => enter(id, &Slot::ClientKeyPassword, *vault),
                Problem::OldEncryption | Problem::UnsupportedEncryption => {
                    "Make it new with `openssl pkcs8 -topk8 -in OLD -out NEW`, and give that.".to_owned()
                }
                Problem::UnsupportedArchive => {
                    "Make it new with `openssl pkcs12 -legacy -in OLD -noenc | openssl pkcs12 -export -out NEW`, and \
                     give that."
                        .to_owned()
                }
                Problem::UnknownForm | Problem::Damaged | Problem::NoCertificate | Problem::NoPair => {
                    "Give a PEM file that begins with the certificate, or a .p12 or .pfx file with certificate and \
                     private key."
                        .to_owned()
                }
                Problem::NoKey => "Give the file that has the key, or save the key as client-key.".to_owned(),
                Problem::Unfit(ClientCertificateError::Key) => {
                    "Ask for a certificate with a key of one of these kinds.".to_owned()
                }
                Problem::Unfit(ClientCertificateError::Mismatch | ClientCertificateError::Certificate) => {
                    "Give the certificate and the key that were made for each other.".to_owned()
                }
            },
        }
    }

    /// The same, to be shown.
    #[must_use]
    pub fn trouble(&self) -> Trouble {
        Trouble { code: self.code().to_owned(), sentence: self.to_string(), remedy: self.remedy() }
    }
}

fn enter(id: &ProfileId, slot: &Slot, vault: Kind) -> String {
    match vault {
        Kind::Env => format!("Set the variable {} where Postern is started.", variable(id, slot)),
        Kind::Os | Kind::Memory => format!("Enter it in the manager, or run `postern secret set {id} {slot}`."),
    }
}

/// Reads what the profile needs. Relative paths start from the configuration's folder.
///
/// # Errors
/// See [`ResolveError`]. The first missing secret in the order of [`Profile::slots`] is the one told.
pub async fn resolve(profile: &Profile, folders: &Folders, vault: &Vault) -> Result<Config, ResolveError> {
    Ok(Config {
        profile: profile.id.to_string(),
        name: profile.name.clone(),
        port: profile.port,
        remote: remote(profile, folders, vault).await?,
        local_key: vault.local_key(&profile.id, folders.config()).await?,
        local_programs: profile.local_programs,
        read_only: profile.read_only,
        assets: Some(folders.assets(&profile.id)),
    })
}

/// The server alone, for who has no gateway to start.
///
/// # Errors
/// As [`resolve`].
pub async fn remote(profile: &Profile, folders: &Folders, vault: &Vault) -> Result<Remote, ResolveError> {
    let sources = Sources { profile, config: folders.config(), vault };
    let edge = match &profile.edge {
        None => None,
        Some(Edge::Basic { username }) => Some(EdgeCredential::Basic(UserPassword {
            username: username.clone(),
            password: sources.secret(Slot::EdgePassword).await?,
        })),
        Some(Edge::Bearer) => Some(EdgeCredential::Bearer(sources.secret(Slot::EdgeToken).await?)),
    };
    let prefect = match &profile.prefect_username {
        None => None,
        Some(username) => {
            Some(UserPassword { username: username.clone(), password: sources.secret(Slot::PrefectPassword).await? })
        }
    };
    let extra_ca = match &profile.tls.ca {
        None => None,
        Some(path) => Some(Source::read(profile, sources.config, FileKind::Ca, path).await?.content.to_vec()),
    };
    let client = sources.client().await?;
    let mut headers = Vec::new();
    for name in &profile.headers {
        headers.push((name.clone(), sources.secret(Slot::Header(name.clone())).await?));
    }
    Ok(Remote {
        url: profile.url.clone(),
        api_url: profile.api_url.clone(),
        edge,
        prefect,
        headers,
        tls: Tls { extra_ca, client, verify: profile.tls.verify },
        proxy: profile.proxy.clone(),
    })
}

/// Where a profile's secrets and files are.
struct Sources<'a> {
    profile: &'a Profile,
    config: &'a Path,
    vault: &'a Vault,
}

/// What a file or slot has.
struct Source {
    what: FileKind,
    place: PathBuf,
    content: Zeroizing<Vec<u8>>,
}

impl Sources<'_> {
    async fn secret(&self, slot: Slot) -> Result<Secret, ResolveError> {
        let found = self.vault.get(&self.profile.id, &slot).await?;
        found.ok_or_else(|| ResolveError::SecretMissing { id: self.profile.id.clone(), slot, vault: self.vault.kind() })
    }

    async fn client(&self) -> Result<Option<ClientCertificate>, ResolveError> {
        let tls = &self.profile.tls;
        let Some(path) = &tls.client_cert else { return Ok(None) };
        let file = Source::read(self.profile, self.config, FileKind::ClientCertificate, path).await?;
        let chain = self.open(&file, certificate::chain).await?;
        let within = match &tls.client_key {
            Some(_) => None,
            None => self.open(&file, certificate::key).await?,
        };
        let key = match (within, &tls.client_key) {
            (Some(key), _) => key,
            (None, Some(path)) => {
                self.key(&Source::read(self.profile, self.config, FileKind::ClientKey, path).await?).await?
            }
            (None, None) => {
                let text = self.secret(Slot::ClientKey).await?;
                let place = format!("{} in the vault", Slot::ClientKey).into();
                let content = Zeroizing::new(text.expose().as_bytes().to_vec());
                self.key(&Source { what: FileKind::ClientKey, place, content }).await?
            }
        };
        match ClientCertificate::new(chain, &key) {
            Ok(client) => Ok(Some(client)),
            Err(error) => Err(self.unusable(&file, error.into())),
        }
    }

    async fn key(&self, source: &Source) -> Result<certificate::Key, ResolveError> {
        self.open(source, certificate::key).await?.ok_or_else(|| self.unusable(source, Problem::NoKey))
    }

    /// With the passphrase, where it takes one.
    async fn open<T>(
        &self,
        source: &Source,
        read: impl Fn(&[u8], Option<&Secret>) -> Result<T, Problem>,
    ) -> Result<T, ResolveError> {
        let mut opened = read(&source.content, None);
        if matches!(opened, Err(Problem::Locked)) {
            let passphrase = self.secret(Slot::ClientKeyPassword).await?;
            opened = read(&source.content, Some(&passphrase));
        }
        opened.map_err(|problem| self.unusable(source, problem))
    }

    fn unusable(&self, source: &Source, problem: Problem) -> ResolveError {
        ResolveError::Certificate {
            id: self.profile.id.clone(),
            what: source.what,
            place: source.place.clone(),
            problem,
            vault: self.vault.kind(),
        }
    }
}

/// Which of the files that the profile names cannot be read, and why.
pub async fn unreadable(profile: &Profile, folders: &Folders) -> Vec<(Field, ResolveError)> {
    let tls = &profile.tls;
    let mut unreadable = Vec::new();
    for (field, what, path) in [
        (Field::CaFile, FileKind::Ca, &tls.ca),
        (Field::ClientCertFile, FileKind::ClientCertificate, &tls.client_cert),
        (Field::ClientKeyFile, FileKind::ClientKey, &tls.client_key),
    ] {
        if let Some(path) = path
            && let Err(error) = Source::read(profile, folders.config(), what, path).await
        {
            unreadable.push((field, error));
        }
    }
    unreadable
}

impl Source {
    async fn read(profile: &Profile, config: &Path, what: FileKind, path: &Path) -> Result<Self, ResolveError> {
        let place = config.join(path);
        match read(place.clone()).await {
            Ok(content) => Ok(Self { what, place, content }),
            Err(source) => Err(ResolveError::File { id: profile.id.clone(), what, path: place, source }),
        }
    }
}

/// A file with certificates. A key may be in it, so it is treated as one throughout.
async fn read(path: PathBuf) -> io::Result<Zeroizing<Vec<u8>>> {
    /// More than any chain of certificates.
    const LARGEST: u64 = 1 << 20;
    let unfit = || io::Error::other("it is not a small plain file");
    let read = move || {
        let is_fit = |metadata: Metadata| metadata.is_file() && metadata.len() <= LARGEST;
        // Before it is opened, too: a pipe would keep us waiting.
        if !is_fit(fs::metadata(&path)?) {
            return Err(unfit());
        }
        let file = File::open(path)?;
        if !is_fit(file.metadata()?) {
            return Err(unfit());
        }
        // Large enough from the start: what is read leaves no copy behind.
        let mut content = Zeroizing::new(Vec::with_capacity(LARGEST as usize + 1));
        file.take(LARGEST).read_to_end(&mut content)?;
        Ok(content)
    };
    tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests;
