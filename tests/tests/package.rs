//! The `.deb` and the `.rpm`: what is in them, and the life of a program that was installed: started by a double-click,
//! by a link and with the session, upgraded, removed.
//!
//! They are those of the debug build, as `cargo xtask package --debug` makes them; both builds are packed the same way.
//! What is installed is installed into a folder: a test does not change the machine.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context as _, ensure};
use postern_tests::desktop::panel::{Icon, Panel};
use postern_tests::desktop::{Desktop, app, profile};
use postern_tests::nginx::Nginx;
use postern_tests::process::{Process, command, run};
use postern_tests::scratch::Scratch;
use postern_tests::wait::{free_port, until};

const LIMIT: Duration = Duration::from_secs(60);

/// Where each keeps what zsh completes, below `share`; all else is at the same places.
const ZSH: [(&str, &str); 2] = [("deb", "zsh/vendor-completions"), ("rpm", "zsh/site-functions")];

#[tokio::test]
async fn the_packages_hold_both_programs_and_what_a_desktop_shows_of_them() -> anyhow::Result<()> {
    let mut contents = Vec::new();
    for (kind, zsh) in ZSH {
        let package = Unpacked::new(kind).await?;
        for program in ["postern", "postern-desktop"] {
            let version = package.ask(package.file(&format!("bin/{program}")), &["--version"]).await?;
            ensure!(version.contains(env!("CARGO_PKG_VERSION")), "{kind}: {program} --version says {version}");
        }
        for edge in [16, 24, 32, 48, 64, 128, 256, 512] {
            let size = format!("{edge}x{edge}");
            let icon = package.file(&format!("share/icons/hicolor/{size}/apps/postern.png"));
            let found = package.ask("identify", &["-format", "%wx%h", text(&icon)?]).await?;
            ensure!(found == size, "{} is {found}", icon.display());
        }
        let drawing = package.file("share/icons/hicolor/scalable/apps/postern.svg");
        ensure!(fs::read_to_string(&drawing)?.contains("<svg "), "{} is no drawing", drawing.display());
        let copyright = fs::read_to_string(package.file("share/doc/postern/copyright"))?;
        for said in
            ["\nLicense: Apache-2.0 or Expat\n", "common-licenses/Apache-2.0", "\n .\n THE SOFTWARE IS PROVIDED"]
        {
            ensure!(copyright.contains(said), "{kind}: {copyright}");
        }
        for file in ["LICENSE-MIT", "LICENSE-APACHE"] {
            ensure!(package.file(&format!("share/doc/postern/{file}")).is_file(), "{kind}: {file} is missing");
        }
        let entry = package.file("share/applications/postern.desktop");
        let complaints = package.ask("desktop-file-validate", &[text(&entry)?]).await?;
        ensure!(complaints.is_empty(), "{complaints}");
        let metadata = package.file("share/metainfo/dev.postern.Postern.metainfo.xml");
        package.ask("appstreamcli", &["validate", "--no-net", text(&metadata)?]).await?;
        contents.push(package.files(zsh)?);
    }
    assert_eq!(contents.first(), contents.last());
    Ok(())
}

#[tokio::test]
async fn the_packages_ask_for_the_libraries_that_the_programs_are_linked_with() -> anyhow::Result<()> {
    let scratch = Scratch::new("package")?;
    for (kind, asked, wanted) in [
        ("deb", &["dpkg-deb", "--field"][..], ["libwebkit2gtk-4.1-0 (>= ", "libgtk-3-0 (>= ", "libc6 (>= "]),
        (
            "rpm",
            &["rpm", "--query", "--requires", "--package"],
            ["libwebkit2gtk-4.1.so.0()", "libgtk-3.so.0()", "libc.so.6(GLIBC_"],
        ),
    ] {
        let mut query = command(asked[0]);
        query.args(&asked[1..]).arg(package(kind)?);
        let said = run("query", query, "", &scratch, LIMIT).await?.success()?;
        for wanted in wanted {
            ensure!(said.contains(wanted), "no {wanted} in {said}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_packages_have_a_manual_and_complete_commands() -> anyhow::Result<()> {
    for (kind, zsh) in ZSH {
        let package = Unpacked::new(kind).await?;
        let page = |name: &str| package.file(&format!("share/man/man1/{name}.1.gz"));
        let manual = package.ask("man", &["--local-file", text(&page("postern"))?]).await?;
        // Lines are filled with spaces.
        let manual = manual.split_whitespace().collect::<Vec<_>>().join(" ");
        ensure!(manual.contains("Exit codes: 0 done") && manual.contains("postern-doctor(1)"), "{manual}");
        let secret = package.ask("man", &["--local-file", text(&page("postern-secret-set"))?]).await?;
        ensure!(secret.contains("postern-secret-set"), "{secret}");

        let script = package.file("share/bash-completion/completions/postern");
        let typed = format!(
            "source {}; COMP_WORDS=(postern doc); COMP_CWORD=1; _postern postern doc postern; echo \"${{COMPREPLY[@]}}\"",
            script.display()
        );
        ensure!(package.ask("bash", &["-c", &typed]).await?.trim() == "doctor", "bash does not complete");
        for file in [&format!("{zsh}/_postern"), "fish/vendor_completions.d/postern.fish"] {
            let script = fs::read_to_string(package.file(&format!("share/{file}")))?;
            ensure!(script.contains("doctor"), "{file} knows no doctor");
        }
    }
    Ok(())
}

#[tokio::test]
async fn installed_it_starts_as_desktops_start_programs_and_what_is_a_persons_outlives_it() -> anyhow::Result<()> {
    let root = Root::new()?;
    root.dpkg(&[OsStr::new("--install"), package("deb")?.as_os_str()]).await?;
    root.tell_the_desktop().await?;
    let answer = "default_type application/json; return 200 '\"3.8.8\"';";
    let nginx =
        Nginx::configured(|port| format!("server {{ listen 127.0.0.1:{port}; location / {{ {answer} }} }}")).await?;
    let desktop = Desktop::start().await?;
    let life = Life { root: &root, desktop: &desktop };

    // A double-click: the manager.
    let panel = Panel::start(&desktop).await?;
    let _launched = life.launch(&["gtk-launch", "postern"]).await?;
    let window = desktop.window("Postern").await?;
    life.quits(&panel.icon().await?, &window.title).await?;
    drop(panel);

    // A link: its page, whether it runs or not.
    desktop.write_profiles(&profile("prod", &nginx.origin(), free_port()?))?;
    let settings = desktop.profiles_file().with_file_name("settings.toml");
    fs::write(&settings, "# mine\n[notices]\nback = false\n")?;
    let of_a_person = || anyhow::Ok([fs::read(desktop.profiles_file())?, fs::read(&settings)?]);
    let before = of_a_person()?;
    let panel = Panel::start(&desktop).await?;
    let _opened = life.launch(&["gio", "open", "postern://prod/runs"]).await?;
    let dashboard = desktop.window("prod — Prefect").await?;
    desktop.close(&dashboard)?;
    desktop.until_closed(&dashboard.title).await?;
    let _opened = life.launch(&["gio", "open", "postern://prod/runs"]).await?;
    desktop.window(&dashboard.title).await?;
    let icon = panel.icon().await?;
    icon.click(&["Start at login"]).await?;
    icon.until("a mark", |menu| menu.contains("[x] Start at login")).await?;
    life.quits(&icon, &dashboard.title).await?;
    drop((icon, panel));

    // The session: an icon and no window. It goes on while it is replaced, and knows where it lies.
    let entry = desktop.home().join(".config/autostart/postern.desktop");
    let panel = Panel::start(&desktop).await?;
    let _started = life.launch(&["gio", "launch", text(&entry)?]).await?;
    let icon = panel.icon().await?;
    icon.until("a connected server", |menu| menu.contains("prod — connected")).await?;
    assert_eq!(desktop.windows()?, []);
    let launched = fs::read(&entry)?;
    root.dpkg(&[OsStr::new("--install"), root.later_package().await?.as_os_str()]).await?;
    for mark in ["[ ]", "[x]"] {
        icon.click(&["Start at login"]).await?;
        icon.until("another mark", |menu| menu.contains(&format!("{mark} Start at login"))).await?;
    }
    assert_eq!(fs::read(&entry)?, launched);
    icon.click(&["prod", "Open"]).await?;
    desktop.window(&dashboard.title).await?;
    life.quits(&icon, &dashboard.title).await?;
    drop((icon, panel));
    let panel = Panel::start(&desktop).await?;
    let _started = life.launch(&["gio", "launch", text(&entry)?]).await?;
    let icon = panel.icon().await?;
    icon.until("a connected server", |menu| menu.contains("prod — connected")).await?;
    assert_eq!(of_a_person()?, before);

    // It goes, and takes nothing that is not its own.
    icon.click(&["prod", "Open"]).await?;
    desktop.window(&dashboard.title).await?;
    root.dpkg(&["--remove", "postern"].map(OsStr::new)).await?;
    life.quits(&icon, &dashboard.title).await?;
    assert_eq!(root.files()?, BTreeSet::new());
    assert_eq!(of_a_person()?, before);
    assert!(desktop.secret("prod/local-key").await?.is_some());
    // What is left in the session is passed over.
    let tried = fs::read_to_string(&entry)?;
    let tried =
        tried.lines().find_map(|line| line.strip_prefix("TryExec=")).context("nothing says what to look for")?;
    assert_eq!((Path::new(tried), Path::new(tried).exists()), (&*root.file("bin/postern-desktop"), false));
    assert!(life.launch(&["gio", "launch", text(&entry)?]).await.is_err());
    assert_eq!(desktop.windows()?, []);
    Ok(())
}

/// A session in which the package is installed.
struct Life<'a> {
    root: &'a Root,
    desktop: &'a Desktop,
}

impl Life<'_> {
    /// Runs what a desktop runs to start something else, which goes on, and ends at the latest with what is returned.
    async fn launch(&self, line: &[&str]) -> anyhow::Result<Process> {
        let mut launch = self.desktop.command(line[0]);
        launch
            .args(&line[1..])
            .env("PATH", before(&self.root.file("bin"), "PATH", "/usr/bin:/bin")?)
            .env("XDG_DATA_DIRS", before(&self.root.file("share"), "XDG_DATA_DIRS", "/usr/local/share:/usr/share")?);
        let mut launch = Process::spawn("launch", launch, self.desktop.scratch())?;
        let launched = launch.wait(LIMIT).await?;
        ensure!(launched.success(), "{line:?} ended with {launched}: {}", launch.stderr());
        Ok(launch)
    }

    /// Ends the app, of which this window is, by its menu.
    async fn quits(&self, icon: &Icon, window: &str) -> anyhow::Result<()> {
        let window = self.desktop.window(window).await?;
        let mut whose = self.desktop.command("xdotool");
        whose.args(["getwindowpid", &window.id.to_string()]);
        let whose = run("xdotool", whose, "", self.desktop.scratch(), LIMIT).await?.success()?;
        let family = app::family(whose.trim().parse().with_context(|| format!("not a process: {whose}"))?);
        icon.click(&["Quit"]).await?;
        until("the app's end", LIMIT, async || Ok(app::alive(&family).is_empty().then_some(()))).await
    }
}

/// A folder that Debian's package manager takes for a machine: a fresh one, but for the packages of this one, which are
/// known and not there.
struct Root(Scratch);

impl Root {
    fn new() -> anyhow::Result<Self> {
        let scratch = Scratch::new("root")?;
        let known = fs::read_to_string("/var/lib/dpkg/status").context("no Debian packages are known here")?;
        let others: Vec<&str> =
            known.split_inclusive("\n\n").filter(|package| !package.starts_with("Package: postern\n")).collect();
        scratch.write("var/lib/dpkg/status", others.concat())?;
        for folder in ["var/lib/dpkg/info", "var/lib/dpkg/updates", "var/log"] {
            fs::create_dir_all(scratch.join(folder))?;
        }
        Ok(Self(scratch))
    }

    /// Unpacks and configures, or removes; dependencies must be met.
    async fn dpkg(&self, arguments: &[&OsStr]) -> anyhow::Result<()> {
        let mut dpkg = command("unshare");
        // As root of nothing but the folder, whoever runs the test.
        dpkg.args(["--map-root-user", "dpkg", "--no-triggers", "--force-unsafe-io"]);
        dpkg.arg("--root").arg(self.0.path()).args(arguments);
        run("dpkg", dpkg, "", &self.0, LIMIT).await?.success()?;
        Ok(())
    }

    /// What a trigger does after each installation.
    async fn tell_the_desktop(&self) -> anyhow::Result<()> {
        let mut update = command("update-desktop-database");
        update.arg(self.file("share/applications"));
        run("update-desktop-database", update, "", &self.0, LIMIT).await?.success()?;
        Ok(())
    }

    /// The same package, as of a later version.
    async fn later_package(&self) -> anyhow::Result<PathBuf> {
        let (folder, later) = (self.0.join("later"), self.0.join("later.deb"));
        let mut unpack = command("dpkg-deb");
        unpack.arg("--raw-extract").arg(package("deb")?).arg(&folder);
        run("dpkg-deb", unpack, "", &self.0, LIMIT).await?.success()?;
        let control = fs::read_to_string(folder.join("DEBIAN/control"))?;
        let version = format!("Version: {}", env!("CARGO_PKG_VERSION"));
        ensure!(control.contains(&version), "{control}");
        fs::write(folder.join("DEBIAN/control"), control.replace(&version, "Version: 99.0.0"))?;
        let mut pack = command("dpkg-deb");
        pack.args(["--build", "-Znone", "--root-owner-group"]).args([&folder, &later]);
        run("dpkg-deb", pack, "", &self.0, LIMIT).await?.success()?;
        Ok(later)
    }

    /// A file below `/usr`.
    fn file(&self, name: &str) -> PathBuf {
        self.0.join("usr").join(name)
    }

    /// What packages have left below `/usr`; the desktop's index is not theirs.
    fn files(&self) -> anyhow::Result<BTreeSet<PathBuf>> {
        let mut files = files(&self.file(""))?;
        files.remove(&self.file("share/applications/mimeinfo.cache"));
        Ok(files)
    }
}

/// A package's files, in a folder.
struct Unpacked(Scratch);

impl Unpacked {
    async fn new(kind: &str) -> anyhow::Result<Self> {
        let scratch = Scratch::new("package")?;
        let mut unpack = command("sh");
        unpack.current_dir(scratch.path()).args([
            "-c",
            match kind {
                "deb" => "exec dpkg-deb --extract \"$0\" .",
                _ => "rpm2cpio \"$0\" | cpio --extract --make-directories --quiet",
            },
        ]);
        unpack.arg(package(kind)?);
        run("unpack", unpack, "", &scratch, LIMIT).await?.success()?;
        Ok(Self(scratch))
    }

    /// A file below `/usr`.
    fn file(&self, name: &str) -> PathBuf {
        self.0.join("usr").join(name)
    }

    /// All below `/usr`, as if `zsh` were the folder's name.
    fn files(&self, zsh: &str) -> anyhow::Result<BTreeSet<String>> {
        let top = self.file("");
        let short = |file: PathBuf| Ok(text(file.strip_prefix(&top)?)?.replace(zsh, "zsh"));
        files(&top)?.into_iter().map(short).collect()
    }

    /// Runs a program that must succeed, and returns what it says.
    async fn ask(&self, program: impl AsRef<OsStr>, arguments: &[&str]) -> anyhow::Result<String> {
        let mut asked: Command = command(program);
        asked.args(arguments);
        run("asked", asked, "", &self.0, LIMIT).await?.success()
    }
}

/// All files below a folder, if there is one.
fn files(folder: &Path) -> anyhow::Result<BTreeSet<PathBuf>> {
    let mut all = BTreeSet::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry?.path();
        if path.is_dir() {
            all.extend(files(&path)?);
        } else {
            all.insert(path);
        }
    }
    Ok(all)
}

/// Where the package is; it must be of the programs as they are now.
fn package(kind: &str) -> anyhow::Result<PathBuf> {
    let built = app::binary()?;
    let target = built.parent().and_then(Path::parent).context("the app lies in no target folder")?;
    let folder = target.join("packages/debug");
    let built = fs::metadata(&built)?.modified()?;
    let packages = fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let current = |path: &PathBuf| {
        path.extension().is_some_and(|extension| extension == kind)
            && fs::metadata(path).and_then(|file| file.modified()).is_ok_and(|packed| packed >= built)
    };
    packages
        .filter(current)
        .max()
        .with_context(|| format!("no current package in {}: run `cargo xtask package --debug`", folder.display()))
}

/// A search path that starts with this folder.
fn before(folder: &Path, variable: &str, default: &str) -> anyhow::Result<OsString> {
    let path = env::var_os(variable).unwrap_or_else(|| default.into());
    Ok(env::join_paths(std::iter::once(folder.to_path_buf()).chain(env::split_paths(&path)))?)
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("not a path in UTF-8")
}
