//! What is wrong, for a person: one shape for every cause, shared by tray, manager and command line.

use postern_gateway::{Fault, StartError};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What is wrong, for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Trouble {
    /// Stable, for programs and tests: `edge_credential_wrong`.
    pub code: String,
    /// What happened and where.
    pub sentence: String,
    /// What to do.
    pub remedy: String,
}

impl Trouble {
    /// From its three parts.
    #[must_use]
    pub fn new(code: &str, sentence: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { code: code.to_owned(), sentence: sentence.into(), remedy: remedy.into() }
    }

    /// What a panic looks like from outside. Its own words may hold anything, and are not repeated.
    pub(crate) fn internal(error: &tokio::task::JoinError) -> Self {
        tracing::error!(panicked = error.is_panic(), "a task failed");
        Self::new(
            "internal",
            "Postern itself made a mistake here.",
            "Try again. If it stays so, save a report in the settings, and send it to whoever looks after Postern.",
        )
    }
}

/// What a person can do about a trouble in the manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// The form has what is to be put right.
    EditSettings,
    /// Another look at the server may find more.
    FindCause,
    /// There is no keychain, and the session can do without.
    KeepInMemory,
    /// It is Postern's own mistake.
    SaveReport,
}

impl Step {
    /// In the order in which they are offered.
    #[must_use]
    pub fn of(trouble: &Trouble) -> Vec<Self> {
        match trouble.code.as_str() {
            "gateway_broken" | "internal" => vec![Self::SaveReport],
            "vault_absent" => vec![Self::KeepInMemory],
            // A look would ask the keychain again.
            code if code.starts_with("vault_") => Vec::new(),
            "no_random_numbers" => Vec::new(),
            // No server's doing.
            "port_taken" | "listen_failed" | "local_key_empty" => vec![Self::EditSettings],
            "secret_missing"
            | "file_unreadable"
            | "client_certificate_unusable"
            | "certificate_unusable"
            | "credential_unusable"
            | "proxy_unusable"
            | "edge_credential_missing"
            | "edge_credential_wrong"
            | "prefect_credential_missing"
            | "prefect_credential_wrong"
            | "authorization_conflict"
            | "sign_in_required" => vec![Self::EditSettings, Self::FindCause],
            _ => vec![Self::FindCause],
        }
    }
}

impl From<&Fault> for Trouble {
    fn from(fault: &Fault) -> Self {
        Self::new(fault.code(), fault.sentence(), fault.remedy())
    }
}

impl From<&StartError> for Trouble {
    fn from(error: &StartError) -> Self {
        match error {
            StartError::PortTaken { port, program } => Self::new(
                "port_taken",
                program.as_ref().map_or_else(
                    || format!("Another program has port {port} of this machine."),
                    |program| format!("{program} has port {port} of this machine."),
                ),
                // Ours let nobody look into them, so that they often have no name here.
                if program.as_ref().is_none_or(|program| program.starts_with("postern")) {
                    "If that is Postern itself, in the tray or as `postern serve`, the door is open already, and there is \
                     nothing to do. Else end that program, or give the profile another port."
                } else {
                    "End that program, or give the profile another port."
                },
            ),
            StartError::Listen { port, source } => Self::new(
                "listen_failed",
                format!("The system does not let Postern listen on port {port}: {source}."),
                "Give the profile another port.",
            ),
            StartError::Certificate { what, reason } => Self::new(
                "certificate_unusable",
                format!("The profile's {what} cannot be used: {reason}."),
                "Give another file in the profile; it must be PEM.",
            ),
            StartError::Credential { what, reason } => Self::new(
                "credential_unusable",
                format!("The profile's secret {what} cannot be sent in a header: {reason}."),
                "Enter it again.",
            ),
            StartError::EmptyKey => Self::new(
                "local_key_empty",
                "The profile's local key is empty: every program would have it.",
                "Clear the profile's secret local-key; Postern makes a new one.",
            ),
            StartError::Proxy { reason } => Self::new(
                "proxy_unusable",
                format!("The profile's proxy cannot be used: {reason}."),
                "Correct the proxy's address in the profile.",
            ),
            StartError::Random(source) => Self::new(
                "no_random_numbers",
                format!("The operating system gives no random numbers: {source}."),
                "Restart the machine.",
            ),
        }
    }
}
