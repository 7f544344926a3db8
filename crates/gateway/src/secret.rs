//! A value that must not be seen.
//!
//! No `Serialize`, `Display` or `Deref`: the only way to the text is [`Secret::expose`], which a
//! reviewer can search for. `Debug` prints `****`. Wiped from memory when dropped.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A password, token or key.
#[derive(Clone, Default)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes ownership of the text, so that no other copy is left behind.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// 256 random bits from the operating system, as URL-safe text of 43 characters.
    ///
    /// # Errors
    /// When the operating system's random source fails.
    pub fn random() -> Result<Self, getrandom::Error> {
        use base64::Engine as _;
        let mut bytes = Zeroizing::new([0u8; 32]);
        getrandom::fill(bytes.as_mut())?;
        Ok(Self::new(base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(bytes.as_ref())))
    }

    /// The text itself. Only for the place that hands it to its peer.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether nothing was given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Compares in time that depends on the length only.
    #[must_use]
    pub fn matches(&self, candidate: &[u8]) -> bool {
        let own = self.0.as_bytes();
        if own.len() != candidate.len() {
            return false;
        }
        let ((own, own_rest), (candidate, rest)) = (own.as_chunks(), candidate.as_chunks());
        // Eight bytes at a time.
        let differ = own
            .iter()
            .zip(candidate)
            .fold(0, |differ, (own, candidate)| differ | (u64::from_ne_bytes(*own) ^ u64::from_ne_bytes(*candidate)));
        (differ.ct_eq(&0) & own_rest.ct_eq(rest)).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("****")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.matches(other.0.as_bytes())
    }
}

impl Eq for Secret {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_a_secret() {
        let secret = Secret::new("canary");
        insta::assert_snapshot!(format!("{secret:?} {:?}", Some(&secret)), @"**** Some(****)");
    }

    #[test]
    fn random_secrets_differ_and_are_url_safe() {
        let (a, b) = (Secret::random().unwrap(), Secret::random().unwrap());
        assert_ne!(a, b);
        assert!(a.expose().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        assert_eq!(a.expose().len(), 43);
    }
}
