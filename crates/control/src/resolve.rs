//! A profile, its secrets and its files, into what a gateway is told.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use postern_gateway::{ClientCertificate, Config, EdgeCredential, Remote, Secret, Tls, UserPassword};
use zeroize::Zeroizing;

use crate::folders::Folders;
use crate::profile::{Edge, Profile, ProfileId, Slot};
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
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::SecretMissing { id, slot, vault: Kind::Env } => {
                format!("Set the variable {} where Postern is started.", variable(id, slot))
            }
            Self::SecretMissing { id, slot, vault: Kind::Os | Kind::Memory } => {
                format!("Enter it in the manager, or run `postern secret set {id} {slot}`.")
            }
            Self::Vault(error) => error.remedy(),
            Self::File { .. } => {
                "Correct the path in the profile (a relative one starts where profiles.toml is), or put the file there."
                    .to_owned()
            }
        }
    }

    /// The same, to be shown.
    #[must_use]
    pub fn trouble(&self) -> Trouble {
        Trouble { code: self.code().to_owned(), sentence: self.to_string(), remedy: self.remedy() }
    }
}

/// Reads what the profile needs. Relative paths start from the configuration's folder.
///
/// # Errors
/// See [`ResolveError`]. The first missing secret in the order of [`Profile::slots`] is the one told.
pub async fn resolve(profile: &Profile, folders: &Folders, vault: &Vault) -> Result<Config, ResolveError> {
    let config = folders.config();
    let needed = |slot: Slot| async move {
        let found = vault.get(&profile.id, &slot).await?;
        found.ok_or_else(|| ResolveError::SecretMissing { id: profile.id.clone(), slot, vault: vault.kind() })
    };
    let edge = match &profile.edge {
        None => None,
        Some(Edge::Basic { username }) => Some(EdgeCredential::Basic(UserPassword {
            username: username.clone(),
            password: needed(Slot::EdgePassword).await?,
        })),
        Some(Edge::Bearer) => Some(EdgeCredential::Bearer(needed(Slot::EdgeToken).await?)),
    };
    let prefect = match &profile.prefect_username {
        None => None,
        Some(username) => {
            Some(UserPassword { username: username.clone(), password: needed(Slot::PrefectPassword).await? })
        }
    };
    let file = async |what: FileKind, path: &Path| {
        let path = config.join(path);
        read(path.clone()).await.map_err(|source| ResolveError::File { id: profile.id.clone(), what, path, source })
    };
    let extra_ca = match &profile.tls.ca {
        None => None,
        Some(path) => Some(file(FileKind::Ca, path).await?.expose().as_bytes().to_vec()),
    };
    let client = match &profile.tls.client_cert {
        None => None,
        Some(path) => Some(ClientCertificate {
            chain: file(FileKind::ClientCertificate, path).await?.expose().as_bytes().to_vec(),
            key: match &profile.tls.client_key {
                Some(path) => file(FileKind::ClientKey, path).await?,
                None => needed(Slot::ClientKey).await?,
            },
        }),
    };
    let mut headers = Vec::new();
    for name in &profile.headers {
        headers.push((name.clone(), needed(Slot::Header(name.clone())).await?));
    }
    Ok(Config {
        profile: profile.id.to_string(),
        name: profile.name.clone(),
        port: profile.port,
        local_key: vault.local_key(&profile.id, config).await?,
        local_programs: profile.local_programs,
        read_only: profile.read_only,
        assets: Some(folders.assets(&profile.id)),
        remote: Remote {
            url: profile.url.clone(),
            api_url: profile.api_url.clone(),
            edge,
            prefect,
            headers,
            tls: Tls { extra_ca, client, verify: profile.tls.verify },
            proxy: profile.proxy.clone(),
        },
    })
}

/// A PEM file. A key may be in it, so it is treated as one throughout.
async fn read(path: PathBuf) -> io::Result<Secret> {
    /// More than any chain of certificates.
    const LARGEST: u64 = 1 << 20;
    let read = move || {
        let mut text = Zeroizing::new(String::new());
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() || metadata.len() > LARGEST {
            return Err(io::Error::other("it is not a small plain file"));
        }
        file.take(LARGEST).read_to_string(&mut text)?;
        Ok(Secret::new(std::mem::take(&mut *text)))
    };
    tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;
    use crate::profile::{Written, WrittenEdge};

    fn written() -> Written {
        Written {
            id: "prod".to_owned(),
            url: "https://prefect.example.com/base".to_owned(),
            port: Some(4201),
            edge: Some(WrittenEdge::basic("alice")),
            prefect_username: Some("admin".to_owned()),
            headers: vec!["X-Key".to_owned()],
            ca_file: "ca.pem".to_owned(),
            client_cert_file: "certs/me.pem".to_owned(),
            proxy: "none".to_owned(),
            ..Written::default()
        }
    }

    /// A folder with the files that [`written`] names.
    fn folders(config: &TempDir) -> Folders {
        Folders::at(config.path()).unwrap()
    }

    fn config() -> TempDir {
        let config = TempDir::new().unwrap();
        fs::create_dir(config.path().join("certs")).unwrap();
        fs::write(config.path().join("ca.pem"), "a CA").unwrap();
        fs::write(config.path().join("certs/me.pem"), "a certificate").unwrap();
        config
    }

    async fn fill(vault: &Vault, profile: &Profile) {
        for slot in profile.slots() {
            let value = if slot == Slot::ClientKey {
                "-----BEGIN PRIVATE KEY-----".to_owned()
            } else {
                format!("value-of-{slot}")
            };
            vault.set(&profile.id, &slot, Secret::new(value)).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_gateway_is_told_everything_and_each_secret_in_its_place() {
        let (config, vault) = (config(), Vault::memory());
        let profile = written().check().unwrap();
        fill(&vault, &profile).await;
        let resolved = resolve(&profile, &folders(&config), &vault).await.unwrap();
        assert_eq!(resolved.assets, Some(config.path().join("cache/assets/profile-prod")));
        assert_eq!(resolved.local_key, vault.local_key(&profile.id, config.path()).await.unwrap());
        let remote = resolved.remote;
        let Some(EdgeCredential::Basic(edge)) = remote.edge else { panic!("no edge credential") };
        assert_eq!((edge.username.as_str(), edge.password.expose()), ("alice", "value-of-edge-password"));
        let prefect = remote.prefect.unwrap();
        assert_eq!((prefect.username.as_str(), prefect.password.expose()), ("admin", "value-of-prefect-password"));
        let [(name, value)] = &remote.headers[..] else { panic!("not one header") };
        assert_eq!((name.as_str(), value.expose()), ("x-key", "value-of-header-x-key"));
        assert_eq!(remote.tls.extra_ca.as_deref(), Some(&b"a CA"[..]));
        let client = remote.tls.client.unwrap();
        assert_eq!((&client.chain[..], client.key.expose()), (&b"a certificate"[..], "-----BEGIN PRIVATE KEY-----"));
    }

    #[tokio::test]
    async fn a_missing_secret_is_named() {
        let (config, vault) = (config(), Vault::memory());
        let profile = written().check().unwrap();
        fill(&vault, &profile).await;
        for slot in profile.slots() {
            let value = vault.get(&profile.id, &slot).await.unwrap().unwrap();
            vault.clear(&profile.id, &slot).await.unwrap();
            let error = resolve(&profile, &folders(&config), &vault).await.unwrap_err();
            assert_eq!(error.code(), "secret_missing");
            assert!(error.remedy().contains(&format!("postern secret set prod {slot}")), "{}", error.remedy());
            vault.set(&profile.id, &slot, value).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_read_is_named() {
        let (config, vault) = (config(), Vault::memory());
        let profile = written().check().unwrap();
        fill(&vault, &profile).await;
        let ca = config.path().join("ca.pem");
        let told = async || {
            let error = resolve(&profile, &folders(&config), &vault).await.unwrap_err();
            error.to_string().replace(&config.path().display().to_string(), "…")
        };
        fs::remove_file(&ca).unwrap();
        insta::assert_snapshot!(told().await, @"The CA file of the profile prod, …/ca.pem, cannot be read: No such file or directory (os error 2).");
        fs::create_dir(&ca).unwrap();
        insta::assert_snapshot!(told().await, @"The CA file of the profile prod, …/ca.pem, cannot be read: it is not a small plain file.");
    }
}
