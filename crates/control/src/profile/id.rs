//! The key of a profile: a DNS label, because the dashboard lives at `<id>.localhost`.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// `[a-z0-9-]`, 1 to 32 characters, no hyphen at either end: the key everywhere, and a DNS label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ProfileId(String);

impl ProfileId {
    const LONGEST: usize = 32;

    /// Takes the text when it is an id.
    ///
    /// # Errors
    /// Says what an id looks like.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let fits = (1..=Self::LONGEST).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-');
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidId) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Makes an id from a name that nothing in `taken` has: `Données (EU)` becomes `donnees-eu`, the second one
    /// `donnees-eu-2`.
    #[must_use]
    pub fn from_name(name: &str, taken: &[Self]) -> Self {
        let mut slug = String::new();
        for c in name.chars().flat_map(char::to_lowercase) {
            match plain(c) {
                Some(c) => slug.push(c),
                None if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
                None => {}
            }
        }
        let base = cut(&slug, Self::LONGEST);
        let base = if base.is_empty() { "server" } else { base };
        let mut candidate = Self(base.to_owned());
        for n in 2_u32.. {
            if !taken.contains(&candidate) {
                break;
            }
            let suffix = format!("-{n}");
            candidate = Self(format!("{}{suffix}", cut(base, Self::LONGEST - suffix.len())));
        }
        candidate
    }
}

/// At most `length` bytes, without a hyphen at the end. `text` is ASCII.
fn cut(text: &str, length: usize) -> &str {
    text.get(..length).unwrap_or(text).trim_end_matches('-')
}

/// The letter without its accent, where it is one of the common ones.
fn plain(c: char) -> Option<char> {
    Some(match c {
        'a'..='z' | '0'..='9' => c,
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => 'a',
        'ç' => 'c',
        'è' | 'é' | 'ê' | 'ë' => 'e',
        'ì' | 'í' | 'î' | 'ï' => 'i',
        'ñ' => 'n',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' => 'o',
        'ù' | 'ú' | 'û' | 'ü' => 'u',
        'ý' | 'ÿ' => 'y',
        _ => return None,
    })
}

impl fmt::Display for ProfileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ProfileId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::parse(text)
    }
}

/// The text is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id has 1 to 32 of a-z, 0-9 and hyphens, with no hyphen at either end")]
pub struct InvalidId;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_is_a_dns_label() {
        for good in ["a", "prod", "prod-eu-2", "0", "a--b", &"a".repeat(32)] {
            assert_eq!(ProfileId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "-a", "a-", "-", "Prod", "a_b", "a.b", "a/b", "..", "é", "a b", &"a".repeat(33)] {
            assert_eq!(ProfileId::parse(bad), Err(InvalidId), "{bad:?}");
        }
    }

    #[test]
    fn a_name_becomes_an_id_nobody_has() {
        let taken = [ProfileId::parse("prod").unwrap(), ProfileId::parse("prod-2").unwrap()];
        for (name, id) in [
            ("Production", "production"),
            ("Prod", "prod-3"),
            ("Données (EU)", "donnees-eu"),
            ("prefect.example.com", "prefect-example-com"),
            ("  — ", "server"),
            ("本番", "server"),
            ("a name that is a good deal longer than an id may be", "a-name-that-is-a-good-deal-longe"),
        ] {
            assert_eq!(ProfileId::from_name(name, &taken).as_str(), id, "{name}");
        }
    }

    proptest! {
        #[test]
        fn whatever_the_name_the_id_is_valid_and_free(name in ".*", others in prop::collection::vec(".{0,40}", 0..4)) {
            let mut taken: Vec<ProfileId> = others.iter().map(|other| ProfileId::from_name(other, &[])).collect();
            taken.push(ProfileId::from_name(&name, &[]));
            let id = ProfileId::from_name(&name, &taken);
            prop_assert!(ProfileId::parse(id.as_str()).is_ok());
            prop_assert!(!taken.contains(&id));
        }
    }
}
