//! What can be said on the command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{ArgAction, Args, Parser, Subcommand};
use postern_control::environment::Shell;
use postern_control::folders::Folders;
use postern_control::profile::{Color, Connect, ProfileId, Slot};
use postern_control::vault::Kind;

use crate::failure::Failure;

/// A private door to your secured Prefect servers, from the command line
#[derive(Debug, Parser)]
#[command(name = "postern", version, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str =
    "Exit codes: 0 done, 1 failed, 2 not understood or not valid, 3 not reachable, 4 not authorised,
5 a secret is missing, or the vault does not give it";

const EVERYWHERE: &str = "For every command";

/// For every command.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Where profiles.toml is, instead of the system's place for it
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "DIR", overrides_with = "config_dir")]
    config_dir: Option<PathBuf>,
    /// Where secrets are: the keychain (os), this process (memory), or POSTERN_SECRET_… variables (env)
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "os|memory|env", default_value = "os", overrides_with = "vault")]
    pub(crate) vault: Kind,
    /// Print results as JSON, and errors as {"error": {"code", "sentence", "remedy"}}
    #[arg(long, global = true, help_heading = EVERYWHERE, overrides_with = "json")]
    pub(crate) json: bool,
}

impl Common {
    /// Where the files are.
    pub(crate) fn folders(&self) -> Result<Folders, Failure> {
        match &self.config_dir {
            Some(dir) => Folders::at(dir).map_err(Failure::system),
            None => Folders::system().ok_or_else(|| {
                Failure::new(
                    "no_home",
                    "This user has no home folder to keep profiles.toml in.",
                    "Name a folder with `--config-dir`.",
                )
            }),
        }
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show all profiles
    List,
    /// Show one profile
    Show {
        /// Its id
        id: ProfileId,
    },
    /// Add a profile
    Add(Box<Add>),
    /// Change a profile
    Edit(Box<Edit>),
    /// Remove a profile, its secrets, and what its dashboard kept
    Remove {
        /// Its id
        id: ProfileId,
    },
    /// Save or clear a profile's secrets
    #[command(subcommand)]
    Secret(SecretCommand),
    /// Look at a server layer by layer, and say which one refuses and what to do
    Doctor {
        /// A profile's id, or any address of a server without one
        target: String,
        /// For an address: read the secrets from standard input (-), as slot=value lines; edge-username and
        /// prefect-username too
        #[arg(long, value_name = "-", value_parser = ["-"])]
        secrets_from: Option<String>,
        /// Leave host names, addresses and user names out, to show it to others; secrets are never in it
        #[arg(long)]
        share: bool,
    },
    /// Write a report for whoever is to find out what is wrong: versions, settings, the log, and no secret
    ///
    /// Read it before you send it: README.txt in it says what else there is.
    Report {
        /// Where to; else a new file in the current folder
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Look at this profile's server now, and put in what comes of it. May be given several times
        #[arg(long, value_name = "ID", action = ArgAction::Append)]
        doctor: Vec<ProfileId>,
        /// Leave host names, addresses, user names and names of profiles out
        #[arg(long)]
        share: bool,
    },
    /// Run gateways in the foreground, until Ctrl-C or SIGTERM
    Serve {
        /// Which profiles; without any, all with `connect = "always"`
        ids: Vec<ProfileId>,
    },
    /// Open a profile's dashboard, or the page a link leads to, in the browser; the gateway must be running
    Open {
        /// Its id, or a link: postern://ID/PATH, or the address of a page of the server's
        target: String,
        /// Print the address instead; it works once, for 30 seconds
        #[arg(long)]
        print: bool,
    },
    /// Print the settings that send local Prefect programs through a profile's gateway
    ///
    /// bash and zsh: eval "$(postern env ID)"
    ///
    /// fish: postern env ID --shell fish | source
    ///
    /// PowerShell: postern env ID --shell powershell | Out-String | Invoke-Expression
    #[command(verbatim_doc_comment)]
    Env {
        /// Its id
        id: ProfileId,
        /// What reads the settings
        #[arg(long, value_name = "bash|fish|powershell|dotenv", default_value = DEFAULT_SHELL)]
        shell: Shell,
    },
    /// What Prefect on this machine has to do with Postern
    #[command(subcommand)]
    Prefect(PrefectCommand),
    /// Print what makes a shell complete these commands
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Write the manual's pages, for a package
    #[command(hide = true)]
    Man {
        /// Where to; it must be there
        folder: PathBuf,
    },
}

const DEFAULT_SHELL: &str = if cfg!(windows) { "powershell" } else { "bash" };

/// What to do with Prefect's own files.
#[derive(Debug, Subcommand)]
pub(crate) enum PrefectCommand {
    /// List the servers in Prefect's profiles and settings, or add them with their secrets
    ///
    /// Looked at are PREFECT_… variables; .env, prefect.toml and pyproject.toml in the current folder; and Prefect's
    /// profiles. Nothing is changed there.
    Import {
        /// Which, as they are listed; none: only list them
        names: Vec<String>,
        /// All that can be
        #[arg(long, conflicts_with = "names")]
        all: bool,
    },
}

/// What to do with a secret.
#[derive(Debug, Subcommand)]
pub(crate) enum SecretCommand {
    /// Save a secret, read from standard input
    Set {
        /// The profile's id
        id: ProfileId,
        /// edge-password, edge-token, prefect-password, client-key, client-key-password, local-key or header-NAME
        slot: Slot,
    },
    /// Remove a secret
    Clear {
        /// The profile's id
        id: ProfileId,
        /// Which; `postern show ID` lists them
        slot: Slot,
    },
}

/// A new profile.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// The address of the Prefect UI
    #[arg(long)]
    pub(crate) url: String,
    /// The key everywhere: a-z, 0-9 and hyphens. Left out, it is made from the name
    #[arg(long)]
    pub(crate) id: Option<ProfileId>,
    #[command(flatten)]
    pub(crate) fields: Fields,
}

/// A change to a profile.
#[derive(Debug, Args)]
pub(crate) struct Edit {
    /// Its id
    pub(crate) id: ProfileId,
    /// The address of the Prefect UI
    #[arg(long)]
    pub(crate) url: Option<String>,
    #[command(flatten)]
    pub(crate) fields: Fields,
}

/// A profile's fields. What is left out stays as it is; what can be left out of a profile is taken out by an
/// empty value.
#[derive(Debug, Default, Args)]
pub(crate) struct Fields {
    /// What you call it; a new one is called as the address's host
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Where the API is, when not at the address + /api
    #[arg(long, value_name = "URL")]
    pub(crate) api_url: Option<String>,
    /// Its port on this machine; a new one has the lowest that is free
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// The colour of its windows and menu entry
    #[arg(long, value_parser = PossibleValuesParser::new(Color::ALL.map(Color::as_str).into_iter().chain([""])))]
    pub(crate) color: Option<String>,
    /// Refuse everything that would change something on the server
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) read_only: Option<bool>,
    /// When its gateway starts
    #[arg(long, value_parser = PossibleValuesParser::new(Connect::ALL.map(Connect::as_str)))]
    pub(crate) connect: Option<String>,
    /// Which local programs are let in: those with the local key, any of this user, or none
    #[arg(long, value_parser = ["key", "open", "off"])]
    pub(crate) local_programs: Option<String>,
    /// The server's edge asks for this user name and a password (edge-password)
    #[arg(long, value_name = "NAME", group = "edge")]
    pub(crate) edge_username: Option<String>,
    /// The server's edge asks for a token (edge-token)
    #[arg(long, group = "edge")]
    pub(crate) edge_token: bool,
    /// The server's edge asks for nothing
    #[arg(long, group = "edge")]
    pub(crate) no_edge: bool,
    /// Prefect's own auth string begins with this user name (prefect-password is the rest)
    #[arg(long, value_name = "NAME", group = "prefect")]
    pub(crate) prefect_username: Option<String>,
    /// Prefect has no auth string
    #[arg(long, group = "prefect")]
    pub(crate) no_prefect: bool,
    /// Send this header as well; its value is a secret (header-NAME). May be given several times
    #[arg(long, value_name = "NAME", action = ArgAction::Append)]
    pub(crate) header: Vec<String>,
    /// Do not send this header any more
    #[arg(long, value_name = "NAME", action = ArgAction::Append)]
    pub(crate) remove_header: Vec<String>,
    /// Certificates (PEM) to trust in addition to the system's
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<OsString>,
    /// A client certificate for the server: PEM, or PKCS#12 (.p12, .pfx) with its key. A passphrase is saved as
    /// client-key-password
    #[arg(long, value_name = "FILE")]
    pub(crate) client_cert_file: Option<OsString>,
    /// The client certificate's key (PEM), if neither in the same file nor saved as client-key
    #[arg(long, value_name = "FILE")]
    pub(crate) client_key_file: Option<OsString>,
    /// Accept any certificate: whoever is on the way can read the password
    #[arg(long, overrides_with = "verify")]
    pub(crate) no_verify: bool,
    /// Check the server's certificate again
    #[arg(long)]
    pub(crate) verify: bool,
    /// The way out: system, none, http://HOST:PORT or socks5://HOST:PORT
    #[arg(long)]
    pub(crate) proxy: Option<String>,
    /// Read the secrets from standard input (-), as slot=value lines
    #[arg(long, value_name = "-", value_parser = ["-"])]
    pub(crate) secrets_from: Option<String>,
}
