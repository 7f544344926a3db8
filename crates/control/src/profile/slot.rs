//! The places a profile has for secrets, and what fits into them.

use std::fmt;
use std::str::FromStr;

use http::HeaderName;
use postern_gateway::Secret;

/// A place for one secret in the vault.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Slot {
    /// `edge-password`
    EdgePassword,
    /// `edge-token`
    EdgeToken,
    /// `prefect-password`
    PrefectPassword,
    /// `client-key`
    ClientKey,
    /// `client-key-password`
    ClientKeyPassword,
    /// `local-key`
    LocalKey,
    /// `header-<name in lower case>`
    Header(HeaderName),
}

impl Slot {
    /// Whether a profile may do without it: a client certificate's file may have the key in it, and the key no
    /// passphrase.
    #[must_use]
    pub fn is_optional(&self) -> bool {
        matches!(self, Self::ClientKey | Self::ClientKeyPassword)
    }

    /// Refuses a value that could not be used, before it is saved: a line break in a header's value would let
    /// it write further headers.
    ///
    /// # Errors
    /// Says what is wrong with the value, without the value.
    pub fn check(&self, secret: &Secret) -> Result<(), Unfit> {
        let text = secret.expose();
        let problem = if text.is_empty() {
            Some("is empty")
        } else if matches!(self, Self::ClientKey) {
            client_key_problem(text)
        } else if text.contains(['\r', '\n']) {
            Some("has a line break in it")
        } else if text.chars().any(char::is_control) {
            Some("has a control character in it")
        } else if matches!(self, Self::EdgeToken) && !text.bytes().all(|b| b.is_ascii_graphic()) {
            Some("has a space or a letter outside ASCII in it, which no token has")
        } else if matches!(self, Self::Header(_)) && text.trim() != text {
            Some("begins or ends with a space, which HTTP drops")
        } else {
            None
        };
        problem.map_or(Ok(()), |problem| Err(Unfit { slot: self.clone(), problem }))
    }
}

/// A client key is PEM: it has line breaks, and it says what it is.
fn client_key_problem(text: &str) -> Option<&'static str> {
    if text.chars().any(|c| c.is_control() && !matches!(c, '\r' | '\n' | '\t')) {
        Some("has a control character in it")
    } else if text.contains("Proc-Type: 4,ENCRYPTED") {
        Some("is protected in the way that OpenSSL had before PKCS#8: make it new with `openssl pkcs8 -topk8`")
    } else if !(text.contains("-----BEGIN ") && text.contains("PRIVATE KEY-----")) {
        Some("is not a private key in PEM form (`-----BEGIN PRIVATE KEY-----`)")
    } else {
        None
    }
}

/// A value that could not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value for {slot} {problem}")]
pub struct Unfit {
    /// Where it was to go.
    pub slot: Slot,
    /// What is wrong with it, without the value.
    pub problem: &'static str,
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EdgePassword => f.write_str("edge-password"),
            Self::EdgeToken => f.write_str("edge-token"),
            Self::PrefectPassword => f.write_str("prefect-password"),
            Self::ClientKey => f.write_str("client-key"),
            Self::ClientKeyPassword => f.write_str("client-key-password"),
            Self::LocalKey => f.write_str("local-key"),
            Self::Header(name) => write!(f, "header-{name}"),
        }
    }
}

impl FromStr for Slot {
    type Err = InvalidSlot;

    fn from_str(text: &str) -> Result<Self, InvalidSlot> {
        Ok(match text {
            "edge-password" => Self::EdgePassword,
            "edge-token" => Self::EdgeToken,
            "prefect-password" => Self::PrefectPassword,
            "client-key" => Self::ClientKey,
            "client-key-password" => Self::ClientKeyPassword,
            "local-key" => Self::LocalKey,
            _ => {
                let name = text.strip_prefix("header-").ok_or(InvalidSlot)?;
                Self::Header(name.parse().map_err(|_| InvalidSlot)?)
            }
        })
    }
}

/// The text names no slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a slot is edge-password, edge-token, prefect-password, client-key, client-key-password, local-key, or header-<name>"
)]
pub struct InvalidSlot;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_read_back_from_what_it_is_shown_as() {
        for text in [
            "edge-password",
            "edge-token",
            "prefect-password",
            "client-key",
            "client-key-password",
            "local-key",
            "header-cf-access-client-id",
        ] {
            assert_eq!(text.parse::<Slot>().unwrap().to_string(), text);
        }
        assert_eq!("header-X-Key".parse::<Slot>().unwrap().to_string(), "header-x-key");
        for bad in ["", "header-", "header", "header-a b", "password", "edge-password "] {
            assert_eq!(bad.parse::<Slot>(), Err(InvalidSlot), "{bad:?}");
        }
    }

    #[test]
    fn a_value_that_could_not_be_sent_is_refused_without_repeating_it() {
        let header = Slot::Header(HeaderName::from_static("x-key"));
        let pem = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n";
        for (slot, value, fits) in [
            (&header, "abc", true),
            (&header, "a b", true),
            (&header, "canary\r\nEvil: 1", false),
            (&header, "canary\nb", false),
            (&header, "canary\0", false),
            (&header, " canary", false),
            (&header, "", false),
            (&Slot::EdgePassword, "pass phrase ü", true),
            (&Slot::EdgePassword, "canary\n", false),
            (&Slot::EdgePassword, "canary\u{1}", false),
            (&Slot::EdgeToken, "ey.J-_~+/=", true),
            (&Slot::EdgeToken, "canary words", false),
            (&Slot::ClientKey, pem, true),
            (&Slot::ClientKey, "canary", false),
            (&Slot::ClientKey, "-----BEGIN ENCRYPTED PRIVATE KEY-----\n", true),
            (&Slot::ClientKey, "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n", false),
            (&Slot::ClientKeyPassword, "pass phrase ü", true),
            (&Slot::ClientKeyPassword, "canary\n", false),
        ] {
            let checked = slot.check(&Secret::new(value));
            assert_eq!(checked.is_ok(), fits, "{slot} {value:?}");
            if let Err(unfit) = checked {
                assert!(!unfit.to_string().contains("canary"));
            }
        }
    }
}
