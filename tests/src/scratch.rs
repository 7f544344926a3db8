//! Folders that go away: one for each part that is started, under `target/scratch`.
//!
//! Parts shared by a whole test binary live in statics, which Rust never drops. So a folder carries the
//! process id of its owner, and the first folder of a process clears away those of the dead.
//! `POSTERN_KEEP_SCRATCH=1` keeps everything, for looking at logs.

use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fs, process};

use anyhow::Context as _;

/// The root of the source tree.
#[must_use]
pub fn workspace() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// An empty folder, removed with everything in it when dropped.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes `target/scratch/<pid>-<name>-<number>`.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn new(name: &str) -> anyhow::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        static CLEARED: Once = Once::new();
        let root = workspace().join("target/scratch");
        CLEARED.call_once(|| clear_the_dead(&root));
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = root.join(format!("{}-{name}-{number}", process::id()));
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A path in the folder.
    #[must_use]
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file in the folder, with the folders between.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) -> anyhow::Result<PathBuf> {
        let path = self.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !keep() {
            drop(fs::remove_dir_all(&self.0));
        }
    }
}

fn keep() -> bool {
    std::env::var_os("POSTERN_KEEP_SCRATCH").is_some()
}

fn clear_the_dead(root: &Path) {
    let Ok(entries) = fs::read_dir(root) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name.to_string_lossy().split('-').next().map(|pid| Path::new("/proc").join(pid));
        if !keep() && owner.is_some_and(|pid| !pid.exists()) {
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}
