//! Writes what is kept of windows, in order, on a thread of its own: disks are slow, and the event loop must not wait.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};

use postern_control::dashboard::Kept;

/// What is to be done with a window's folder.
enum Job {
    Keep(PathBuf, Kept),
    /// With all that is in it.
    Delete(PathBuf),
}

/// The way to the thread. Dropping it waits until all is written.
pub(super) struct Keeper {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Default for Keeper {
    fn default() -> Self {
        let (jobs, taken) = channel();
        let thread = Builder::new().name("window-keeper".to_owned()).spawn(move || work(&taken));
        if let Err(error) = &thread {
            tracing::warn!(%error, "nothing is kept of windows");
        }
        Self { jobs: Some(jobs), thread: thread.ok() }
    }
}

impl Keeper {
    pub(super) fn keep(&self, folder: PathBuf, kept: Kept) {
        self.take(Job::Keep(folder, kept));
    }

    pub(super) fn delete(&self, folder: PathBuf) {
        self.take(Job::Delete(folder));
    }

    fn take(&self, job: Job) {
        if self.jobs.as_ref().is_none_or(|jobs| jobs.send(job).is_err()) {
            tracing::warn!("nobody keeps anything of windows");
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.jobs = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("what keeps things of windows has broken down");
        }
    }
}

fn work(jobs: &Receiver<Job>) {
    for job in jobs {
        match job {
            Job::Keep(folder, kept) => {
                if let Err(trouble) = kept.save(&folder) {
                    tracing::warn!("{}", trouble.sentence);
                }
            }
            Job::Delete(folder) => {
                if let Err(error) = std::fs::remove_dir_all(&folder)
                    && error.kind() != io::ErrorKind::NotFound
                {
                    let path = folder.display();
                    tracing::warn!(%path, %error, "what a removed profile's dashboard kept is still there");
                }
            }
        }
    }
}
