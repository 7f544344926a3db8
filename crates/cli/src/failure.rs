//! Why a command did not do what was asked, and the exit code that says so.

use std::io;
use std::process::ExitCode;

use postern_control::change::ChangeError;
use postern_control::door::DoorError;
use postern_control::environment::LocalProgramsOff;
use postern_control::profile::Unfit;
use postern_control::resolve::ResolveError;
use postern_control::store::StoreError;
use postern_control::vault::VaultError;
use postern_control::view::Trouble;

/// A command's bad end.
#[derive(Debug)]
pub(crate) struct Failure {
    /// In words.
    pub(crate) trouble: Trouble,
    /// Whether that is in the command's result already.
    pub(crate) told: bool,
}

/// Exit codes: part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Failed = 1,
    Usage = 2,
    NotReachable = 3,
    NotAuthorised = 4,
    VaultUnavailable = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Failure {
    pub(crate) fn new(code: &str, sentence: impl Into<String>, remedy: impl Into<String>) -> Self {
        Trouble::new(code, sentence, remedy).into()
    }

    /// The options or what came on standard input cannot be used.
    pub(crate) fn usage(error: &clap::Error) -> Self {
        let rendered = error.render().to_string();
        let mut lines = rendered.lines().map(str::trim).take_while(|line| !line.is_empty());
        let said = lines.next().unwrap_or_default().trim_start_matches("error: ");
        // What it is about stands below, one by line.
        let about: Vec<&str> = lines.collect();
        let sentence = if about.is_empty() { said.to_owned() } else { format!("{said} {}", about.join(", ")) };
        Self::new("usage", sentence, "`postern --help` shows what there is.")
    }

    /// The operating system refused something that has nothing to do with profiles.
    #[expect(clippy::needless_pass_by_value, reason = "for map_err")]
    pub(crate) fn system(error: io::Error) -> Self {
        Self::new("system", format!("The operating system refused: {error}."), "Correct that and try again.")
    }

    /// One table, so that a code always means the same exit code.
    pub(crate) fn exit(&self) -> Exit {
        match self.trouble.code.as_str() {
            "usage" | "link_refused" | "profile_invalid" | "secret_unfit" | "slot_not_needed" => Exit::Usage,
            "gateway_not_running"
            | "gateway_is_a_stranger"
            | "name_not_found"
            | "server_unreachable"
            | "connect_timeout"
            | "connection_lost"
            | "proxy_failed"
            | "certificate_refused"
            | "tls_failed"
            | "https_not_spoken"
            | "captive_portal"
            | "server_down"
            | "answer_timeout" => Exit::NotReachable,
            "local_key_wrong"
            | "client_certificate_missing"
            | "client_certificate_refused"
            | "edge_credential_missing"
            | "edge_credential_wrong"
            | "edge_credential_misplaced"
            | "sign_in_required"
            | "authorization_conflict"
            | "authorization_dropped"
            | "prefect_credential_missing"
            | "prefect_credential_wrong" => Exit::NotAuthorised,
            "vault_absent" | "vault_locked" | "vault_refused" | "vault_failed" | "vault_read_only"
            | "secret_missing" | "secret_unusable" | "local_key_missing" => Exit::VaultUnavailable,
            _ => Exit::Failed,
        }
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        Self { trouble, told: false }
    }
}

impl From<ResolveError> for Failure {
    fn from(error: ResolveError) -> Self {
        error.trouble().into()
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let mut trouble = error.trouble();
        if let StoreError::Invalid(remarks) = &error {
            // The fields as they are called here.
            let lines: Vec<String> =
                remarks.iter().map(|remark| format!("{}: {}", remark.field.as_option(), remark.message)).collect();
            trouble.sentence = lines.join("\n");
            trouble.remedy = "Correct this and try again; nothing has changed.".to_owned();
        }
        trouble.into()
    }
}

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Self {
        error.trouble().into()
    }
}

impl From<ChangeError> for Failure {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Store(error) => error.into(),
            ChangeError::Vault(error) => error.into(),
            ChangeError::NothingToCopy(_) => {
                Self::new("secret_missing", error.to_string(), "Give it with `--secrets-from`.")
            }
            ChangeError::Internal(trouble) => trouble.into(),
        }
    }
}

impl From<Unfit> for Failure {
    fn from(unfit: Unfit) -> Self {
        VaultError::from(unfit).into()
    }
}

impl From<DoorError> for Failure {
    fn from(error: DoorError) -> Self {
        error.trouble().into()
    }
}

impl From<LocalProgramsOff> for Failure {
    fn from(error: LocalProgramsOff) -> Self {
        error.trouble().into()
    }
}
