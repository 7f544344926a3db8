//! Child processes that cannot outlive us.
//!
//! - Each leads a process group of its own; dropping a [`Process`] kills the group and waits.
//! - Shared parts sit in statics, which are never dropped, and a test run may be killed: so the kernel
//!   is asked, through `setpriv --pdeathsig`, to kill the child when its parent thread ends. *Thread*,
//!   not process: all children are therefore spawned by one thread that lives as long as we do.
//! - Output goes to files in a [`Scratch`] folder, so a child never blocks on a full pipe and a failed
//!   test can show what was said.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{OnceLock, mpsc};
use std::time::Duration;
use std::{fs, io, thread};

use anyhow::{Context as _, bail};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::scratch::Scratch;
use crate::wait::until;

/// A command line that dies with us: give it arguments and environment, then [`Process::spawn`] or [`run`] it.
#[must_use]
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// A running child.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Process {
    /// Starts a [`command`]; its output goes to `<name>.out` and `<name>.err` in the scratch folder.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(name: &str, command: Command, scratch: &Scratch) -> anyhow::Result<Self> {
        Self::spawn_with_input(name, command, "", scratch)
    }

    /// As [`Process::spawn`], with a short text on standard input: the way to hand over a secret.
    ///
    /// # Errors
    /// When it cannot be started or does not read.
    pub fn spawn_with_input(name: &str, mut command: Command, input: &str, scratch: &Scratch) -> anyhow::Result<Self> {
        let stdout = scratch.join(format!("{name}.out"));
        let stderr = scratch.join(format!("{name}.err"));
        command
            .stdin(if input.is_empty() { Stdio::null() } else { Stdio::piped() })
            .stdout(File::create(&stdout)?)
            .stderr(File::create(&stderr)?)
            .process_group(0);
        let mut child = spawn_on_lasting_thread(command).with_context(|| format!("cannot start {name}"))?;
        if let Some(mut pipe) = child.stdin.take()
            && let Err(error) = pipe.write_all(input.as_bytes())
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            return Err(error).with_context(|| format!("{name} does not read its input"));
        }
        Ok(Self { name: name.to_owned(), child, stdout, stderr })
    }

    /// Its process id, which is also its group's.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote to standard output so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        read(&self.stdout)
    }

    /// What it wrote to standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        read(&self.stderr)
    }

    /// Whether it has ended, and how.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn exited(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Polls until `look` sees something in the running process; ends early when the process does.
    ///
    /// # Errors
    /// With the process's last words, when it ends or `limit` passes.
    pub async fn until<T>(
        &mut self,
        what: &str,
        limit: Duration,
        mut look: impl AsyncFnMut(&Self) -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<T> {
        let seen = until(what, limit, async || {
            if let Some(seen) = look(self).await? {
                return Ok(Some(seen));
            }
            match self.exited()? {
                Some(status) => bail!("it ended ({status}) before {what}"),
                None => Ok(None),
            }
        })
        .await;
        seen.with_context(|| self.last_words())
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// With its last words, when it has not ended after `limit`.
    pub async fn wait(&mut self, limit: Duration) -> anyhow::Result<ExitStatus> {
        let ended = until("its end", limit, async || self.exited()).await;
        ended.with_context(|| self.last_words())
    }

    /// Waits for its end, which must be a good one.
    ///
    /// # Errors
    /// With its last words, when it has not ended after `limit`, or ended otherwise.
    pub async fn succeeds(&mut self, limit: Duration) -> anyhow::Result<()> {
        let status = self.wait(limit).await?;
        if !status.success() {
            bail!("it ended with {status}: {}", self.last_words());
        }
        Ok(())
    }

    /// Asks it to end (`SIGTERM`) and waits. Not its children, which are its own business: WebKit gives up where one
    /// that has just been started goes away.
    ///
    /// # Errors
    /// When it has not ended after `limit`; dropping it then kills it.
    pub async fn terminate(mut self, limit: Duration) -> anyhow::Result<Finished> {
        kill(self.group()?, Signal::SIGTERM).with_context(|| format!("cannot end {}", self.name))?;
        let status = self.wait(limit).await?;
        Ok(Finished { status, stdout: self.stdout(), stderr: self.stderr() })
    }

    fn group(&self) -> anyhow::Result<Pid> {
        Ok(Pid::from_raw(i32::try_from(self.child.id())?))
    }

    fn last_words(&self) -> String {
        let tail = |text: String| {
            let lines: Vec<&str> = text.lines().collect();
            lines[lines.len().saturating_sub(30)..].join("\n")
        };
        format!("{}\n{}\n{}", self.name, tail(self.stdout()), tail(self.stderr()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The group may outlive its leader: a child's children are ended too.
        if let Ok(group) = self.group() {
            killpg(group, Signal::SIGKILL).ok();
        }
        drop(self.child.wait());
    }
}

/// A process that has ended.
#[derive(Debug)]
pub struct Finished {
    /// How.
    pub status: ExitStatus,
    /// All of its standard output.
    pub stdout: String,
    /// All of its standard error.
    pub stderr: String,
}

impl Finished {
    /// Its exit code; none when a signal ended it.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Its standard output, if it succeeded.
    ///
    /// # Errors
    /// With its output, if it did not.
    pub fn success(self) -> anyhow::Result<String> {
        if self.status.success() {
            return Ok(self.stdout);
        }
        bail!("{}\n{}\n{}", self.status, self.stdout.trim_end(), self.stderr.trim_end())
    }
}

/// Runs a [`command`] to its end.
///
/// # Errors
/// When it cannot be started, or has not ended after `limit`. A failure of its own is no error here.
pub async fn run(
    name: &str,
    command: Command,
    input: &str,
    scratch: &Scratch,
    limit: Duration,
) -> anyhow::Result<Finished> {
    let mut process = Process::spawn_with_input(name, command, input, scratch)?;
    let status = process.wait(limit).await?;
    Ok(Finished { status, stdout: process.stdout(), stderr: process.stderr() })
}

fn read(path: &PathBuf) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

type Order = (Command, mpsc::SyncSender<io::Result<Child>>);

fn spawn_on_lasting_thread(command: Command) -> anyhow::Result<Child> {
    static ORDERS: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    let orders = ORDERS.get_or_init(|| {
        let (sender, orders) = mpsc::channel::<Order>();
        // Ends with the process: the sender is in a static.
        thread::spawn(move || {
            for (mut command, answer) in orders {
                drop(answer.send(command.spawn()));
            }
        });
        sender
    });
    let (answer, child) = mpsc::sync_channel(1);
    orders.send((command, answer)).context("the spawning thread has ended")?;
    Ok(child.recv().context("the spawning thread has ended")??)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn dropping_a_process_ends_its_whole_group() {
        let scratch = Scratch::new("process").unwrap();
        let mut shell = command("sh");
        shell.args(["-c", "sleep 1000 & echo $!; wait"]);
        let mut process = Process::spawn("shell", shell, &scratch).unwrap();
        let grandchild = process
            .until("the grandchild's id", Duration::from_secs(30), async |process| {
                let out = process.stdout();
                Ok(out.ends_with('\n').then(|| PathBuf::from("/proc").join(out.trim())))
            })
            .await
            .unwrap();
        assert!(grandchild.exists());
        drop(process);
        let gone = async || {
            // Its new parent may leave it a zombie for a moment: that is dead enough.
            let stat = fs::read_to_string(grandchild.join("stat")).unwrap_or_default();
            Ok((stat.is_empty() || stat.contains(") Z ")).then_some(()))
        };
        until("the grandchild's end", Duration::from_secs(30), gone).await.unwrap();
    }

    #[tokio::test]
    async fn a_child_outlives_the_thread_that_asked_for_it_and_ends_when_told() {
        let scratch = Scratch::new("process").unwrap();
        let path = scratch.path().to_owned();
        let asked = thread::spawn(move || {
            let mut shell = command("sh");
            shell.current_dir(path).args(["-c", "trap 'echo bye; exit 7' TERM; echo up; while :; do sleep 0.01; done"]);
            Process::spawn("shell", shell, &scratch).map(|process| (process, scratch))
        });
        let (mut process, _scratch) = asked.join().unwrap().unwrap();
        let up = async |process: &Process| Ok(process.stdout().starts_with("up").then_some(()));
        process.until("its first word", Duration::from_secs(30), up).await.unwrap();
        let finished = process.terminate(Duration::from_secs(30)).await.unwrap();
        assert_eq!((finished.code(), finished.stdout.as_str()), (Some(7), "up\nbye\n"));
    }

    #[tokio::test]
    async fn a_process_that_ends_early_is_reported_with_its_last_words() {
        let scratch = Scratch::new("process").unwrap();
        let mut shell = command("sh");
        shell.args(["-c", "echo the config is broken >&2; exit 3"]);
        let mut process = Process::spawn("part", shell, &scratch).unwrap();
        let never = async |_: &Process| Ok(None::<()>);
        let error = process.until("readiness", Duration::from_secs(30), never).await.unwrap_err();
        let error = format!("{error:#}");
        assert!(error.contains("part") && error.contains("the config is broken"), "{error}");
    }
}
