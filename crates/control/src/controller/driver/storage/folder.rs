//! Something in a folder may have changed, by whomever.
//!
//! Linux tells (inotify(7)), so that nobody wakes up for nothing. Where nobody tells, or there is no folder yet, every
//! few seconds is time for a look; and once a minute where the system does tell: of what another machine does in a shared
//! folder it knows nothing.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::sleep;

/// Between two looks, where nobody tells.
const GLANCE: Duration = Duration::from_secs(2);

/// A folder, and who tells of it.
#[derive(Debug)]
pub(super) struct Folder {
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "nobody is asked to tell of it"))]
    path: PathBuf,
    #[cfg(target_os = "linux")]
    watch: Option<linux::Watch>,
    /// Something has happened, and may go on until then.
    #[cfg(target_os = "linux")]
    settles: Option<tokio::time::Instant>,
}

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            #[cfg(target_os = "linux")]
            watch: None,
            #[cfg(target_os = "linux")]
            settles: None,
        }
    }

    /// Returns when it is time for a look. May be dropped before: nothing is lost.
    #[cfg(not(target_os = "linux"))]
    pub(super) async fn changed(&mut self) {
        sleep(GLANCE).await;
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::os::fd::{AsFd as _, AsRawFd, RawFd};
    use std::path::Path;

    use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    use tokio::time::{Instant, sleep_until};

    use super::{Duration, Folder, GLANCE, sleep};

    /// Between two looks, where the system tells.
    const RARELY: Duration = Duration::from_secs(60);

    /// An editor takes a file away before it puts the new one there, or writes it in pieces.
    const SETTLES: Duration = Duration::from_millis(200);

    impl Folder {
        /// Returns when it is time for a look. May be dropped before: nothing is lost.
        pub(in super::super) async fn changed(&mut self) {
            if self.settles.is_none() && !self.happened().await {
                return;
            }
            if let Some(settles) = self.settles {
                sleep_until(settles).await;
                self.settles = None;
            }
        }

        /// Whether something has; if not, it is time for a look all the same.
        async fn happened(&mut self) -> bool {
            let Some(watch) = &self.watch else {
                match Watch::start(&self.path) {
                    // What has happened until now is not told.
                    Ok(watch) => self.watch = Some(watch),
                    Err(error) => {
                        tracing::trace!(%error, "nobody tells of the folder: it is looked at");
                        sleep(GLANCE).await;
                    }
                }
                return false;
            };
            let stands = tokio::select! {
                told = watch.told() => told.unwrap_or(false),
                () = sleep(RARELY) => return false,
            };
            if stands {
                self.settles = Some(Instant::now() + SETTLES);
            } else {
                self.watch = None;
            }
            stands
        }
    }

    #[derive(Debug)]
    pub(super) struct Watch(AsyncFd<Events>);

    #[derive(Debug)]
    struct Events(Inotify);

    impl AsRawFd for Events {
        fn as_raw_fd(&self) -> RawFd {
            self.0.as_fd().as_raw_fd()
        }
    }

    impl Watch {
        fn start(folder: &Path) -> io::Result<Self> {
            use AddWatchFlags as Of;
            // A file is written, put there or taken away, or may be read by others than before.
            let files = Of::IN_CLOSE_WRITE | Of::IN_MOVE | Of::IN_CREATE | Of::IN_DELETE | Of::IN_ATTRIB;
            let events = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
            events.add_watch(folder, files | GONE | Of::IN_ONLYDIR)?;
            #[expect(deprecated, reason = "what came in its place is unsafe, and asks for what `Inotify` keeps")]
            AsyncFd::with_interest(Events(events), Interest::READABLE).map(Self)
        }

        /// Returns when something has happened: whether the folder is still the one that is watched.
        async fn told(&self) -> io::Result<bool> {
            let happened = self.0.async_io(Interest::READABLE, |events| Ok(events.0.read_events()?)).await?;
            Ok(!happened.iter().any(|event| event.mask.intersects(GONE | AddWatchFlags::IN_IGNORED)))
        }
    }

    /// The folder itself is somewhere else, or nowhere.
    const GONE: AddWatchFlags = AddWatchFlags::IN_DELETE_SELF.union(AddWatchFlags::IN_MOVE_SELF);
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use tokio::time::{Instant, timeout};

    use super::*;

    /// Whether a change is told, and not come upon by chance. Time stands still while nobody sleeps.
    async fn tells(folder: &mut Folder, change: impl FnOnce()) -> bool {
        let quiet = timeout(Duration::from_secs(30), folder.changed()).await.is_err();
        change();
        let before = Instant::now();
        folder.changed().await;
        quiet && before.elapsed() < GLANCE
    }

    #[tokio::test(start_paused = true)]
    async fn what_happens_in_a_folder_is_told_and_a_look_now_and_then_is_taken_all_the_same() {
        let home = tempfile::tempdir().unwrap();
        let (path, file) = (home.path().join("folder"), home.path().join("folder/file"));
        let mut folder = Folder::new(path.clone());
        // Not there yet: looked for every few seconds.
        let before = Instant::now();
        folder.changed().await;
        assert_eq!(before.elapsed(), GLANCE);
        fs::create_dir(&path).unwrap();
        folder.changed().await;
        assert_eq!(before.elapsed(), GLANCE);

        let elsewhere = home.path().join("elsewhere");
        fs::write(&elsewhere, "").unwrap();
        for what in ["written", "replaced", "its mode", "removed"] {
            // A file that is made is told twice: of its name, and when it has been written.
            while timeout(Duration::from_secs(1), folder.changed()).await.is_ok() {}
            let change = || match what {
                "written" => fs::write(&file, "new"),
                "replaced" => fs::rename(&elsewhere, &file),
                "its mode" => fs::set_permissions(&file, PermissionsExt::from_mode(0o600)),
                _ => fs::remove_file(&file),
            };
            assert!(tells(&mut folder, || change().unwrap()).await, "{what}");
        }
        let before = Instant::now();
        folder.changed().await;
        assert_eq!(before.elapsed(), Duration::from_secs(60));

        // Another folder of that name is watched as the first was.
        fs::rename(&path, home.path().join("away")).unwrap();
        folder.changed().await;
        fs::create_dir(&path).unwrap();
        folder.changed().await;
        assert!(tells(&mut folder, || fs::write(&file, "").unwrap()).await, "in another");
    }
}
