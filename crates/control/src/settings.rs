//! What a person has set for Postern itself: settings.toml, beside profiles.toml.
//!
//! A file that cannot be read is told in the log and never written over; until it can, all is as if nobody had set
//! anything.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::folders::Folders;
use crate::shortcut::Shortcut;
use crate::store::disk;
use crate::view::Trouble;

/// The whole file. What is missing is as [`Settings::default`] has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How much is written to the log.
    pub log: LogLevel,
    /// Which notices are given.
    pub notices: Notices,
    /// How the quick switcher is called.
    pub switcher: Switcher,
}

/// How the quick switcher is called, besides by the tray's menu.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Switcher {
    /// By these keys, whichever window has them; by none where nobody set any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shortcut: Option<Shortcut>,
}

/// One thing that a person sets; the others stay as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// See [`Settings::notices`].
    Notices(Notices),
    /// See [`Settings::log`].
    Log(LogLevel),
    /// See [`Switcher::shortcut`].
    Shortcut(Option<Shortcut>),
}

/// How much Postern writes to its log: this, and what weighs more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What failed.
    Error,
    /// What may be wrong.
    Warn,
    /// How servers come and go.
    #[default]
    Info,
    /// Each request, without its query, headers and body.
    Debug,
    /// All there is, of the libraries too.
    Trace,
}

impl LogLevel {
    /// As it stands in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// A switch for each kind of notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields, default)]
pub struct Notices {
    /// A server that was connected is so no more.
    pub lost: bool,
    /// It is again.
    pub back: bool,
    /// A person must sign in.
    pub sign_in: bool,
    /// A server's certificate ends soon.
    pub certificate: bool,
}

impl Default for Notices {
    fn default() -> Self {
        Self { lost: true, back: true, sign_in: true, certificate: true }
    }
}

impl Settings {
    /// Reads the file.
    ///
    /// # Errors
    /// Where and why, when it is there and cannot be used.
    pub fn load(folders: &Folders) -> Result<Self, Trouble> {
        let path = folders.settings_file();
        let Some(text) = disk::read(&path)? else { return Ok(Self::default()) };
        toml::from_str(&text).map_err(|error| {
            let line =
                error.span().map_or(1, |span| text.get(..span.start).unwrap_or_default().matches('\n').count() + 1);
            let sentence = format!("{}, line {line}: {}.", path.display(), error.message());
            Trouble::new("settings_invalid", sentence, "Correct the file, or delete it.")
        })
    }

    /// Writes the file with one of them changed, whole or not at all; what it says now.
    ///
    /// # Errors
    /// Why it stays as it was: it cannot be written, or what is there cannot be read.
    pub fn save(folders: &Folders, setting: Setting) -> Result<Self, Trouble> {
        let mut settings = Self::load(folders)?;
        match setting {
            Setting::Notices(notices) => settings.notices = notices,
            Setting::Log(level) => settings.log = level,
            Setting::Shortcut(shortcut) => settings.switcher.shortcut = shortcut,
        }
        let path = folders.settings_file();
        let failed = |error: &dyn std::error::Error| {
            let sentence = format!("{} cannot be written: {error}.", path.display());
            Trouble::new("settings_not_written", sentence, "Make the folder writable, and set it again.")
        };
        let text = toml::to_string(&settings).map_err(|error| failed(&error))?;
        std::fs::create_dir_all(folders.config()).map_err(|error| failed(&error))?;
        disk::write(&path, &text)?;
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders() -> (tempfile::TempDir, Folders) {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::at(&folder.path().join("config")).unwrap();
        (folder, folders)
    }

    #[test]
    fn what_is_saved_is_read_back_and_what_is_missing_is_as_nobody_set_it() {
        let (_folder, folders) = folders();
        assert_eq!(Settings::load(&folders), Ok(Settings::default()));
        // Each leaves the other as it is.
        let notices = Notices { back: false, ..Notices::default() };
        Settings::save(&folders, Setting::Notices(notices)).unwrap();
        Settings::save(&folders, Setting::Log(LogLevel::Debug)).unwrap();
        let shortcut = Some("Ctrl+Alt+P".parse().unwrap());
        let settings = Settings::save(&folders, Setting::Shortcut(shortcut)).unwrap();
        assert_eq!(settings, Settings { notices, log: LogLevel::Debug, switcher: Switcher { shortcut } });
        assert_eq!(Settings::load(&folders), Ok(settings));
        std::fs::write(folders.settings_file(), "[notices]\nlost = false\n").unwrap();
        let lost = Notices { lost: false, ..Notices::default() };
        assert_eq!(Settings::load(&folders), Ok(Settings { notices: lost, ..Settings::default() }));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_told_with_its_line_and_not_written_over() {
        let (_folder, folders) = folders();
        let setting = Setting::Log(LogLevel::Debug);
        Settings::save(&folders, setting).unwrap();
        for (text, line) in [
            ("[notices]\nlots = true\n", 2),
            ("[switcher]\nshortcut = \"P\"\n", 2),
            ("[notices", 1),
            ("notices = 3", 1),
            ("\nlog = \"loud\"", 2),
        ] {
            std::fs::write(folders.settings_file(), text).unwrap();
            let trouble = Settings::save(&folders, setting).unwrap_err();
            assert_eq!(trouble.code, "settings_invalid");
            assert!(trouble.sentence.contains(&format!("settings.toml, line {line}: ")), "{}", trouble.sentence);
            assert_eq!(std::fs::read_to_string(folders.settings_file()).unwrap(), text);
        }
    }
}
