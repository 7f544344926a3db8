//! The quick switcher's shortcut: keys that call us whichever window has them, where the system gives such keys away.

use global_hotkey::hotkey::HotKey;
use global_hotkey::{GlobalHotKeyEvent, GlobalHotKeyManager, HotKeyState};
use postern_control::controller::Event;
use postern_control::shortcut::Shortcut;
use postern_control::view::Trouble;

use crate::inbox::{Message, Outbox};

/// What we have of the system's keys.
#[derive(Default)]
pub(crate) struct Hotkey {
    /// Made when keys are first wanted.
    manager: Option<GlobalHotKeyManager>,
    held: Option<(Shortcut, HotKey)>,
}

impl Hotkey {
    /// Has these keys, and no others any more. `None` where that is so already; else what became of it.
    pub(crate) fn take(&mut self, outbox: &Outbox, wanted: Option<Shortcut>) -> Option<Result<(), Trouble>> {
        let differs = self.held.map(|(shortcut, _)| shortcut) != wanted;
        differs.then(|| self.change(outbox, wanted))
    }

    fn change(&mut self, outbox: &Outbox, wanted: Option<Shortcut>) -> Result<(), Trouble> {
        if let (Some(manager), Some((_, held))) = (&self.manager, self.held.take())
            && let Err(error) = manager.unregister(held)
        {
            tracing::warn!(%error, "a shortcut of before is still held");
        }
        let Some(shortcut) = wanted else {
            // It listens as long as it lives.
            self.manager = None;
            return Ok(());
        };
        if is_wayland() {
            let sentence = "This desktop (Wayland) gives no program keys that work in other programs' windows.";
            let remedy = "In the desktop's own keyboard settings, have your keys run: postern-desktop --switch";
            return Err(Trouble::new("shortcut_unsupported", sentence, remedy));
        }
        let refused = |error: &dyn std::error::Error| {
            let sentence = format!("The system does not give {shortcut} away: {error}.");
            Trouble::new("shortcut_refused", sentence, "Another program may have it: choose other keys.")
        };
        let keys: HotKey = shortcut.to_string().parse().map_err(|error| refused(&error))?;
        let manager = match self.manager.take() {
            Some(manager) => manager,
            None => listen(outbox).map_err(|error| refused(&error))?,
        };
        manager.register(keys).map_err(|error| refused(&error))?;
        self.manager = Some(manager);
        self.held = Some((shortcut, keys));
        Ok(())
    }
}

fn listen(outbox: &Outbox) -> global_hotkey::Result<GlobalHotKeyManager> {
    let manager = GlobalHotKeyManager::new()?;
    let outbox = outbox.clone();
    GlobalHotKeyEvent::set_event_handler(Some(move |event: GlobalHotKeyEvent| {
        if event.state() == HotKeyState::Pressed {
            outbox.post(Message::Wanted(Event::Switch));
        }
    }));
    Ok(manager)
}

/// There, what an X server would give is good in windows of old programs only.
fn is_wayland() -> bool {
    cfg!(target_os = "linux") && std::env::var_os("WAYLAND_DISPLAY").is_some()
}
