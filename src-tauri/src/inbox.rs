//! All that reaches the shell from elsewhere is one [`Message`]; it takes them one by one, on the thread of
//! the event loop, where windows live.

use std::sync::mpsc::{Receiver, Sender, channel};

use postern_control::Secret;
use postern_control::controller::{Event, ShellRequest};
use postern_control::download::Download;
use postern_control::menu::Action;
use postern_control::profile::ProfileId;
use postern_control::view::Trouble;
use tauri::{AppHandle, async_runtime};
use url::Url;

#[cfg(target_os = "linux")]
use crate::appearance::Appearance;
use crate::clipboard::CopyNumber;

/// What the shell is told.
#[derive(Debug)]
pub(crate) enum Message {
    /// The controller's state is another.
    Changed,
    /// The controller asks for something.
    Requested(ShellRequest),
    /// A line of the tray's menu was chosen.
    Chosen(Action),
    /// Nobody shows notices here: say this otherwise.
    Tell { title: String, trouble: Trouble },
    /// Load this one-time address in a dashboard, if it is open.
    Enter { id: ProfileId, address: Secret },
    /// Load this in a dashboard: its page leads there in a window of its own, or a person asked for the first page.
    Follow { id: ProfileId, address: Url },
    /// A person wants this of the controller, by what stands around a dashboard's page.
    Wanted(Event),
    /// A dashboard's window shows another page, or shows it otherwise: keep that.
    Keep(ProfileId),
    /// Something that a dashboard's page had the user download has ended.
    Downloaded(Download),
    /// A dashboard's page has closed itself.
    Close(ProfileId),
    /// This secret has been on the clipboard for long enough.
    Uncopy(CopyNumber),
    /// The panel that showed the icon has gone, or takes none.
    IconGone,
    /// The desktop is light or dark, or says neither.
    #[cfg(target_os = "linux")]
    Appearance(Appearance),
    /// No panel shows the icon: show a window, if there is none.
    ShowIfUnseen,
    /// The controller is gone, and with it whatever could be done: end.
    Broken,
    /// No panel shows the icon, and the last window was closed: end, if there is none again.
    QuitIfUnseen,
}

/// Where messages come in.
pub(crate) type Inbox = Receiver<Message>;

/// Where messages are left.
#[derive(Clone)]
pub(crate) struct Outbox {
    app: AppHandle,
    sender: Sender<Message>,
}

/// Both ends.
pub(crate) fn inbox(app: &AppHandle) -> (Outbox, Inbox) {
    let (sender, inbox) = channel();
    (Outbox { app: app.clone(), sender }, inbox)
}

impl Outbox {
    /// Leaves a message, and wakes the event loop. After the shell's end nobody reads it.
    pub(crate) fn post(&self, message: Message) {
        if self.sender.send(message).is_err() {
            return;
        }
        // From another thread, always: on its own thread tauri would run this at once, and wake nobody.
        let app = self.app.clone();
        async_runtime::spawn(async move {
            if let Err(error) = app.run_on_main_thread(|| {}) {
                tracing::debug!(%error, "the event loop has ended");
            }
        });
    }
}
