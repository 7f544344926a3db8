//! Secrets from the environment, read-only: for containers and CI.
//!
//! Names are made by plain substitution, so two profiles can share a variable when an id and a header's name run
//! together alike (`x` with a header `edge-token`, `x-header` with an edge token). Whoever sets the variables
//! names the profiles.
//!
//! An empty variable is no secret: that is what CI gives for one that nobody set.

use std::collections::HashMap;
use std::env::VarError;
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

/// What the names of all such variables begin with. Programs that Postern starts must not inherit them.
pub const PREFIX: &str = "POSTERN_SECRET_";

/// The environment, and the local keys that could not be saved in it.
#[derive(Default)]
pub(super) struct Environment {
    local_keys: Mutex<HashMap<ProfileId, Secret>>,
}

impl Environment {
    pub(super) fn get(&self, id: &ProfileId, slot: &Slot) -> Result<Option<Secret>, VaultError> {
        let name = variable(id, slot);
        match std::env::var(&name) {
            Ok(text) if !text.is_empty() => Ok(Some(Secret::new(text))),
            Ok(_) | Err(VarError::NotPresent) if matches!(slot, Slot::LocalKey) => {
                Ok(lock(&self.local_keys).get(id).cloned())
            }
            Ok(_) | Err(VarError::NotPresent) => Ok(None),
            Err(VarError::NotUnicode(_)) => Err(VaultError::Failed { reason: format!("{name} is not valid UTF-8") }),
        }
    }

    /// Keeps the key for this process's life; the first one kept is the one.
    pub(super) fn keep_local_key(&self, id: &ProfileId, key: Secret) -> Secret {
        lock(&self.local_keys).entry(id.clone()).or_insert(key).clone()
    }
}
