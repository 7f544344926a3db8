//! Whether the run before came to its end: a note in the state folder that is there while the program runs.
//!
//! 1. A clean end takes it away. So what a start finds there was left by a run that had none.
//! 2. The note is locked as long as its run lives: two that run side by side (in two sessions of one user) do not take
//!    each other for dead.
//! 3. What is left need not mean that something went wrong: a power cut and the end of a session leave it too, and
//!    whoever upgrades may have ended what ran. It is told where the session and the version are still the same, or
//!    where the note says what happened.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::folders::Folders;
use crate::view::Trouble;
use crate::{lock, log};

/// How the run before ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crash {
    /// When; or, where nobody saw the end, the last sign of life.
    pub at: SystemTime,
    /// What it noted itself: the place of its mistake.
    pub mistake: Option<String>,
}

impl Crash {
    /// For a person.
    #[must_use]
    pub fn trouble(&self) -> Trouble {
        let sentence = "Postern ended unexpectedly last time.";
        let remedy = match &self.mistake {
            Some(place) => format!("It made a mistake of its own, at {place}. A report, saved in its settings, says what came before."),
            None => "Something ended it from outside, or it made a mistake of its own. A report, saved in its settings, may tell."
                .into(),
        };
        Trouble::new("ended_unexpectedly", sentence, remedy)
    }
}

/// What is in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    version: String,
    /// The session it ran in; `None` where the system does not tell.
    session: Option<String>,
    mistake: Option<Mistake>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mistake {
    /// Seconds since 1970.
    at: u64,
    place: String,
}

/// This run. Dropping it is no clean end.
#[derive(Debug)]
pub struct Run {
    path: PathBuf,
    written: Mutex<(File, Note)>,
}

impl Run {
    /// Leaves a note of this run; and says how the one before ended, if that is to be told. `None` where another run
    /// of the same user still lives, whose note it is.
    ///
    /// # Errors
    /// When there can be no note.
    pub fn begin(folders: &Folders) -> io::Result<Option<(Self, Option<Crash>)>> {
        let note = Note { version: env!("CARGO_PKG_VERSION").to_owned(), session: session(), mistake: None };
        Self::begin_as(folders, note)
    }

    fn begin_as(folders: &Folders, note: Note) -> io::Result<Option<(Self, Option<Crash>)>> {
        let path = folders.running_file();
        let mut file = lock::open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Ok(None),
            Err(fs::TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(fs::TryLockError::Error(error)) => return Err(error),
        }
        let mut left = String::new();
        // One that was just made, or cut short, says nothing.
        let before = file.read_to_string(&mut left).ok().and_then(|_| toml::from_str::<Note>(&left).ok());
        let crash = before.and_then(|before| told(before, &note, || last_sign(folders, &file)));
        write(&mut file, &note)?;
        Ok(Some((Self { path, written: Mutex::new((file, note)) }, crash)))
    }

    /// Notes what is about to end it. The first of several is what happened; the others come of it.
    pub fn mistake(&self, place: &str) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, note) = &mut *written;
        if note.mistake.is_some() {
            return;
        }
        let at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        note.mistake = Some(Mistake { at, place: place.to_owned() });
        if let Err(error) = write(file, note) {
            tracing::warn!(%error, "the next start will not know what happened");
        }
    }

    /// A clean end, unless there was a mistake.
    ///
    /// # Errors
    /// When the note cannot be taken away.
    pub fn end(&self) -> io::Result<()> {
        if self.written.lock().unwrap_or_else(PoisonError::into_inner).1.mistake.is_some() {
            return Ok(());
        }
        fs::remove_file(&self.path)
    }
}

/// Whether what was left means something.
fn told(before: Note, now: &Note, last_sign: impl FnOnce() -> SystemTime) -> Option<Crash> {
    if let Some(Mistake { at, place }) = before.mistake {
        return Some(Crash { at: SystemTime::UNIX_EPOCH + Duration::from_secs(at), mistake: Some(place) });
    }
    let same = before.session.is_some() && before.session == now.session && before.version == now.version;
    same.then(|| Crash { at: last_sign(), mistake: None })
}

/// When the note or the log was written last.
fn last_sign(folders: &Folders, note: &File) -> SystemTime {
    let logs = log::NAMES.map(|name| fs::metadata(folders.logs().join(name)));
    let written = logs.into_iter().chain([note.metadata()]).filter_map(|metadata| metadata.ok()?.modified().ok());
    written.max().unwrap_or_else(SystemTime::now)
}

fn write(file: &mut File, note: &Note) -> io::Result<()> {
    let text = toml::to_string(note).map_err(io::Error::other)?;
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(text.as_bytes())
}

/// Names this session of this user: another one after each start of the machine, and after each login. That is when
/// the folder for the user's sessions is made; what is started with a session is not always told the session's own name.
#[cfg(target_os = "linux")]
fn session() -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;

    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let folder = fs::metadata(std::env::var_os("XDG_RUNTIME_DIR")?).ok()?;
    // Not every system tells.
    let made =
        folder.created().ok().and_then(|made| made.duration_since(SystemTime::UNIX_EPOCH).ok()).unwrap_or_default();
    Some(format!("{} {}:{} {}", boot.trim(), folder.dev(), folder.ino(), made.as_millis()))
}

/// Elsewhere the system does not tell without more ado: only what a run noted itself is told.
#[cfg(not(target_os = "linux"))]
fn session() -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(version: &str, session: Option<&str>) -> Note {
        Note { version: version.to_owned(), session: session.map(str::to_owned), mistake: None }
    }

    fn folders() -> (tempfile::TempDir, Folders) {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::at(folder.path()).unwrap();
        (folder, folders)
    }

    #[test]
    fn a_run_without_a_clean_end_is_told_where_it_means_something() {
        let now = note("2.0.0", Some("boot 1"));
        for (left, is_told) in [
            (note("2.0.0", Some("boot 1")), true),
            // The machine was started anew, or its user has come back.
            (note("2.0.0", Some("boot 2")), false),
            (note("1.9.0", Some("boot 1")), false),
            (note("2.0.0", None), false),
        ] {
            let (_folder, folders) = folders();
            let (run, before) = Run::begin_as(&folders, left.clone()).unwrap().unwrap();
            assert_eq!(before, None);
            drop(run);
            let (run, crash) = Run::begin_as(&folders, now.clone()).unwrap().unwrap();
            assert_eq!(crash.is_some(), is_told, "{left:?}");
            // Told once.
            run.end().unwrap();
            assert_eq!(Run::begin_as(&folders, now.clone()).unwrap().unwrap().1, None);
        }
    }

    #[test]
    fn what_a_run_noted_itself_is_told_whatever_came_between() {
        let (_folder, folders) = folders();
        let (run, _) = Run::begin_as(&folders, note("1.9.0", None)).unwrap().unwrap();
        run.mistake("src/shell.rs:7:1");
        run.mistake("what came of it");
        run.end().unwrap();
        drop(run);
        let (_run, crash) = Run::begin_as(&folders, note("2.0.0", Some("boot 2"))).unwrap().unwrap();
        let crash = crash.unwrap();
        assert_eq!(crash.mistake.as_deref(), Some("src/shell.rs:7:1"));
        assert!(crash.at.elapsed().unwrap() < Duration::from_secs(60));
    }

    #[test]
    fn two_side_by_side_are_no_crash_and_the_note_is_the_firsts() {
        let (_folder, folders) = folders();
        let (first, _) = Run::begin(&folders).unwrap().unwrap();
        assert!(Run::begin(&folders).unwrap().is_none());
        first.end().unwrap();
        assert!(!folders.running_file().exists());
    }

    #[test]
    fn a_note_that_says_nothing_is_written_over() {
        let (_folder, folders) = folders();
        for left in ["", "version = ", "\u{0}\u{0}"] {
            fs::create_dir_all(folders.running_file().parent().unwrap()).unwrap();
            fs::write(folders.running_file(), left).unwrap();
            let (run, crash) = Run::begin(&folders).unwrap().unwrap();
            assert_eq!(crash, None, "{left:?}");
            run.end().unwrap();
        }
    }
}
