//! Secrets from the environment, read-only: for containers and CI.
//!
//! Names are made by plain substitution, so two profiles can share a variable when an id and a header's name run
//! together alike (`x` with a header `edge-token`, `x-header` with an edge token). Whoever sets the variables
//! names the profiles.
//!
//! An empty variable is no secret: that is what CI gives for one that nobody set.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::sync::Mutex;

use postern_gateway::Secret;

use super::{VaultError, lock};
use crate::profile::{ProfileId, Slot};

/// The variable that holds a profile's secret: `POSTERN_SECRET_PROD_EDGE_PASSWORD`.
#[must_use]
pub fn variable(id: &ProfileId, slot: &Slot) -> String {
    format!("{PREFIX}{id}_{slot}")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
        .collect()
}

/// What the names of all such variables begin with.
const PREFIX: &str = "POSTERN_SECRET_";

/// Variables that hold secrets, by name. Programs that Postern starts must not inherit them.
#[derive(Default)]
pub struct Variables(BTreeMap<String, OsString>);

impl Variables {
    /// Those in the environment of this process.
    #[must_use]
    pub fn inherited() -> Self {
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and values: to be handed on where nobody can look.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &OsStr)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_os_str()))
    }
}

/// Takes those that hold secrets, and leaves the others.
impl FromIterator<(String, OsString)> for Variables {
    fn from_iter<I: IntoIterator<Item = (String, OsString)>>(variables: I) -> Self {
        Self(variables.into_iter().filter(|(name, _)| name.starts_with(PREFIX)).collect())
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The variables, and the local keys that could not be saved in them.
pub(super) struct Environment {
    variables: Variables,
    local_keys: Mutex<HashMap<ProfileId, Secret>>,
}

impl Environment {
    pub(super) fn new(variables: Variables) -> Self {
        Self { variables, local_keys: Mutex::default() }
    }

    pub(super) fn get(&self, id: &ProfileId, slot: &Slot) -> Result<Option<Secret>, VaultError> {
        let name = variable(id, slot);
        match self.variables.0.get(&name).filter(|value| !value.is_empty()).map(|value| value.to_str()) {
            Some(Some(text)) => Ok(Some(Secret::new(text))),
            Some(None) => Err(VaultError::Failed { reason: format!("{name} is not valid UTF-8") }),
            None if matches!(slot, Slot::LocalKey) => Ok(lock(&self.local_keys).get(id).cloned()),
            None => Ok(None),
        }
    }

    /// Keeps the key for this process's life; the first one kept is the one.
    pub(super) fn keep_local_key(&self, id: &ProfileId, key: Secret) -> Secret {
        lock(&self.local_keys).entry(id.clone()).or_insert(key).clone()
    }
}
