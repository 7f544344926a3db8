//! Reading and writing one small file, so that it is whole at every moment and nobody else's to change.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use super::error;
use crate::view::Trouble;

/// More than anyone's profiles.
const LARGEST: u64 = 1 << 20;

/// The file's text; `None` where there is none.
pub(crate) fn read(path: &Path) -> Result<Option<String>, Trouble> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(error::unreadable(path, &source)),
    };
    refuse_what_is_unsafe(path, &metadata)?;
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LARGEST).read_to_end(&mut bytes))
        .map_err(|source| error::unreadable(path, &source))?;
    String::from_utf8(bytes).map(Some).map_err(|_| error::unreadable(path, &io::Error::other("it is not valid UTF-8")))
}

/// Who can write profiles.toml decides where credentials are sent.
fn refuse_what_is_unsafe(path: &Path, metadata: &fs::Metadata) -> Result<(), Trouble> {
    if metadata.is_symlink() {
        let remedy = "Put the file itself there, or name its folder with `--config-dir`.".to_owned();
        return Err(error::unsafe_file(path, "is a symbolic link", remedy));
    }
    if !metadata.is_file() || metadata.len() >= LARGEST {
        let remedy = "Move it away.".to_owned();
        return Err(error::unsafe_file(path, "is not a small plain file", remedy));
    }
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o002 != 0 {
        let remedy = format!("Look through it, then `chmod 600 {}`.", path.display());
        return Err(error::unsafe_file(path, "can be written by every user of this machine", remedy));
    }
    Ok(())
}

/// Replaces the file: a new one beside it, on the disk, then renamed over it, then the folder on the disk.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Trouble> {
    write_then(path, text, sync_folder)
}

pub(super) fn write_then(
    path: &Path,
    text: &str,
    sync_folder: impl Fn(&Path) -> io::Result<()>,
) -> Result<(), Trouble> {
    let replace = || -> io::Result<()> {
        let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        // Created for its owner alone (0600).
        let mut new = tempfile::Builder::new().prefix(".profiles").suffix(".toml").tempfile_in(folder)?;
        new.write_all(text.as_bytes())?;
        new.as_file().sync_all()?;
        new.persist(path).map_err(|refused| refused.error)?;
        // The file is the new one from here on; how sure that is does not make it an error.
        if let Err(error) = sync_folder(folder) {
            tracing::warn!(path = %path.display(), %error, "a power cut now could bring back what the file said before");
        }
        Ok(())
    };
    replace().map_err(|source| error::unwritable(path, &source))
}

/// A rename is on the disk when its folder is.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Windows keeps no such promise to ask for.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
