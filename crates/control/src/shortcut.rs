//! Keys that call Postern whichever window has them, as a person writes them: `Ctrl+Alt+P`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One key, with at least one of Ctrl, Alt and Super: what is typed into other programs stays theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shortcut {
    ctrl: bool,
    alt: bool,
    shift: bool,
    /// The Windows key; Command on Apple's keyboards.
    meta: bool,
    key: Key,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    /// `A` to `Z`, `0` to `9`.
    Character(char),
    /// 1 to 12.
    Function(u8),
    Space,
}

/// Why a text is no shortcut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidShortcut {
    /// No Ctrl, Alt or Super.
    #[error("A shortcut needs Ctrl, Alt or Super: without one, it would be taken from everything you type.")]
    Bare,
    /// Not one key that is known.
    #[error("A shortcut has one key: a letter, a digit, F1 to F12, or Space.")]
    Key,
}

impl FromStr for Shortcut {
    type Err = InvalidShortcut;

    fn from_str(text: &str) -> Result<Self, InvalidShortcut> {
        let (mut ctrl, mut alt, mut shift, mut meta, mut key) = (false, false, false, false, None);
        for part in text.split('+').map(str::trim) {
            match part.to_ascii_lowercase().as_str() {
                "ctrl" | "control" => ctrl = true,
                "alt" | "option" => alt = true,
                "shift" => shift = true,
                "super" | "meta" | "win" | "cmd" | "command" => meta = true,
                other if key.is_none() => key = Some(Key::parse(other).ok_or(InvalidShortcut::Key)?),
                _ => return Err(InvalidShortcut::Key),
            }
        }
        let key = key.ok_or(InvalidShortcut::Key)?;
        if ctrl || alt || meta { Ok(Self { ctrl, alt, shift, meta, key }) } else { Err(InvalidShortcut::Bare) }
    }
}

impl Key {
    /// In lower case.
    fn parse(text: &str) -> Option<Self> {
        let mut characters = text.chars();
        match (characters.next()?, characters.as_str()) {
            (one, "") if one.is_ascii_alphanumeric() => Some(Self::Character(one.to_ascii_uppercase())),
            ('f', number) => number.parse().ok().filter(|number| (1..=12).contains(number)).map(Self::Function),
            _ if text == "space" => Some(Self::Space),
            _ => None,
        }
    }
}

impl fmt::Display for Shortcut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (held, name) in [(self.ctrl, "Ctrl+"), (self.alt, "Alt+"), (self.shift, "Shift+"), (self.meta, "Super+")] {
            f.write_str(if held { name } else { "" })?;
        }
        match self.key {
            Key::Character(character) => write!(f, "{character}"),
            Key::Function(number) => write!(f, "F{number}"),
            Key::Space => f.write_str("Space"),
        }
    }
}

impl From<Shortcut> for String {
    fn from(shortcut: Shortcut) -> Self {
        shortcut.to_string()
    }
}

impl TryFrom<String> for Shortcut {
    type Error = InvalidShortcut;

    fn try_from(text: String) -> Result<Self, InvalidShortcut> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortcut_is_read_as_people_write_it_and_written_one_way() {
        for (text, expected) in [
            ("Ctrl+Alt+P", "Ctrl+Alt+P"),
            (" control + p ", "Ctrl+P"),
            ("super+space", "Super+Space"),
            ("shift+alt+f12", "Alt+Shift+F12"),
            ("cmd+1", "Super+1"),
            ("ctrl+f", "Ctrl+F"),
        ] {
            let shortcut: Shortcut = text.parse().unwrap();
            assert_eq!(shortcut.to_string(), expected);
            assert_eq!(expected.parse(), Ok(shortcut));
        }
    }

    #[test]
    fn what_would_be_taken_from_typing_is_none() {
        for (text, why) in [
            ("", InvalidShortcut::Key),
            ("P", InvalidShortcut::Bare),
            ("Shift+P", InvalidShortcut::Bare),
            ("F5", InvalidShortcut::Bare),
            ("Ctrl", InvalidShortcut::Key),
            ("Ctrl+", InvalidShortcut::Key),
            ("Ctrl+A+B", InvalidShortcut::Key),
            ("Ctrl+F13", InvalidShortcut::Key),
            ("Ctrl+\u{fc}", InvalidShortcut::Key),
            ("Ctrl+Enter", InvalidShortcut::Key),
        ] {
            assert_eq!(text.parse::<Shortcut>(), Err(why), "{text}");
        }
    }
}
