//! The folder: one file for each asset, sealed, written beside and renamed.
//!
//! 1. A file is its head's length (4 bytes, big-endian), the head (JSON: pairs of name and value), the body, and a seal
//!    over the file's name and all of these: HMAC-SHA-256 under a key made of the local key. What was damaged, renamed,
//!    or written by a program that does not have the local key is deleted, never served: a script of a dashboard can do
//!    whatever its user can.
//! 2. A name starts with its *era*, the server's addresses and version. What is not of the present era goes as soon as
//!    there is one; so does what a crash left half written.
//! 3. [`KEPT`] bounds what is kept: the least recently used goes first. Files' own times say when that was, so that it
//!    is known after a restart.
//! 4. The folder is made once. Deleted with its profile, it does not come back.
//! 5. Links are not followed. The folder is its owner's alone, so it is nobody else who puts them there.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use ring::hmac;
use subtle::ConstantTimeEq as _;
use tempfile::TempPath;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::spawn_blocking;

use crate::Secret;

/// Bytes kept in one folder: both UIs of Prefect 3.8 (17 MB, uncompressed) and room for more.
const KEPT: u64 = 64 << 20;

/// Bytes of the largest body that is kept. Prefect 3.8's is 4.9 MB.
pub(super) const LARGEST: u64 = 8 << 20;

/// How many are written at a time; browsers fetch six. What comes on top of [`KEPT`] while it is written is so bounded
/// too.
const AT_ONCE: usize = 8;

const SEAL: u64 = 32;
const HALF_WRITTEN: &str = ".new";

/// The files of one profile.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    key: hmac::Key,
    /// The present one; empty at first. Locked while the folder is tidied.
    era: Mutex<String>,
    writers: Arc<Semaphore>,
}

/// Where an asset is kept.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    era: String,
    file: String,
}

/// A part of a body on its way to the disk.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) data: Bytes,
    pub(super) last: bool,
}

/// What was kept.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) headers: HeaderMap,
    /// At the body's start.
    pub(super) file: File,
    /// Bytes of the body.
    pub(super) length: u64,
}

impl Store {
    /// Touches nothing yet.
    pub(crate) fn new(folder: PathBuf, local_key: &Secret) -> Self {
        let local_key = hmac::Key::new(hmac::HMAC_SHA256, local_key.expose().as_bytes());
        let own = hmac::sign(&local_key, b"postern assets");
        Self {
            folder,
            key: hmac::Key::new(hmac::HMAC_SHA256, own.as_ref()),
            era: Mutex::default(),
            writers: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// `era` is what makes one.
    pub(super) fn entry(&self, era: &[&str], path: &str) -> Entry {
        let era = self.label(era);
        let file = format!("{era}-{}", self.label(&[path]));
        Entry { era, file }
    }

    /// A name that every file system takes: 32 hex digits. Under the key, so that a new key begins a new era.
    fn label(&self, parts: &[&str]) -> String {
        let tag = hmac::sign(&self.key, parts.join("\n").as_bytes());
        tag.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// What is kept there, whole and as it was written.
    pub(super) async fn find(self: &Arc<Self>, entry: Entry) -> Option<Found> {
        let store = Arc::clone(self);
        let found = spawn_blocking(move || store.look(&entry)).await.map_err(io::Error::other).flatten();
        found.unwrap_or_else(|error| {
            tracing::debug!(%error, "an asset could not be looked up");
            None
        })
    }

    fn look(&self, entry: &Entry) -> io::Result<Option<Found>> {
        self.enter(&entry.era)?;
        let path = self.folder.join(&entry.file);
        let found = match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Ok(metadata) if metadata.is_file() => self.unseal(&path, &entry.file),
            Ok(_) => Err(io::Error::other("it is no plain file")),
            Err(error) => Err(error),
        };
        match found {
            Ok(found) => {
                // Where this fails, it only goes earlier.
                drop(found.file.set_modified(SystemTime::now()));
                Ok(Some(found))
            }
            Err(error) => {
                tracing::debug!(%error, "a damaged asset is deleted");
                fs::remove_file(&path).map(|()| None)
            }
        }
    }

    fn unseal(&self, path: &Path, name: &str) -> io::Result<Found> {
        const SHORT: io::ErrorKind = io::ErrorKind::UnexpectedEof;

        let mut file = File::open(path)?;
        let sealed = file.metadata()?.len().checked_sub(SEAL).ok_or(SHORT)?;
        let mut context = self.context(name);
        let mut reader = (&mut file).take(sealed);
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match reader.read(&mut buffer)? {
                0 => break,
                read => context.update(&buffer[..read]),
            }
        }
        let mut seal = Vec::new();
        file.read_to_end(&mut seal)?;
        if !bool::from(context.sign().as_ref().ct_eq(&seal)) {
            return Err(io::Error::other("the seal is broken"));
        }

        file.rewind()?;
        let mut length = [0; 4];
        file.read_exact(&mut length)?;
        let mut head = Vec::new();
        (&mut file).take(u32::from_be_bytes(length).into()).read_to_end(&mut head)?;
        let lines: Vec<(String, String)> = serde_json::from_slice(&head)?;
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name: HeaderName = name.parse().map_err(io::Error::other)?;
            headers.append(name, HeaderValue::from_str(&value).map_err(io::Error::other)?);
        }
        let length = sealed.checked_sub(file.stream_position()?).ok_or(SHORT)?;
        Ok(Found { headers, file, length })
    }

    fn context(&self, name: &str) -> hmac::Context {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(name.as_bytes());
        context
    }

    /// Keeps what comes, if it comes to its end. `None` where many are being kept already.
    pub(super) fn keep(self: &Arc<Self>, entry: Entry, head: &[u8], pieces: mpsc::Receiver<Piece>) -> Option<()> {
        let permit = Arc::clone(&self.writers).try_acquire_owned().ok()?;
        let length = u32::try_from(head.len()).ok()?.to_be_bytes();
        let (store, head) = (Arc::clone(self), [&length[..], head].concat());
        tokio::spawn(async move {
            if let Err(error) = store.write(entry, head, pieces, permit).await {
                tracing::debug!(%error, "an asset is not kept");
            }
        });
        Some(())
    }

    async fn write(
        self: Arc<Self>,
        entry: Entry,
        head: Vec<u8>,
        mut pieces: mpsc::Receiver<Piece>,
        _permit: OwnedSemaphorePermit,
    ) -> io::Result<()> {
        let (store, era) = (Arc::clone(&self), entry.era.clone());
        let beside = move || {
            // A folder that could not be entered is not written to either.
            if *store.era.lock().unwrap_or_else(PoisonError::into_inner) != era {
                return Err(io::Error::other("the folder cannot be used"));
            }
            // Created for its owner alone (0600), and deleted when dropped.
            tempfile::Builder::new().prefix(&era).suffix(HALF_WRITTEN).tempfile_in(&store.folder)
        };
        let (file, path) = spawn_blocking(beside).await??.into_parts();
        let mut file = tokio::fs::File::from_std(file);
        let mut context = self.context(&entry.file);
        context.update(&head);
        file.write_all(&head).await?;
        let mut bytes = 0;
        loop {
            let Some(Piece { data, last }) = pieces.recv().await else {
                return Err(io::Error::other("it did not come to its end"));
            };
            bytes += data.len() as u64;
            if bytes > LARGEST {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            context.update(&data);
            file.write_all(&data).await?;
            if last {
                break;
            }
        }
        file.write_all(context.sign().as_ref()).await?;
        // No sync: what a power cut leaves is not sealed.
        file.flush().await?;
        drop(file);
        spawn_blocking(move || self.put(&entry, path)).await?
    }

    fn put(&self, entry: &Entry, path: TempPath) -> io::Result<()> {
        let era = self.era.lock().unwrap_or_else(PoisonError::into_inner);
        if *era != entry.era {
            return Err(io::Error::other("the server's version has changed meanwhile"));
        }
        path.persist(self.folder.join(&entry.file)).map_err(|refused| refused.error)?;
        self.evict()
    }

    /// Makes the folder at first; clears it of what is of another era.
    fn enter(&self, era: &str) -> io::Result<()> {
        let mut present = self.era.lock().unwrap_or_else(PoisonError::into_inner);
        if *present == era {
            return Ok(());
        }
        if present.is_empty() {
            make(&self.folder)?;
        }
        era.clone_into(&mut present);
        for file in self.files()? {
            let name = file.file_name();
            let name = name.to_string_lossy();
            if (!name.starts_with(era) || name.ends_with(HALF_WRITTEN))
                && let Err(error) = fs::remove_file(file.path())
            {
                tracing::debug!(%error, "what is no asset any more is still there");
            }
        }
        Ok(())
    }

    /// Deletes what was used longest ago, until the rest is within bounds.
    fn evict(&self) -> io::Result<()> {
        let mut files = Vec::new();
        for file in self.files()? {
            let metadata = file.metadata()?;
            if !file.file_name().to_string_lossy().ends_with(HALF_WRITTEN) {
                files.push((metadata.modified()?, metadata.len(), file.path()));
            }
        }
        files.sort();
        let mut bytes: u64 = files.iter().map(|(_, length, _)| length).sum();
        for (_, length, path) in files {
            if bytes <= KEPT {
                break;
            }
            fs::remove_file(path)?;
            bytes -= length;
        }
        Ok(())
    }

    fn files(&self) -> io::Result<Vec<fs::DirEntry>> {
        fs::read_dir(&self.folder)?.collect()
    }
}

/// The folder, its owner's alone.
fn make(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    if !fs::symlink_metadata(folder)?.is_dir() {
        return Err(io::Error::other(format!("{} is a link", folder.display())));
    }
    #[cfg(unix)]
    fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn the_least_recently_used_go_first_and_the_rest_is_within_bounds() {
        let place = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::new(place.path().join("assets"), &Secret::new("k")));
        let keep = async |name: &str| {
            let entry = store.entry(&["3.8.8"], name);
            store.enter(&entry.era).unwrap();
            let (queue, pieces) = mpsc::channel(1);
            let permit = Arc::clone(&store.writers).acquire_owned().await.unwrap();
            queue.try_send(Piece { data: Bytes::from_static(b"content"), last: true }).unwrap();
            Arc::clone(&store).write(entry.clone(), b"\0\0\0\x02[]".to_vec(), pieces, permit).await.unwrap();
            entry
        };
        let there = |entry: &Entry| store.folder.join(&entry.file).exists();
        let open = |entry: &Entry| File::options().write(true).open(store.folder.join(&entry.file)).unwrap();
        let age = |entry: &Entry, hours: u64| {
            open(entry).set_modified(SystemTime::now() - Duration::from_secs(hours * 3600)).unwrap();
        };

        let old: Vec<Entry> = [keep("a").await, keep("b").await, keep("c").await].into();
        age(&old[0], 9);
        assert_eq!(store.find(old[0].clone()).await.unwrap().length, 7, "served, it is as good as new");
        // As large as the bound allows.
        open(&old[1]).set_len(KEPT / 2).unwrap();
        open(&old[2]).set_len(KEPT / 2 - 1000).unwrap();
        age(&old[1], 3);
        age(&old[2], 2);
        let new = keep("d").await;
        assert_eq!(old.iter().chain([&new]).map(there).collect::<Vec<_>>(), [true; 4]);
        open(&old[2]).set_len(KEPT / 2).unwrap();
        let newest = keep("e").await;
        let all = old.iter().chain([&new, &newest]);
        assert_eq!(all.map(there).collect::<Vec<_>>(), [true, false, true, true, true]);
    }
}
