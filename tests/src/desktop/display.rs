//! An X server without a screen (Xvfb), and a look at its windows. There is no window manager: windows are
//! where and as large as they ask to be, and the one raised last is on top.

use std::time::Duration;

use anyhow::Context as _;
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{
    AtomEnum, ClientMessageEvent, ConfigureWindowAux, ConnectionExt as _, EventMask, Grab, GrabMode, InputFocus,
    MapState, ModMask, Window,
};
use x11rb::rust_connection::RustConnection;

use crate::process::{Process, command};
use crate::scratch::Scratch;

const START_LIMIT: Duration = Duration::from_secs(60);

/// The server.
#[derive(Debug)]
pub(super) struct Display {
    name: String,
    connection: RustConnection,
    root: Window,
    _process: Process,
}

/// A window on the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XWindow {
    /// The X server's name for it.
    pub id: u32,
    /// What its title bar would say.
    pub title: String,
}

/// Where a window is on the screen, without a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "in pixels, from the upper left corner")]
pub struct Area {
    pub x: i32,
    pub y: i32,
    pub width: u32,
    pub height: u32,
}

impl Display {
    pub(super) async fn start(scratch: &Scratch) -> anyhow::Result<Self> {
        let mut server = command("Xvfb");
        server.args(["-displayfd", "1", "-screen", "0", "1440x960x24", "-nolisten", "tcp", "-noreset"]);
        let mut process = Process::spawn("Xvfb", server, scratch)?;
        let number = process
            .until("a display", START_LIMIT, async |process| {
                let out = process.stdout();
                Ok(out.ends_with('\n').then(|| out.trim().to_owned()))
            })
            .await?;
        let name = format!(":{number}");
        let (connection, screen) = x11rb::connect(Some(&name)).context("cannot connect to the X server")?;
        let root = connection.setup().roots[screen].root;
        Ok(Self { name, connection, root, _process: process })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn windows(&self) -> anyhow::Result<Vec<XWindow>> {
        let mut windows = Vec::new();
        let children = self.connection.query_tree(self.root)?.reply()?.children;
        for id in children.into_iter().rev() {
            // A window may go while it is being looked at.
            if let Some(title) = self.title_if_shown(id)? {
                windows.push(XWindow { id, title });
            }
        }
        Ok(windows)
    }

    fn title_if_shown(&self, window: Window) -> anyhow::Result<Option<String>> {
        let name = self.atom("_NET_WM_NAME")?;
        let Ok(attributes) = self.connection.get_window_attributes(window)?.reply() else { return Ok(None) };
        let property = self.connection.get_property(false, window, name, AtomEnum::ANY, 0, 1024)?;
        let Ok(property) = property.reply() else { return Ok(None) };
        let shown = attributes.map_state == MapState::VIEWABLE && !attributes.override_redirect;
        Ok(shown.then(|| String::from_utf8_lossy(&property.value).into_owned()).filter(|title| !title.is_empty()))
    }

    pub(super) fn close(&self, window: &XWindow) -> anyhow::Result<()> {
        let (protocols, delete) = (self.atom("WM_PROTOCOLS")?, self.atom("WM_DELETE_WINDOW")?);
        let message = ClientMessageEvent::new(32, window.id, protocols, [delete, x11rb::CURRENT_TIME, 0, 0, 0]);
        self.connection.send_event(false, window.id, EventMask::NO_EVENT, message)?.check()?;
        Ok(())
    }

    pub(super) fn focus(&self, window: &XWindow) -> anyhow::Result<()> {
        self.connection.set_input_focus(InputFocus::PARENT, window.id, x11rb::CURRENT_TIME)?.check()?;
        Ok(())
    }

    pub(super) fn put(&self, window: &XWindow, area: Area) -> anyhow::Result<()> {
        let Area { x, y, width, height } = area;
        let there = ConfigureWindowAux::new().x(x).y(y).width(width).height(height);
        self.connection.configure_window(window.id, &there)?.check()?;
        Ok(())
    }

    pub(super) fn area(&self, window: &XWindow) -> anyhow::Result<Area> {
        let size = self.connection.get_geometry(window.id)?.reply()?;
        let at = self.connection.translate_coordinates(window.id, self.root, 0, 0)?.reply()?;
        let (x, y) = (at.dst_x.into(), at.dst_y.into());
        Ok(Area { x, y, width: size.width.into(), height: size.height.into() })
    }

    /// Has all keys with Ctrl and Alt, as another program's shortcuts; or leaves them to others.
    pub(super) fn hold_ctrl_alt(&self, held: bool) -> anyhow::Result<()> {
        let both = ModMask::CONTROL | ModMask::M1;
        if held {
            let mode = GrabMode::ASYNC;
            self.connection.grab_key(false, self.root, both, Grab::ANY, mode, mode)?.check()?;
        } else {
            self.connection.ungrab_key(Grab::ANY, self.root, both)?.check()?;
        }
        Ok(())
    }

    fn atom(&self, name: &str) -> anyhow::Result<u32> {
        Ok(self.connection.intern_atom(false, name.as_bytes())?.reply()?.atom)
    }
}
