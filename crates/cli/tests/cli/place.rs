//! A configuration folder of one's own, and `postern` run in it.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// In every secret of these tests, and in no output of the program.
pub(crate) const CANARY: &str = "canary";

pub(crate) struct Place {
    dir: TempDir,
    variables: Vec<(String, String)>,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { dir: TempDir::new().unwrap(), variables: Vec::new() }
    }

    /// With this profiles.toml.
    pub(crate) fn with(text: &str) -> Self {
        let place = Self::new();
        fs::write(place.file(), text).unwrap();
        place
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.dir.path().to_owned()
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.dir.path().join("profiles.toml")
    }

    pub(crate) fn text(&self) -> String {
        fs::read_to_string(self.file()).unwrap()
    }

    /// `postern --config-dir … --vault env …` with nothing of this process's environment: no home, no display,
    /// no session bus.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
        command.arg("--config-dir").arg(self.dir.path()).args(["--vault", "env"]).args(arguments);
        // Never the session bus of whoever runs the tests: their keychain is behind it.
        command
            .env_clear()
            .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.current_dir(self.dir.path()).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        run(&mut self.command(arguments), "")
    }

    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Outcome {
        run(&mut self.command(arguments), input)
    }

    /// A run that does what it is asked to.
    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        let outcome = self.run(arguments);
        assert_eq!(outcome.code, 0, "{outcome:?}");
        outcome.out
    }

    /// A run that does, with `--json`.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.done(&[&["--json"], arguments].concat())).unwrap()
    }

    /// A run that fails: its exit code, and its error as JSON says it.
    pub(crate) fn refused(&self, arguments: &[&str]) -> (i32, String, String) {
        refusal(&self.run(&[&["--json"], arguments].concat()))
    }
}

/// Exit code, error code, and sentence with remedy.
pub(crate) fn refusal(outcome: &Outcome) -> (i32, String, String) {
    assert_eq!(outcome.out, "", "{outcome:?}");
    let error: Value = serde_json::from_str(&outcome.err).unwrap_or_else(|error| panic!("{error}: {outcome:?}"));
    let text =
        |name: &str| error["error"][name].as_str().unwrap_or_else(|| panic!("no {name}: {outcome:?}")).to_owned();
    (outcome.code, text("code"), format!("{} {}", text("sentence"), text("remedy")))
}

pub(crate) fn run(command: &mut Command, input: &str) -> Outcome {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A program that does not read its input may have ended already.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let outcome = Outcome {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    };
    assert!(!outcome.out.contains(CANARY) && !outcome.err.contains(CANARY), "a secret in the output: {outcome:?}");
    outcome
}

/// A port nobody listens on now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// All names below a folder.
pub(crate) fn names(dir: impl AsRef<OsStr>) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(PathBuf::from(dir.as_ref()))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
