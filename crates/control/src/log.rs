//! The log on the disk, for its person to read and to send: `postern.log`, and `postern.old.log` with what came before.
//!
//! - Both are their owner's alone (0600), and so is their folder (0700).
//! - Together they are never longer than [`BOUND`], however much there is to say.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The longest that all of it gets, in bytes.
pub const BOUND: u64 = 8 << 20;

/// The files, the older first.
pub const NAMES: [&str; 2] = ["postern.old.log", "postern.log"];

/// Where lines are written. Each must come in one piece, as it stays in one.
#[derive(Debug)]
pub struct LogFile {
    folder: PathBuf,
    file: File,
    length: u64,
    /// Of one of the two.
    limit: u64,
}

impl LogFile {
    /// Goes on with what is in `folder`, which is made where there is none.
    ///
    /// # Errors
    /// The system's.
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        Self::bounded(folder, BOUND)
    }

    fn bounded(folder: PathBuf, bound: u64) -> io::Result<Self> {
        let file = open(&folder)?;
        let length = file.metadata()?.len();
        Ok(Self { folder, file, length, limit: bound / 2 })
    }

    /// What was written becomes what came before.
    fn turn(&mut self) -> io::Result<()> {
        let [older, newer] = NAMES.map(|name| self.folder.join(name));
        match fs::rename(newer, older) {
            // Somebody has deleted it.
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        self.file = open(&self.folder)?;
        self.length = 0;
        Ok(())
    }
}

impl Write for LogFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let length = u64::try_from(line.len()).map_err(io::Error::other)?;
        if self.length > 0 && self.length.saturating_add(length) > self.limit {
            self.turn()?;
        }
        // More than fits alone is cut, rather than kept out of all bounds.
        let fits = usize::try_from(self.limit).map_or(line.len(), |limit| line.len().min(limit));
        self.file.write_all(&line[..fits])?;
        self.length = self.length.saturating_add(length.min(self.limit));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn open(folder: &Path) -> io::Result<File> {
    let mut folders = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folders, 0o700);
    folders.recursive(true).create(folder)?;
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.create(true).append(true).open(folder.join(NAMES[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(folder: &Path) -> [String; 2] {
        NAMES.map(|name| fs::read_to_string(folder.join(name)).unwrap_or_default())
    }

    #[test]
    fn lines_stay_whole_and_in_order_and_all_together_within_the_bound() {
        let folder = tempfile::tempdir().unwrap();
        let logs = folder.path().join("state/logs");
        let mut expected = String::new();
        for run in 0..3 {
            // Each start goes on where the one before ended.
            let mut log = LogFile::bounded(logs.clone(), 1_000).unwrap();
            for number in 0..40 {
                let line = format!("line {number} of run {run}\n");
                log.write_all(line.as_bytes()).unwrap();
                expected.push_str(&line);
                let kept = read(&logs).concat();
                assert!(kept.len() <= 1_000, "{} bytes", kept.len());
                assert!(expected.ends_with(&kept) && kept.starts_with("line "), "{kept}");
            }
        }
        assert!(read(&logs).concat().len() > 450, "{:?}", read(&logs));
    }

    #[test]
    fn a_line_longer_than_the_bound_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = LogFile::bounded(folder.path().to_owned(), 100).unwrap();
        for _ in 0..3 {
            log.write_all(&[b'x'; 1_000]).unwrap();
            assert!(read(folder.path()).concat().len() <= 100);
        }
    }

    #[test]
    fn it_goes_on_when_somebody_deletes_it() {
        let folder = tempfile::tempdir().unwrap();
        let logs = folder.path().join("logs");
        let mut log = LogFile::bounded(logs.clone(), 100).unwrap();
        log.write_all(b"gone\n").unwrap();
        fs::remove_dir_all(&logs).unwrap();
        for _ in 0..20 {
            log.write_all(b"still there\n").unwrap();
        }
        assert!(read(&logs)[1].starts_with("still there\n"));
    }

    #[cfg(unix)]
    #[test]
    fn it_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let logs = folder.path().join("state/logs");
        let mut log = LogFile::bounded(logs.clone(), 20).unwrap();
        log.write_all(b"enough for a turn\n").unwrap();
        log.write_all(b"enough for a turn\n").unwrap();
        let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(logs.clone()), 0o700);
        assert_eq!(NAMES.map(|name| mode(logs.join(name))), [0o600, 0o600]);
    }
}
