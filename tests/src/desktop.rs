//! A desktop without a screen, of which nothing is faked that Postern talks to but the panel: X server,
//! session bus, keychain, and a panel ([`panel`]) that is only its D-Bus side.
//!
//! All is private: a home of its own, a bus without activation (nothing starts that was not started here, but the
//! keychain's own prompt once it is locked), and a "browser" that writes down what it is to open.

pub mod app;
mod display;
pub mod hostile;
mod keyring;
pub mod machine;
pub mod notices;
pub mod panel;
pub mod portal;
pub mod reader;
pub mod window;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;

use self::display::Display;
pub use self::display::{Area, XWindow};
use self::keyring::Keyring;
use self::panel::Icon;
use crate::process::{Finished, Process, command, run};
use crate::scratch::{Scratch, workspace};
use crate::wait::until;

const START_LIMIT: Duration = Duration::from_secs(60);

/// A session of one user at one screen.
#[derive(Debug)]
pub struct Desktop {
    keyring: Option<Keyring>,
    bus: zbus::Connection,
    _bus_process: Process,
    display: Display,
    scratch: Scratch,
}

impl Desktop {
    /// Starts everything, with an unlocked keychain.
    ///
    /// # Errors
    /// When a part is not installed or does not come up.
    pub async fn start() -> anyhow::Result<Self> {
        let mut desktop = Self::without_keychain().await?;
        desktop.keyring = Some(Keyring::start(&desktop).await?);
        Ok(desktop)
    }

    /// Ends the keychain as a crash does; what it has is kept.
    pub fn break_keychain(&mut self) {
        self.keyring = None;
    }

    /// Starts it again, unlocked.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn mend_keychain(&mut self) -> anyhow::Result<()> {
        self.keyring = Some(Keyring::start(self).await?);
        Ok(())
    }

    /// Starts everything but a keychain.
    ///
    /// # Errors
    /// When a part is not installed or does not come up.
    pub async fn without_keychain() -> anyhow::Result<Self> {
        let scratch = Scratch::new("desktop")?;
        for folder in ["home", "run", "tmp"] {
            let path = scratch.join(folder);
            fs::create_dir_all(&path)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700))?;
        }
        install_browser(&scratch)?;
        let display = Display::start(&scratch).await?;
        let bus_process = start_bus(&scratch).await?;
        let bus = connect(&bus_address(&scratch)).await?;
        Ok(Self { keyring: None, bus, _bus_process: bus_process, display, scratch })
    }

    /// A command line whose whole world is this desktop.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut path = self.scratch.join("bin").into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let home = self.home();
        let mut command = command(program);
        command
            .env_clear()
            .current_dir(&home)
            .env("PATH", path)
            .env("HOME", &home)
            .env("XDG_CONFIG_HOME", home.join(".config"))
            .env("XDG_DATA_HOME", home.join(".local/share"))
            .env("XDG_CACHE_HOME", home.join(".cache"))
            .env("XDG_STATE_HOME", home.join(".local/state"))
            .env("XDG_RUNTIME_DIR", self.scratch.join("run"))
            .env("TMPDIR", self.scratch.join("tmp"))
            .env("DBUS_SESSION_BUS_ADDRESS", bus_address(&self.scratch))
            // What the system says is played there too.
            .env("DBUS_SYSTEM_BUS_ADDRESS", bus_address(&self.scratch))
            .env("DISPLAY", self.display.name())
            .env("LANG", "C.UTF-8")
            // No accessibility bus here; asking for one costs GTK a timeout.
            .env("NO_AT_BRIDGE", "1");
        command
    }

    /// The user's home.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.scratch.join("home")
    }

    /// Where the app keeps its profiles.
    #[must_use]
    pub fn profiles_file(&self) -> PathBuf {
        self.home().join(".config/postern/profiles.toml")
    }

    /// Writes the app's profiles, as the text of `[[profile]]` tables; see [`profile`].
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_profiles(&self, profiles: &str) -> anyhow::Result<()> {
        let file = self.profiles_file();
        fs::create_dir_all(file.parent().context("a file without a folder")?)?;
        Ok(fs::write(file, format!("version = 1\n\n{profiles}"))?)
    }

    /// Where everything of this desktop is.
    #[must_use]
    pub fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// The session bus.
    pub fn bus(&self) -> &zbus::Connection {
        &self.bus
    }

    /// A connection of its own to the session bus, for who offers a service there.
    ///
    /// # Errors
    /// When the bus does not answer.
    pub async fn connect(&self) -> anyhow::Result<zbus::Connection> {
        connect(&bus_address(&self.scratch)).await
    }

    /// Whether somebody offers a service under this name.
    ///
    /// # Errors
    /// When the bus does not answer.
    pub async fn has_service(&self, name: &'static str) -> anyhow::Result<bool> {
        let names = zbus::fdo::DBusProxy::new(&self.bus).await?;
        Ok(names.name_has_owner(name.try_into()?).await?)
    }

    /// Locks the keychain: from here on, it asks for its password (`keyring`) in a window of its own.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn lock_keychain(&self) -> anyhow::Result<()> {
        // As the desktop's session starts it, when somebody asks for it.
        let prompter = self.command("/usr/libexec/gcr-prompter");
        let variables: Vec<String> = prompter
            .get_envs()
            .filter_map(|(name, value)| Some(format!("{}={}", name.to_str()?, value?.to_str()?)))
            .collect();
        let service = format!(
            "[D-BUS Service]\nName=org.gnome.keyring.SystemPrompter\nExec=/usr/bin/env -i {} /usr/libexec/gcr-prompter\n",
            variables.join(" ")
        );
        self.scratch.write("services/org.gnome.keyring.SystemPrompter.service", service)?;
        const BUS: &str = "org.freedesktop.DBus";
        self.bus.call_method(Some(BUS), "/org/freedesktop/DBus", Some(BUS), "ReloadConfig", &()).await?;
        let login = zbus::zvariant::ObjectPath::try_from("/org/freedesktop/secrets/collection/login")?;
        let (service, path) = ("org.freedesktop.secrets", "/org/freedesktop/secrets");
        let interface = Some("org.freedesktop.Secret.Service");
        self.bus.call_method(Some(service), path, interface, "Lock", &(vec![login],)).await?;
        Ok(())
    }

    /// Types into a window as a person does, and presses Enter.
    ///
    /// # Errors
    /// When the X server does not take it.
    pub async fn type_into(&self, window: &XWindow, text: &str) -> anyhow::Result<()> {
        self.focus(window)?;
        let mut keys = self.command("xdotool");
        // From standard input: a password is no argument.
        keys.args(["type", "--delay", "30", "--file", "-"]);
        run("xdotool", keys, text, &self.scratch, START_LIMIT).await?.success()?;
        let mut enter = self.command("xdotool");
        enter.args(["key", "Return"]);
        run("xdotool", enter, "", &self.scratch, START_LIMIT).await?.success()?;
        Ok(())
    }

    /// What the keychain has under this account of Postern's debug builds.
    ///
    /// # Errors
    /// When the keychain does not answer.
    pub async fn secret(&self, account: &str) -> anyhow::Result<Option<String>> {
        let mut tool = self.command("secret-tool");
        tool.args(["lookup", "service", "postern-dev", "username", account]);
        // In a folder of its own that goes away: the output is the secret.
        let found = run("secret-tool", tool, "", &Scratch::new("secret")?, START_LIMIT).await?;
        Ok((found.code() == Some(0)).then_some(found.stdout))
    }

    /// Puts a secret into the keychain under this account of Postern's debug builds.
    ///
    /// # Errors
    /// When the keychain does not take it.
    pub async fn put_secret(&self, account: &str, secret: &str) -> anyhow::Result<()> {
        let mut tool = self.command("secret-tool");
        tool.args(["store", &format!("--label={account}"), "service", "postern-dev", "username", account]);
        run("secret-tool", tool, secret, &self.scratch, START_LIMIT).await?.success()?;
        Ok(())
    }

    /// The addresses that were handed to the user's browser so far.
    #[must_use]
    pub fn opened(&self) -> Vec<String> {
        let record = fs::read_to_string(self.scratch.join(OPENED)).unwrap_or_default();
        record.lines().map(str::to_owned).collect()
    }

    /// The text on the clipboard; none where nobody has copied.
    ///
    /// # Errors
    /// When it cannot be asked for.
    pub async fn clipboard(&self) -> anyhow::Result<String> {
        self.paste(&[]).await
    }

    /// The kinds of data that the clipboard has, a line each.
    ///
    /// # Errors
    /// When it cannot be asked for.
    pub async fn clipboard_types(&self) -> anyhow::Result<String> {
        self.paste(&["-target", "TARGETS"]).await
    }

    async fn paste(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut tool = self.command("xclip");
        tool.args(["-selection", "clipboard", "-out"]).args(arguments);
        // In a folder of its own that goes away: the output may be a secret.
        Ok(run("xclip", tool, "", &Scratch::new("clipboard")?, START_LIMIT).await?.stdout)
    }

    /// The windows on the screen, the topmost first.
    ///
    /// # Errors
    /// When the X server does not answer.
    pub fn windows(&self) -> anyhow::Result<Vec<XWindow>> {
        self.display.windows()
    }

    /// Waits for a window with this title.
    ///
    /// # Errors
    /// When it does not come.
    pub async fn window(&self, title: &str) -> anyhow::Result<XWindow> {
        let mut titles = Vec::new();
        let found = until(&format!("a window “{title}”"), START_LIMIT, async || {
            let windows = self.windows()?;
            titles = windows.iter().map(|window| window.title.clone()).collect();
            Ok(windows.into_iter().find(|window| window.title == title))
        })
        .await;
        found.with_context(|| format!("there is {titles:?}"))
    }

    /// Waits until no window has this title.
    ///
    /// # Errors
    /// When one still does.
    pub async fn until_closed(&self, title: &str) -> anyhow::Result<()> {
        until(&format!("the end of window “{title}”"), START_LIMIT, async || {
            Ok((!self.windows()?.iter().any(|window| window.title == title)).then_some(()))
        })
        .await
    }

    /// Closes a window as the button in its title bar does.
    ///
    /// # Errors
    /// When the X server does not answer.
    pub fn close(&self, window: &XWindow) -> anyhow::Result<()> {
        self.display.close(window)
    }

    /// Gives a window the keys, as a window manager does when it is clicked.
    ///
    /// # Errors
    /// When the X server does not answer.
    pub fn focus(&self, window: &XWindow) -> anyhow::Result<()> {
        self.display.focus(window)
    }

    /// Moves and sizes a window, as a person does with its frame.
    ///
    /// # Errors
    /// When the X server does not answer.
    pub fn put(&self, window: &XWindow, area: Area) -> anyhow::Result<()> {
        self.display.put(window, area)
    }

    /// Where a window is.
    ///
    /// # Errors
    /// When the X server does not answer.
    pub fn area(&self, window: &XWindow) -> anyhow::Result<Area> {
        self.display.area(window)
    }

    /// Presses keys, as xdotool names them, in the window that has them.
    ///
    /// # Errors
    /// When the X server does not answer.
    pub async fn press(&self, keys: &str) -> anyhow::Result<()> {
        self.xdotool(&["key", "--clearmodifiers", keys]).await
    }

    /// Another program has all keys with Ctrl and Alt for its own, or leaves them to others.
    ///
    /// # Errors
    /// When the X server does not answer, or somebody has some of them.
    pub fn hold_ctrl_alt(&self, held: bool) -> anyhow::Result<()> {
        self.display.hold_ctrl_alt(held)
    }

    /// Types a text, key by key.
    ///
    /// # Errors
    /// When the X server does not answer.
    pub async fn type_text(&self, text: &str) -> anyhow::Result<()> {
        self.xdotool(&["type", text]).await
    }

    /// Clicks at a place of a window, in pixels from its upper left corner.
    ///
    /// # Errors
    /// When the X server does not answer.
    pub async fn click_at(&self, window: &XWindow, (x, y): (u32, u32)) -> anyhow::Result<()> {
        let [id, x, y] = [window.id, x, y].map(|number| number.to_string());
        self.xdotool(&["mousemove", "--window", &id, &x, &y, "click", "1"]).await
    }

    async fn xdotool(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let mut tool = self.command("xdotool");
        tool.args(arguments);
        run("xdotool", tool, "", &self.scratch, START_LIMIT).await?.success()?;
        Ok(())
    }

    /// Keeps a picture of a window, or of the whole screen, as `target/screenshots/<name>.png`, once something is
    /// painted and stays so for a moment; or as it is in the end, where something on it moves.
    ///
    /// # Errors
    /// When it cannot be taken, or stays blank.
    pub async fn screenshot(&self, window: Option<&XWindow>, name: &str) -> anyhow::Result<PathBuf> {
        /// A page with text has more, by the edges of its letters; an empty window has one or two.
        const COLOURS: usize = 32;
        let path = screenshot_path(name)?;
        let id = window.map_or_else(|| "root".to_owned(), |window| window.id.to_string());
        // Painting lags behind on a busy machine: it is at rest when some looks in a row see the same.
        const LOOKS: usize = 5;
        let (mut last, mut same, mut colours, mut looking) = (String::new(), 0, 0, false);
        let rests = until(&format!("a picture of {name}"), START_LIMIT, async || {
            looking = true;
            let mut import = self.command("import");
            import.args(["-window", &id]).arg(&path);
            run("import", import, "", &self.scratch, START_LIMIT).await?.success()?;
            let look = self.identify("%k %#", &path).await?.success()?;
            colours = look.split(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0);
            same = if look == last { same + 1 } else { 0 };
            last = look;
            looking = false;
            Ok((colours >= COLOURS && same >= LOOKS).then_some(()))
        })
        .await;
        // A look that failed is no picture.
        if colours >= COLOURS && !looking { Ok(path) } else { rests.map(|()| path) }
    }

    /// Waits until an icon shows one of the pictures in `icons/`, pixel by pixel.
    ///
    /// # Errors
    /// When it does not.
    pub async fn until_same_picture(&self, icon: &Icon, name: &str) -> anyhow::Result<()> {
        let raw = self.scratch.join("picture.rgba");
        let mut convert = self.command("convert");
        convert.arg(workspace().join("icons").join(name)).args(["-depth", "8"]).arg(&raw);
        run("convert", convert, "", &self.scratch, START_LIMIT).await?.success()?;
        let wanted = fs::read(raw)?;
        until(&format!("the picture {name}"), START_LIMIT, async || {
            Ok((icon.picture().await?.1 == wanted).then_some(()))
        })
        .await
    }

    async fn identify(&self, what: &str, picture: &Path) -> anyhow::Result<Finished> {
        let mut identify = self.command("identify");
        identify.args(["-format", what]).arg(picture);
        run("identify", identify, "", &self.scratch, START_LIMIT).await
    }
}

fn screenshot_path(name: &str) -> anyhow::Result<PathBuf> {
    let folder = workspace().join("target/screenshots");
    fs::create_dir_all(&folder)?;
    Ok(folder.join(format!("{name}.png")))
}

const OPENED: &str = "opened-in-browser";

/// The profile of a server that asks for nothing.
#[must_use]
pub fn profile(id: &str, url: &str, port: u16) -> String {
    format!("[[profile]]\nid = \"{id}\"\nname = \"{id}\"\nurl = \"{url}\"\nport = {port}\n")
}

/// What opens web addresses on this desktop: a note of them.
fn install_browser(scratch: &Scratch) -> anyhow::Result<()> {
    let script = format!("#!/bin/sh\nprintf '%s\\n' \"$1\" >> '{}'\n", scratch.join(OPENED).display());
    let path = scratch.write("bin/xdg-open", script)?;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o755))?)
}

fn bus_address(scratch: &Scratch) -> String {
    format!("unix:path={}", scratch.join("run/bus").display())
}

async fn start_bus(scratch: &Scratch) -> anyhow::Result<Process> {
    let services = scratch.join("services");
    fs::create_dir_all(&services)?;
    let config = format!(
        "<busconfig><type>session</type><listen>{}</listen><auth>EXTERNAL</auth>\
         <servicedir>{}</servicedir>\
         <policy context='default'><allow send_destination='*'/><allow receive_sender='*'/><allow own='*'/></policy>\
         </busconfig>",
        bus_address(scratch),
        services.display()
    );
    let config = scratch.write("bus.conf", config)?;
    let mut daemon = command("dbus-daemon");
    daemon.args(["--nofork", "--nopidfile", "--config-file"]).arg(config);
    let mut process = Process::spawn("dbus-daemon", daemon, scratch)?;
    let socket = scratch.join("run/bus");
    // Its file is there a moment before somebody listens.
    let listens = async |_: &Process| Ok(UnixStream::connect(&socket).is_ok().then_some(()));
    process.until("the bus", START_LIMIT, listens).await?;
    Ok(process)
}

async fn connect(address: &str) -> anyhow::Result<zbus::Connection> {
    zbus::connection::Builder::address(address)?.build().await.context("cannot connect to the private bus")
}
