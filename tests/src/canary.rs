//! Looking for secrets where none may be.
//!
//! A [`Sweep`] knows secrets that exist nowhere else ([`Login::unique`]) and searches files, text and
//! processes for them in every dress they could wear on their way: as they are, in Base64 at any offset,
//! percent-encoded, escaped for JSON, HTML or a shell, in hex, and in UTF-16.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use url::form_urlencoded::byte_serialize;

use crate::prefect::Login;

/// Secrets to look for.
#[derive(Debug, Default)]
pub struct Sweep {
    needles: BTreeMap<Vec<u8>, String>,
}

impl Sweep {
    /// Adds a secret under a name that may be shown.
    #[must_use]
    pub fn with(mut self, name: &str, secret: &str) -> Self {
        for (dress, needle) in dresses(secret) {
            self.needles.entry(needle).or_insert_with(|| format!("{name} ({dress})"));
        }
        self
    }

    /// Adds the password of a login. Its `user:password` in Base64 is found through the password.
    #[must_use]
    pub fn with_login(self, name: &str, login: &Login) -> Self {
        self.with(name, &login.password)
    }

    /// The secrets found in some text, each as `PLACE holds NAME (DRESS)`.
    #[must_use]
    pub fn text(&self, place: &str, text: impl AsRef<[u8]>) -> Vec<String> {
        let text = text.as_ref();
        let found = self.needles.iter().filter(|&(needle, _)| contains(text, needle));
        found.map(|(_, name)| format!("{place} holds {name}")).collect()
    }

    /// The secrets found in a file, or in the names and contents of everything in a folder. What goes away meanwhile is
    /// kept by nobody.
    ///
    /// # Errors
    /// When it is not there, or something in it cannot be read.
    pub fn files(&self, path: &Path) -> anyhow::Result<Vec<String>> {
        let place = path.display().to_string();
        let kind = fs::symlink_metadata(path).with_context(|| place.clone())?;
        let mut found = self.text(&format!("the name {place}"), place.as_bytes());
        if kind.is_dir() {
            for entry in fs::read_dir(path).with_context(|| place.clone())? {
                let path = entry.with_context(|| place.clone())?.path();
                match self.files(&path) {
                    Err(_) if fs::symlink_metadata(&path).is_err_and(|error| error.kind() == ErrorKind::NotFound) => {}
                    within => found.extend(within?),
                }
            }
        } else if kind.is_file() {
            found.extend(self.text(&place, fs::read(path).with_context(|| place.clone())?));
        }
        Ok(found)
    }

    /// The secrets found in the arguments of every process on this machine that we may look at.
    ///
    /// # Errors
    /// When there is no `/proc`.
    pub fn arguments(&self) -> anyhow::Result<Vec<String>> {
        self.processes("cmdline")
    }

    /// The secrets found in the environment of every process on this machine that we may look at, but those
    /// in `exempt`, which are known to be given their secrets that way.
    ///
    /// # Errors
    /// When there is no `/proc`.
    pub fn environments(&self, exempt: &[u32]) -> anyhow::Result<Vec<String>> {
        let mut found = self.processes("environ")?;
        found.retain(|hit| !exempt.iter().any(|id| hit.starts_with(&format!("/proc/{id}/"))));
        Ok(found)
    }

    fn processes(&self, file: &str) -> anyhow::Result<Vec<String>> {
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let path: PathBuf = entry?.path().join(file);
            // Not a process, another user's, or gone meanwhile.
            if let Ok(content) = fs::read(&path) {
                found.extend(self.text(&path.display().to_string(), content));
            }
        }
        Ok(found)
    }
}

fn contains(text: &[u8], needle: &[u8]) -> bool {
    let Some(first) = needle.first() else { return false };
    let starts = text.iter().enumerate().filter(|(_, byte)| *byte == first);
    starts.into_iter().any(|(start, _)| text[start..].starts_with(needle))
}

fn dresses(secret: &str) -> Vec<(&'static str, Vec<u8>)> {
    let bytes = secret.as_bytes();
    let json = serde_json::to_string(secret).unwrap_or_default();
    let form: String = byte_serialize(bytes).collect();
    let percent = form.replace('+', "%20");
    let html = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut dresses = vec![
        ("raw", bytes.to_vec()),
        ("JSON", json.trim_matches('"').as_bytes().to_vec()),
        ("form", form.into_bytes()),
        ("percent, lower case", lower_escapes(&percent)),
        ("percent", percent.into_bytes()),
        ("HTML", html.replace('"', "&quot;").into_bytes()),
        ("HTML text", html.into_bytes()),
        ("shell", secret.replace('\'', "'\\''").into_bytes()),
        ("hex upper", hex.to_uppercase().into_bytes()),
        ("hex", hex.into_bytes()),
        ("UTF-16", secret.encode_utf16().flat_map(u16::to_le_bytes).collect()),
    ];
    for before in 0..3 {
        for engine in [&BASE64_STANDARD_NO_PAD, &BASE64_URL_SAFE_NO_PAD] {
            // The characters at both ends depend on what stands around the secret.
            let text = engine.encode([&vec![0; before], bytes].concat());
            let start = if before == 0 { 0 } else { before + 1 };
            let end = text.len() - usize::from(!(before + bytes.len()).is_multiple_of(3));
            dresses.push(("Base64", text.as_bytes()[start..end].to_vec()));
        }
    }
    dresses
}

fn lower_escapes(percent: &str) -> Vec<u8> {
    let mut digits = 0;
    let lower = percent.bytes().map(|byte| match (byte, digits) {
        (b'%', _) => {
            digits = 2;
            byte
        }
        (_, 0) => byte,
        _ => {
            digits -= 1;
            byte.to_ascii_lowercase()
        }
    });
    lower.collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::process::{Process, command};
    use crate::scratch::Scratch;

    const SECRET: &str = "pass word/1a2B+\"%&'ü";

    /// What the sweep finds, without the place.
    fn found(text: impl AsRef<[u8]>) -> bool {
        !Sweep::default().with("canary", SECRET).text("here", text).is_empty()
    }

    #[test]
    fn a_secret_is_found_in_every_dress() {
        let header = |user: &str| BASE64_STANDARD_NO_PAD.encode(format!("{user}:{SECRET}"));
        for user in ["a", "ab", "abc", "abcd"] {
            assert!(found(format!("Authorization: Basic {}", header(user))), "{user}");
            assert!(found(header(user).replace('+', "-").replace('/', "_")), "{user}, URL-safe");
            assert!(found(BASE64_STANDARD_NO_PAD.encode(format!("{user}{SECRET}, and more"))), "{user}, inside");
        }
        for dress in [
            format!("token={SECRET}\n"),
            serde_json::json!({ "token": SECRET }).to_string(),
            "?token=pass%20word%2F1a2B%2B%22%25%26%27%C3%BC".to_owned(),
            "?token=pass%20word%2f1a2B%2b%22%25%26%27%c3%bc".to_owned(),
            "token=pass+word%2F1a2B%2B%22%25%26%27%C3%BC&x".to_owned(),
            "<p>pass word/1a2B+&quot;%&amp;'ü</p>".to_owned(),
            "export TOKEN='pass word/1a2B+\"%&'\\''ü'".to_owned(),
            SECRET.bytes().map(|byte| format!("{byte:02X}")).collect(),
        ] {
            assert!(found(&dress), "{dress}");
        }
        assert!(found(SECRET.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()));
        assert!(!found("the password is ****"));
    }

    #[tokio::test]
    async fn a_planted_secret_is_found_in_files_arguments_and_environments() {
        let scratch = Scratch::new("canary").unwrap();
        let login = Login::unique("admin").unwrap();
        let sweep = Sweep::default().with_login("password", &login);
        assert_eq!(sweep.files(scratch.path()).unwrap(), Vec::<String>::new());
        scratch.write("deep/log", format!("sent {}", login.password)).unwrap();
        assert_eq!(sweep.files(scratch.path()).unwrap().len(), 1);

        assert_eq!(sweep.arguments().unwrap(), Vec::<String>::new());
        let mut careless = command("sh");
        // Stops itself, so as to stay there to be looked at.
        careless.args(["-c", "kill -STOP $$", "sh", &login.password]).env("TOKEN", login.auth_string());
        let mut careless = Process::spawn("careless", careless, &scratch).unwrap();
        // A program is there before the system shows its arguments.
        let stopped = async |careless: &Process| {
            let stat = fs::read_to_string(format!("/proc/{}/stat", careless.id()))?;
            Ok(stat.contains(") T ").then_some(()))
        };
        careless.until("stopping", Duration::from_secs(10), stopped).await.unwrap();
        let hit = format!("/proc/{}/", careless.id());
        assert!(sweep.arguments().unwrap().iter().any(|found| found.starts_with(&hit)));
        assert!(sweep.environments(&[]).unwrap().iter().any(|found| found.starts_with(&hit)));
        assert_eq!(sweep.environments(&[careless.id()]).unwrap(), Vec::<String>::new());
    }
}
