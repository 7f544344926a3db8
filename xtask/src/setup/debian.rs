//! Debian packages. Asked of `dpkg-query` first; only what is missing is installed, with `sudo` where we are
//! not root. On other systems the list is shown, for a person to install.

use std::io::{IsTerminal, stdin};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::For;
use crate::process::{find, line, program, run, text};

/// A package, and a program that does as well where it came some other way.
type Package = (&'static str, Option<&'static str>);

const BUILDING: &[Package] = &[
    ("pkg-config", Some("pkg-config")),
    ("libwebkit2gtk-4.1-dev", None),
    ("dpkg-dev", None),
    ("rpm", Some("rpmbuild")),
];

const RUNNING: &[Package] = &[
    // The parts: servers, browsers, a keychain, a desktop.
    ("nginx-light", Some("nginx")),
    ("openssl", Some("openssl")),
    // Proxies; `tinyproxy` without `-bin` would start one.
    ("tinyproxy-bin", Some("tinyproxy")),
    ("microsocks", Some("microsocks")),
    ("chromium", Some("chromium")),
    ("chromium-driver", Some("chromedriver")),
    ("webkit2gtk-driver", Some("WebKitWebDriver")),
    ("gnome-keyring", Some("gnome-keyring-daemon")),
    ("libsecret-tools", Some("secret-tool")),
    ("dbus-daemon", Some("dbus-run-session")),
    ("xvfb", Some("Xvfb")),
    ("fonts-dejavu-core", None),
    // To look at windows, and to type into them.
    ("imagemagick", Some("import")),
    ("xdotool", Some("xdotool")),
    ("xclip", Some("xclip")),
    // To read it as a screen reader does.
    ("at-spi2-core", None),
    // To change a network, in one of its own.
    ("iproute2", Some("ip")),
    // To ask as a person does.
    ("curl", Some("curl")),
    // To start the app from its desktop entry.
    ("desktop-file-utils", Some("desktop-file-validate")),
    ("libgtk-3-bin", Some("gtk-launch")),
    // To unpack the other package, and to read what both say of themselves.
    ("rpm2cpio", Some("rpm2cpio")),
    ("cpio", Some("cpio")),
    ("appstream", Some("appstreamcli")),
    ("man-db", Some("man")),
];

const CHECKING: &[Package] = &[
    // An edge that diagnosis is tried on, as nginx and HAProxy are.
    ("caddy", Some("caddy")),
    // A real panel, for a picture of the icon in it.
    ("xfce4-panel", Some("xfce4-panel")),
    // For benchmarks: load, and who else to measure.
    ("wrk", Some("wrk")),
    ("nghttp2-client", Some("h2load")),
    ("haproxy", Some("haproxy")),
];

/// Packages of which Debian starts a server when they are installed, and the server's name. Nobody asked for that: we
/// start our own.
const SERVERS: &[(&str, &str)] = &[("nginx-light", "nginx"), ("haproxy", "haproxy"), ("caddy", "caddy")];

pub(super) fn install(purpose: For) -> Result<()> {
    let mut wanted = BUILDING.to_vec();
    if purpose == For::Checking {
        wanted.extend(CHECKING);
    }
    if purpose != For::Building {
        wanted.extend(RUNNING);
        // Debian keeps this part of its own Python apart; others bring it.
        if find("python3").is_none_or(|python| python.starts_with("/usr/bin")) {
            wanted.push(("python3-venv", None));
        }
    }
    if !has("dpkg-query") {
        let absent = wanted.iter().filter(|(_, witness)| !witness.is_some_and(has));
        let names: Vec<_> = absent.map(|(name, _)| *name).collect();
        println!("setup: not a Debian system; make sure that you have what these packages hold: {}", names.join(" "));
        return Ok(());
    }
    let installed = installed(&wanted)?;
    let missing: Vec<_> = wanted
        .into_iter()
        .filter(|(name, witness)| !installed.iter().any(|have| have == name) && !witness.is_some_and(has))
        .map(|(name, _)| name)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }

    let root = Root::find()?;
    let mut install = root.apt_get();
    install.args(["install", "--yes", "--no-install-recommends"]).args(&missing);
    println!("setup: {}", line(&install));
    if let Root::Nobody = root {
        bail!("these packages are missing and you are not root: run the line above as root, then try again");
    }
    // A source that cannot be reached matters only if a package is not found then.
    drop(root.apt_get().args(["update", "--quiet"]).stdout(Stdio::null()).status());
    run(install.stdout(Stdio::null()))?;
    SERVERS.iter().filter(|(package, _)| missing.contains(package)).try_for_each(|(_, server)| root.stop(server))
}

fn has(name: &str) -> bool {
    find(name).is_some()
}

fn installed(wanted: &[Package]) -> Result<Vec<String>> {
    // Fails where any is unknown, and prints the others all the same.
    let output = program("dpkg-query")
        .args(["--show", "--showformat", "${db:Status-Status} ${Package}\n"])
        .args(wanted.iter().map(|(name, _)| name))
        .stderr(Stdio::null())
        .output()
        .context("cannot start dpkg-query")?;
    let list = String::from_utf8(output.stdout).context("dpkg-query printed something that is not text")?;
    Ok(list.lines().filter_map(|line| line.strip_prefix("installed ")).map(str::to_owned).collect())
}

/// How to act as root.
#[derive(Clone, Copy)]
enum Root {
    Already,
    Sudo,
    Nobody,
}

impl Root {
    fn find() -> Result<Self> {
        let uid = text(program("id").arg("-u"))?;
        if uid.trim() == "0" {
            return Ok(Self::Already);
        }
        // Without a terminal it could only ask into the void.
        let answers = || program("sudo").args(["-n", "true"]).stderr(Stdio::null()).status().is_ok_and(|s| s.success());
        let usable = has("sudo") && (stdin().is_terminal() || answers());
        Ok(if usable { Self::Sudo } else { Self::Nobody })
    }

    fn command(self, name: &str) -> Command {
        match self {
            Self::Already => program(name),
            Self::Sudo | Self::Nobody => {
                let mut command = program("sudo");
                command.arg(name);
                command
            }
        }
    }

    fn apt_get(self) -> Command {
        let mut command = self.command("env");
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        command
    }

    fn stop(self, server: &str) -> Result<()> {
        if Path::new("/run/systemd/system").exists() {
            println!("setup: turning off the {server} service that came with its package");
            run(self.command("systemctl").args(["disable", "--now", server]))
        } else if Path::new("/etc/init.d").join(server).exists() {
            run(self.command("service").args([server, "stop"]).stdout(Stdio::null()))
        } else {
            // Only systemd would have started it.
            Ok(())
        }
    }
}
