//! The system's clipboard.

use std::time::Duration;

#[cfg(target_os = "macos")]
use arboard::SetExtApple as _;
#[cfg(target_os = "linux")]
use arboard::SetExtLinux as _;
#[cfg(windows)]
use arboard::SetExtWindows as _;
use postern_control::Secret;

/// How long a secret stays on it.
pub(crate) const KEPT: Duration = Duration::from_secs(60);

/// The way to it, from when it is first used. It lives as long as the shell: on X11 whoever copied must be there when
/// somebody pastes.
#[derive(Default)]
pub(crate) struct Clipboard {
    system: Option<arboard::Clipboard>,
    /// Not taken off again so far.
    secret: Option<Secret>,
    /// How many secrets there were.
    copies: u64,
}

/// Which secret was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CopyNumber(u64);

impl Clipboard {
    /// Puts text on it.
    ///
    /// # Errors
    /// When the system takes nothing.
    pub(crate) fn set(&mut self, text: &str) -> Result<(), arboard::Error> {
        self.system()?.set_text(text)
    }

    /// Puts a secret on it, marked as none to be kept in a history or on other machines, where the system has such marks.
    ///
    /// # Errors
    /// When the system takes nothing.
    pub(crate) fn set_secret(&mut self, text: &Secret) -> Result<CopyNumber, arboard::Error> {
        self.system()?.set().exclude_from_history().text(text.expose())?;
        self.secret = Some(text.clone());
        self.copies += 1;
        Ok(CopyNumber(self.copies))
    }

    /// Takes that one off, where no other was copied since.
    pub(crate) fn clear_copy(&mut self, copy: CopyNumber) {
        if copy.0 == self.copies {
            self.clear();
        }
    }

    /// Takes the last secret off it, unless somebody has copied something else meanwhile: a clipboard's own program may
    /// keep what it has beyond our end.
    pub(crate) fn clear(&mut self) {
        let Some(text) = self.secret.take() else { return };
        let cleared = self.system().and_then(|system| {
            let still_there = system.get_text().is_ok_and(|there| Secret::new(there) == text);
            if still_there { system.clear() } else { Ok(()) }
        });
        if let Err(error) = cleared {
            tracing::warn!(%error, "what was copied stays on the clipboard");
        }
    }

    fn system(&mut self) -> Result<&mut arboard::Clipboard, arboard::Error> {
        match &mut self.system {
            Some(system) => Ok(system),
            none => Ok(none.insert(arboard::Clipboard::new()?)),
        }
    }
}
