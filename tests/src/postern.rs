//! Postern's own command line, as a person runs it: a configuration folder, a vault, a program.
//!
//! Secrets are in the `env` vault: the one back end that needs no desktop, and the one whose process
//! environment holds secrets by design.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::process::{Finished, Process, command, run};
use crate::scratch::{Scratch, workspace};

const BUILD_LIMIT: Duration = Duration::from_secs(15 * 60);
const READY_LIMIT: Duration = Duration::from_secs(30);
const RUN_LIMIT: Duration = Duration::from_secs(30);

/// An installation: its profiles and secrets.
#[derive(Debug)]
pub struct Postern {
    binary: PathBuf,
    variables: BTreeMap<String, String>,
    home: Scratch,
    /// Apart from the home: what `postern env` prints holds the local key, by design.
    output: Scratch,
}

impl Postern {
    /// A new installation with these profiles, as the text of a `profiles.toml`.
    ///
    /// # Errors
    /// When the program cannot be built or the file not be written.
    pub async fn new(profiles: &str) -> anyhow::Result<Self> {
        let home = Scratch::new("postern")?;
        home.write("config/profiles.toml", profiles)?;
        let (binary, variables) = (binary().await?, BTreeMap::new());
        Ok(Self { binary, variables, home, output: Scratch::new("output")? })
    }

    /// Puts a secret into the vault.
    pub fn secret(&mut self, profile: &str, slot: &str, value: &str) {
        self.variables.insert(variable(profile, slot), value.to_owned());
    }

    /// The key that local programs have; empty where the vault has none.
    #[must_use]
    pub fn local_key(&self, profile: &str) -> String {
        self.variables.get(&variable(profile, "local-key")).cloned().unwrap_or_default()
    }

    /// Sets another variable of the environment, from the next program on.
    pub fn set_variable(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    /// Logs everything there is to log, from the next program on.
    pub fn log_everything(&mut self) {
        self.variables.insert("POSTERN_LOG".to_owned(), "trace".to_owned());
    }

    /// Its home, with its configuration: all it has to write to.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// `postern ARGUMENTS`, with nothing but its own variables in the environment.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(&self.binary);
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.home.path())
            .envs(&self.variables)
            .arg("--config-dir")
            .arg(self.home.join("config"))
            .args(["--vault", "env"])
            .args(arguments);
        command
    }

    /// Runs a command to its end, whatever that is.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn run(&self, arguments: &[&str]) -> anyhow::Result<Finished> {
        run("run", self.command(arguments), "", &self.output, RUN_LIMIT).await
    }

    /// Starts `postern serve` and waits until every profile named is ready.
    ///
    /// # Errors
    /// When it ends before, or a ready line does not come.
    pub async fn serve(&self, profiles: &[&str]) -> anyhow::Result<Serving> {
        let arguments = [&["--json", "serve"], profiles].concat();
        let mut process = Process::spawn("serve", self.command(&arguments), &self.output)?;
        let ready = process
            .until("a ready line for each profile", READY_LIMIT, async |process| {
                let ready = ready_lines(&process.stdout())?;
                Ok(profiles.iter().all(|id| ready.contains_key(*id)).then_some(ready))
            })
            .await?;
        Ok(Serving { process, ready })
    }

    /// What `postern env PROFILE` sets, as a shell that evaluates its output sees it.
    ///
    /// # Errors
    /// When it fails, or the shell does not like its output.
    pub async fn environment(&self, profile: &str) -> anyhow::Result<BTreeMap<String, String>> {
        let script = self.run(&["env", profile, "--shell", "bash"]).await?.success()?;
        let mut bash = command("bash");
        bash.env_clear().env("PATH", "/usr/bin:/bin").args(["--norc", "-c", "set -eu; eval \"$(cat)\"; env -0"]);
        // In a folder of its own that goes away: the output holds the local key.
        let evaluated = run("bash", bash, &script, &Scratch::new("bash")?, RUN_LIMIT).await?.success()?;
        let pairs = evaluated.split_terminator('\0').filter_map(|pair| pair.split_once('='));
        let own = ["PATH", "PWD", "SHLVL", "_", "OLDPWD"];
        let pairs = pairs.filter(|(name, _)| !own.contains(name));
        Ok(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// The one-time address that lets a browser in.
    ///
    /// # Errors
    /// When there is none to be had.
    pub async fn open(&self, profile: &str) -> anyhow::Result<String> {
        let printed = self.run(&["open", profile, "--print"]).await?.success()?;
        Ok(printed.trim().to_owned())
    }
}

/// A running `postern serve`.
#[derive(Debug)]
pub struct Serving {
    /// The program.
    pub process: Process,
    ready: BTreeMap<String, Ready>,
}

impl Serving {
    /// What the ready line of a profile said.
    ///
    /// # Errors
    /// When it is not among those served.
    pub fn ready(&self, profile: &str) -> anyhow::Result<&Ready> {
        self.ready.get(profile).with_context(|| format!("{profile} is not served"))
    }
}

/// The ready line of one profile.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Ready {
    /// Its id.
    pub profile: String,
    /// Where its gateway is, such as `http://127.0.0.1:4201`.
    pub url: String,
    /// `url` + `/api`.
    pub api_url: String,
}

fn variable(profile: &str, slot: &str) -> String {
    format!("POSTERN_SECRET_{profile}_{slot}").to_uppercase().replace('-', "_")
}

fn ready_lines(output: &str) -> anyhow::Result<BTreeMap<String, Ready>> {
    let mut ready = BTreeMap::new();
    for line in output.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
        let event: Value = serde_json::from_str(line).with_context(|| format!("not a line of JSON: {line}"))?;
        if event["event"] == "ready" {
            let line: Ready = serde_json::from_value(event)?;
            ready.insert(line.profile.clone(), line);
        }
    }
    Ok(ready)
}

/// The program: `POSTERN_BIN`, or what cargo builds (at once, when nothing has changed).
///
/// # Errors
/// When it cannot be built.
pub async fn binary() -> anyhow::Result<PathBuf> {
    static BINARY: OnceCell<PathBuf> = OnceCell::const_new();
    let built = BINARY.get_or_try_init(async || {
        if let Some(given) = std::env::var_os("POSTERN_BIN") {
            return Ok(PathBuf::from(given));
        }
        let mut cargo = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(workspace()).args([
            "build",
            "--quiet",
            "--package",
            "postern-cli",
            "--message-format",
            "json",
        ]);
        let output = run("cargo", cargo, "", &Scratch::new("build")?, BUILD_LIMIT).await?.success()?;
        for line in output.lines() {
            let message: Value = serde_json::from_str(line)?;
            if let Some(executable) = message["executable"].as_str()
                && message["target"]["name"] == "postern"
            {
                return Ok(PathBuf::from(executable));
            }
        }
        bail!("cargo built no `postern`");
    });
    Ok(built.await?.clone())
}
