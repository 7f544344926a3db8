//! A profile in the manager's form: what is typed, on its way to profiles.toml and the vault.

mod prepare;

use std::fmt;

use postern_gateway::{LocalPrograms, Secret};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

pub(crate) use self::prepare::prepare;
use super::Trouble;
use crate::change::ChangeError;
use crate::profile::{Color, Connect, Edge, Profile, Remark, Written};
use crate::store::StoreError;

/// A profile as the form has it: text, not yet valid. Comes back with the same shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Draft {
    /// The profile being edited; `None` adds one.
    pub id: Option<String>,
    /// May be empty: taken from the address.
    pub name: String,
    /// The server's address.
    pub url: String,
    /// Empty: `url` + `/api`.
    pub api_url: String,
    /// `None`: the next free one.
    pub port: Option<u32>,
    /// Its colour.
    pub color: Option<Color>,
    /// Refuse what writes.
    pub read_only: bool,
    /// When its gateway starts.
    pub connect: Connect,
    /// Which local programs are let in.
    pub local_programs: LocalProgramsChoice,
    /// What the edge asks for.
    pub edge: EdgeDraft,
    /// What Prefect asks for.
    pub prefect: PrefectDraft,
    /// Further headers.
    pub headers: Vec<HeaderDraft>,
    /// Paths; empty for none.
    pub ca_file: String,
    /// Path; empty for none.
    pub client_cert_file: String,
    /// Path; empty where the key is beside the certificate, or in vault slot `client-key`.
    pub client_key_file: String,
    /// The key itself, where it is not in a file.
    pub client_key: SecretInput,
    /// Its passphrase, where it has one.
    pub client_key_password: SecretInput,
    /// Check the server's certificate.
    pub verify: bool,
    /// `system`, `none`, `http://…`, `socks5://…`
    pub proxy: String,
}

/// Which local programs are let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum LocalProgramsChoice {
    /// Those with the local key.
    Key,
    /// Any process of this user.
    Open,
    /// None.
    Off,
}

/// What the edge asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum EdgeDraft {
    /// Nothing.
    None,
    /// User name and password.
    Basic {
        /// No colon.
        username: String,
        /// Vault slot `edge-password`.
        password: SecretInput,
    },
    /// A token.
    Bearer {
        /// Vault slot `edge-token`.
        token: SecretInput,
    },
}

/// What Prefect's own auth string is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum PrefectDraft {
    /// It has none.
    None,
    /// The edge's user name and password: sent along, saved in both slots.
    SameAsEdge,
    /// Its own.
    Own {
        /// Before the colon.
        username: String,
        /// After it. Vault slot `prefect-password`.
        password: SecretInput,
    },
}

/// One header.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HeaderDraft {
    /// As typed.
    pub name: String,
    /// Vault slot `header-<name>`.
    pub value: SecretInput,
}

/// A secret on its way in. Serialised it is always `keep`: nothing is ever sent to the page.
#[derive(Clone, Debug, Default, PartialEq, TS)]
#[ts(type = "\"keep\" | { set: string }")]
pub enum SecretInput {
    /// What the vault has stays.
    #[default]
    Keep,
    /// This from now on.
    Set(Secret),
}

impl Serialize for SecretInput {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("keep")
    }
}

impl<'de> Deserialize<'de> for SecretInput {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "lowercase")]
        enum Wire {
            Keep,
            Set(String),
        }
        // An error of serde's would repeat what it found, which may be the secret.
        let wire = Wire::deserialize(deserializer)
            .map_err(|_| serde::de::Error::custom("a secret is \"keep\" or {\"set\": \"…\"}"))?;
        Ok(match wire {
            Wire::Keep => Self::Keep,
            Wire::Set(text) => Self::Set(Secret::new(text)),
        })
    }
}

/// Why a draft was not saved: nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SaveErrors {
    /// One each, by field (`url`, `edge.username`, `headers.0.name`); empty where it is no field's.
    pub errors: Vec<FieldError>,
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct FieldError {
    /// The field's path, or empty.
    pub field: String,
    /// What happened and what to do.
    pub message: String,
}

impl SaveErrors {
    /// What is no single field's fault.
    pub(crate) fn whole(trouble: &Trouble) -> Self {
        Self { errors: vec![FieldError::new("", format!("{} {}", trouble.sentence, trouble.remedy))] }
    }
}

impl fmt::Display for SaveErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.errors.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join(" "))
    }
}

/// A field's message goes on from its name, which stands above it in the form, and before it everywhere else.
impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, message } = self;
        if field.is_empty() { f.write_str(message) } else { write!(f, "{field}: {message}") }
    }
}

impl std::error::Error for SaveErrors {}

impl From<StoreError> for SaveErrors {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Invalid(remarks) => Self { errors: remarks.into_iter().map(FieldError::from).collect() },
            // The store's own words are for those who typed the id.
            StoreError::NoSuchProfile(id) => Self::whole(&Trouble::new(
                "no_such_profile",
                format!("There is no profile “{id}” any more."),
                "Somebody removed it meanwhile; add it again if it is still needed.",
            )),
            StoreError::ChangedMeanwhile(_) | StoreError::File(_) => Self::whole(&error.trouble()),
        }
    }
}

impl From<ChangeError> for SaveErrors {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Store(error) => error.into(),
            ChangeError::Vault(error) => Self::whole(&error.trouble()),
            // Only the edge's password is copied.
            ChangeError::NothingToCopy(_) => {
                let message = "The vault has no password for the edge to take over. Enter it.";
                Self { errors: vec![FieldError::new("edge.password", message)] }
            }
            ChangeError::Internal(trouble) => Self::whole(&trouble),
        }
    }
}

impl FieldError {
    pub(crate) fn new(field: &str, message: impl Into<String>) -> Self {
        Self { field: field.to_owned(), message: message.into() }
    }
}

impl From<Remark> for FieldError {
    fn from(remark: Remark) -> Self {
        Self { field: remark.field.in_form(), message: remark.message }
    }
}

/// What the form starts from when a server is added.
impl Default for Draft {
    fn default() -> Self {
        Self {
            id: None,
            name: String::new(),
            url: String::new(),
            api_url: String::new(),
            port: None,
            color: None,
            read_only: false,
            connect: Connect::default(),
            local_programs: LocalPrograms::default().into(),
            edge: EdgeDraft::None,
            prefect: PrefectDraft::None,
            headers: Vec::new(),
            ca_file: String::new(),
            client_cert_file: String::new(),
            client_key_file: String::new(),
            client_key: SecretInput::Keep,
            client_key_password: SecretInput::Keep,
            verify: true,
            proxy: "system".to_owned(),
        }
    }
}

/// What the form starts from when a server is edited.
impl From<&Profile> for Draft {
    fn from(profile: &Profile) -> Self {
        let written = Written::from(profile);
        let edge = match &profile.edge {
            None => EdgeDraft::None,
            Some(Edge::Basic { username }) => {
                EdgeDraft::Basic { username: username.clone(), password: SecretInput::Keep }
            }
            Some(Edge::Bearer) => EdgeDraft::Bearer { token: SecretInput::Keep },
        };
        let prefect = match &profile.prefect_username {
            None => PrefectDraft::None,
            Some(_) if shares_edge(profile) => PrefectDraft::SameAsEdge,
            Some(username) => PrefectDraft::Own { username: username.clone(), password: SecretInput::Keep },
        };
        Self {
            id: Some(written.id),
            name: written.name,
            url: written.url,
            api_url: written.api_url,
            port: Some(profile.port.into()),
            color: profile.color,
            read_only: profile.read_only,
            connect: profile.connect,
            local_programs: profile.local_programs.into(),
            edge,
            prefect,
            headers: written.headers.into_iter().map(|name| HeaderDraft { name, value: SecretInput::Keep }).collect(),
            ca_file: written.ca_file,
            client_cert_file: written.client_cert_file,
            client_key_file: written.client_key_file,
            client_key: SecretInput::Keep,
            client_key_password: SecretInput::Keep,
            verify: profile.tls.verify,
            proxy: written.proxy,
        }
    }
}

/// The same user name for edge and Prefect: then the form takes the password to be the same too. One
/// `Authorization` header could not carry two.
fn shares_edge(profile: &Profile) -> bool {
    matches!((&profile.edge, &profile.prefect_username), (Some(Edge::Basic { username }), Some(prefect)) if username == prefect)
}

impl From<LocalPrograms> for LocalProgramsChoice {
    fn from(programs: LocalPrograms) -> Self {
        match programs {
            LocalPrograms::Key => Self::Key,
            LocalPrograms::Open => Self::Open,
            LocalPrograms::Off => Self::Off,
        }
    }
}

impl LocalProgramsChoice {
    /// As written in profiles.toml.
    fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Open => "open",
            Self::Off => "off",
        }
    }
}

#[cfg(test)]
mod tests;
