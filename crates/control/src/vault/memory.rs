//! A vault that ends with the process.

use std::collections::HashMap;

use postern_gateway::Secret;

use super::{Items, VaultError};

/// Secrets by account.
#[derive(Debug, Default)]
pub(super) struct Memory(HashMap<String, Secret>);

impl Items for Memory {
    fn get(&mut self, account: &str) -> Result<Option<Secret>, VaultError> {
        Ok(self.0.get(account).cloned())
    }

    fn set(&mut self, account: &str, secret: &Secret) -> Result<(), VaultError> {
        self.0.insert(account.to_owned(), secret.clone());
        Ok(())
    }

    fn delete(&mut self, account: &str) -> Result<bool, VaultError> {
        Ok(self.0.remove(account).is_some())
    }
}
