//! One at a time, across processes: a lock on a file that is there for nothing else.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// Held until dropped, or until the process ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock on the file at `path`, making it (0600) and its folder (0700) where there is none. Blocks.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when another process still has it after `patience`; else the system's.
    pub(crate) fn take(path: &Path, patience: Duration) -> io::Result<Self> {
        let file = open(path)?;
        let start = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) if start.elapsed() < patience => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
                // Some network file systems have no locks. There, one does such things from one place at a time.
                Err(TryLockError::Error(source)) if source.kind() == io::ErrorKind::Unsupported => {
                    return Ok(Self { _file: file });
                }
                Err(TryLockError::Error(source)) => return Err(source),
            }
        }
    }
}

/// Opens the file at `path`, to read and to write.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let mut folders = fs::DirBuilder::new();
    folders.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folders, 0o700);
    folders.create(path.parent().ok_or(io::ErrorKind::InvalidInput)?)?;

    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
