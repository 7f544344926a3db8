//! The gateway, alone in a process and on its runtime: so that whatever is counted there is its own.

use std::io::{self, BufRead as _, Write as _};
use std::path::PathBuf;
use std::process::Stdio;

use postern_gateway::Gateway;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::support;

/// What the process is: on each line of input it says how many tasks its runtime has; at the end of input it ends.
pub(crate) fn serve(server: u16) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let gateway = runtime.block_on(Gateway::start(support::config(server))).map_err(io::Error::other)?;
    let mut out = io::stdout();
    writeln!(out, "{}", gateway.port())?;
    for line in io::stdin().lock().lines() {
        line?;
        writeln!(out, "{}", runtime.metrics().num_alive_tasks())?;
    }
    runtime.block_on(gateway.stop());
    Ok(())
}

/// The process, from outside.
pub(crate) struct Process {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    folder: PathBuf,
    pub(crate) port: u16,
}

/// What it has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Has {
    pub(crate) tasks: u64,
    pub(crate) descriptors: u64,
    /// Resident, in KiB.
    pub(crate) memory: u64,
}

impl Process {
    /// This program once more.
    pub(crate) async fn start(server: u16) -> io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["gateway", &server.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let (Some(input), Some(output), Some(id)) = (child.stdin.take(), child.stdout.take(), child.id()) else {
            return Err(io::Error::other("the gateway's process has no streams"));
        };
        let folder = PathBuf::from(format!("/proc/{id}"));
        let mut process = Self { child, input, output: BufReader::new(output).lines(), folder, port: 0 };
        process.port = process.number().await?;
        Ok(process)
    }

    async fn number<T: std::str::FromStr>(&mut self) -> io::Result<T> {
        let line = self.output.next_line().await?;
        line.and_then(|line| line.parse().ok()).ok_or_else(|| io::Error::other("the gateway's process has ended"))
    }

    /// Looks at it.
    pub(crate) async fn has(&mut self) -> io::Result<Has> {
        self.input.write_all(b"\n").await?;
        let tasks = self.number().await?;
        let descriptors = std::fs::read_dir(self.folder.join("fd"))?.count() as u64;
        let status = std::fs::read_to_string(self.folder.join("status"))?;
        let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let memory = memory.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        Ok(Has { tasks, descriptors, memory: memory.ok_or_else(|| io::Error::other("/proc tells no memory"))? })
    }

    /// Ends it; it must end well.
    pub(crate) async fn stop(self) -> io::Result<()> {
        let Self { mut child, input, .. } = self;
        drop(input);
        let status = child.wait().await?;
        if status.success() {
            Ok(())
        } else {
            Err(io::Error::other(format!("the gateway's process ended with {status}")))
        }
    }
}
