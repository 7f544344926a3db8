//! The `.deb`: what is in it, and that it starts the way a double-click starts it.
//!
//! It is that of the debug build, as `cargo xtask package --debug` makes it; both builds are packed the same
//! way. It is unpacked, not installed: a test does not change the machine.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context as _, ensure};
use postern_tests::desktop::panel::Panel;
use postern_tests::desktop::{Desktop, app};
use postern_tests::process::{Process, command, run};
use postern_tests::scratch::Scratch;
use postern_tests::wait::until;

const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn the_package_holds_both_programs_and_what_a_desktop_shows_of_them() -> anyhow::Result<()> {
    let package = Unpacked::new().await?;
    for program in ["postern", "postern-desktop"] {
        let version = package.ask(package.file(&format!("bin/{program}")), &["--version"]).await?;
        ensure!(version.contains(env!("CARGO_PKG_VERSION")), "{program} --version says {version}");
    }
    for size in ["32x32", "128x128", "256x256", "512x512"] {
        let icon = package.file(&format!("share/icons/hicolor/{size}/apps/postern.png"));
        let found = package.ask("identify", &["-format", "%wx%h", text(&icon)?]).await?;
        ensure!(found == size, "{} is {found}", icon.display());
    }
    for file in ["icons/hicolor/scalable/apps/postern.svg", "doc/postern/LICENSE-MIT", "doc/postern/LICENSE-APACHE"] {
        ensure!(package.file(&format!("share/{file}")).is_file(), "{file} is missing");
    }
    let entry = package.file("share/applications/postern.desktop");
    let complaints = package.ask("desktop-file-validate", &[text(&entry)?]).await?;
    ensure!(complaints.is_empty(), "{complaints}");
    let metadata = package.file("share/metainfo/dev.postern.Postern.metainfo.xml");
    package.ask("appstreamcli", &["validate", "--no-net", text(&metadata)?]).await?;
    Ok(())
}

#[tokio::test]
async fn the_package_has_a_manual_and_completes_commands() -> anyhow::Result<()> {
    let package = Unpacked::new().await?;
    let page = |name: &str| package.file(&format!("share/man/man1/{name}.1.gz"));
    let manual = package.ask("man", &["--local-file", text(&page("postern"))?]).await?;
    ensure!(manual.contains("Exit codes: 0 done") && manual.contains("postern-doctor(1)"), "{manual}");
    let secret = package.ask("man", &["--local-file", text(&page("postern-secret-set"))?]).await?;
    ensure!(secret.contains("postern-secret-set"), "{secret}");

    let script = package.file("share/bash-completion/completions/postern");
    let typed = format!(
        "source {}; COMP_WORDS=(postern doc); COMP_CWORD=1; _postern postern doc postern; echo \"${{COMPREPLY[@]}}\"",
        script.display()
    );
    ensure!(package.ask("bash", &["-c", &typed]).await?.trim() == "doctor", "bash does not complete");
    for file in ["zsh/vendor-completions/_postern", "fish/vendor_completions.d/postern.fish"] {
        let script = fs::read_to_string(package.file(&format!("share/{file}")))?;
        ensure!(script.contains("doctor"), "{file} knows no doctor");
    }
    Ok(())
}

#[tokio::test]
async fn a_double_click_starts_the_app_and_quit_ends_it() -> anyhow::Result<()> {
    let package = Unpacked::new().await?;
    let desktop = Desktop::start().await?;
    let panel = Panel::start(&desktop).await?;

    let mut launch = desktop.command("gtk-launch");
    launch
        .arg("postern")
        .env("PATH", before(&package.file("bin"), "PATH", "/usr/bin:/bin")?)
        .env("XDG_DATA_DIRS", before(&package.file("share"), "XDG_DATA_DIRS", "/usr/local/share:/usr/share")?);
    // The app is in its group, and ends with it should the test end early.
    let mut launch = Process::spawn("gtk-launch", launch, desktop.scratch())?;
    let launched = launch.wait(LIMIT).await?;
    ensure!(launched.success(), "gtk-launch ended with {launched}: {}", launch.stderr());

    let window = desktop.window("Postern").await?;
    let mut whose = desktop.command("xdotool");
    whose.args(["getwindowpid", &window.id.to_string()]);
    let whose = run("xdotool", whose, "", desktop.scratch(), LIMIT).await?.success()?;
    let family = app::family(whose.trim().parse().with_context(|| format!("not a process: {whose}"))?);

    panel.icon().await?.click(&["Quit"]).await?;
    until("the app's end", LIMIT, async || Ok(app::alive(&family).is_empty().then_some(()))).await
}

/// The package's files, in a folder.
struct Unpacked(Scratch);

impl Unpacked {
    async fn new() -> anyhow::Result<Self> {
        let scratch = Scratch::new("package")?;
        let mut unpack = command("dpkg-deb");
        unpack.arg("--extract").arg(package()?).arg(scratch.path());
        run("dpkg-deb", unpack, "", &scratch, LIMIT).await?.success()?;
        Ok(Self(scratch))
    }

    /// A file below `/usr`.
    fn file(&self, name: &str) -> PathBuf {
        self.0.join("usr").join(name)
    }

    /// Runs a program that must succeed, and returns what it says.
    async fn ask(&self, program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> anyhow::Result<String> {
        let mut asked: Command = command(program);
        asked.args(arguments);
        run("asked", asked, "", &self.0, LIMIT).await?.success()
    }
}

/// Where the package is; it must be of the programs as they are now.
fn package() -> anyhow::Result<PathBuf> {
    let built = app::binary()?;
    let target = built.parent().and_then(Path::parent).context("the app lies in no target folder")?;
    let folder = target.join("debian/debug");
    let built = fs::metadata(&built)?.modified()?;
    let packages = fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let current = |path: &PathBuf| {
        path.extension().is_some_and(|extension| extension == "deb")
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
