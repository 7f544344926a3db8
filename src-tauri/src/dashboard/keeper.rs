//! Writes what is kept of windows, in order, on a thread of its own: disks are slow, and the event loop must not wait.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use postern_control::dashboard::Kept;

/// What is to be done with a window's folder.
#[derive(Debug, PartialEq)]
enum Job {
    Keep(PathBuf, Kept),
    /// With all that is in it.
    Delete(PathBuf),
}

/// What waits for the thread.
#[derive(Default)]
struct Jobs {
    waiting: VecDeque<Job>,
    /// No more will come.
    ended: bool,
}

/// The way to the thread. Dropping it waits until all is written.
pub(super) struct Keeper {
    jobs: Arc<(Mutex<Jobs>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Default for Keeper {
    fn default() -> Self {
        let jobs = Arc::<(Mutex<Jobs>, Condvar)>::default();
        let taken = Arc::clone(&jobs);
        let thread = Builder::new().name("window-keeper".to_owned()).spawn(move || work(&taken));
        if let Err(error) = &thread {
            tracing::warn!(%error, "nothing is kept of windows");
        }
        Self { jobs, thread: thread.ok() }
    }
}

impl Keeper {
    pub(super) fn keep(&self, folder: PathBuf, kept: Kept) {
        self.tell(|jobs| jobs.add(Job::Keep(folder, kept)));
    }

    pub(super) fn delete(&self, folder: PathBuf) {
        self.tell(|jobs| jobs.add(Job::Delete(folder)));
    }

    fn tell(&self, what: impl FnOnce(&mut Jobs)) {
        let (jobs, told) = &*self.jobs;
        what(&mut jobs.lock().unwrap_or_else(PoisonError::into_inner));
        told.notify_one();
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.tell(|jobs| jobs.ended = true);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("what keeps things of windows has broken down");
        }
    }
}

impl Jobs {
    /// What was to be kept in the same folder, and is not yet, is out of date: one at most waits for each.
    fn add(&mut self, job: Job) {
        let (Job::Keep(folder, _) | Job::Delete(folder)) = &job;
        self.waiting.retain(|other| !matches!(other, Job::Keep(other, _) if other == folder));
        self.waiting.push_back(job);
    }
}

/// The next one; `None` when all is done.
fn next((jobs, told): &(Mutex<Jobs>, Condvar)) -> Option<Job> {
    let jobs = jobs.lock().unwrap_or_else(PoisonError::into_inner);
    let idle = |jobs: &mut Jobs| jobs.waiting.is_empty() && !jobs.ended;
    told.wait_while(jobs, idle).unwrap_or_else(PoisonError::into_inner).waiting.pop_front()
}

fn work(jobs: &(Mutex<Jobs>, Condvar)) {
    while let Some(job) = next(jobs) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_is_to_be_kept_in_a_folder_the_last_waits_and_nothing_comes_before_a_deletion() {
        let kept = |page: &str| {
            let mut kept = Kept::default();
            kept.set_page(&format!("http://prod.localhost:4201{page}").parse().unwrap());
            kept
        };
        let keep = |folder: &str, page: &str| Job::Keep(folder.into(), kept(page));
        let mut jobs = Jobs::default();
        for number in 0..1000 {
            jobs.add(keep("one", &format!("/{number}")));
            jobs.add(keep("two", "/"));
        }
        assert_eq!(jobs.waiting, [keep("one", "/999"), keep("two", "/")]);
        jobs.add(Job::Delete("one".into()));
        jobs.add(keep("one", "/again"));
        assert_eq!(jobs.waiting, [keep("two", "/"), Job::Delete("one".into()), keep("one", "/again")]);
    }

    #[test]
    fn what_waits_is_done_before_the_end() {
        let folder = std::env::temp_dir().join(format!("postern-keeper-{}", std::process::id()));
        let keeper = Keeper::default();
        keeper.keep(folder.clone(), Kept::default());
        drop(keeper);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
        let keeper = Keeper::default();
        keeper.delete(folder.clone());
        drop(keeper);
        assert!(!folder.exists());
    }
}
