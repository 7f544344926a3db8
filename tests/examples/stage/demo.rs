//! The demo: a profile, one start of the app, and the dashboard is there, logged in.
//!
//! With a display it is the user's own session, but for a configuration folder and a vault that go away.
//! Without one it is a desktop made for it.

use std::env;
use std::ffi::OsStr;
use std::future::pending;
use std::time::Duration;

use anyhow::ensure;
use postern_tests::desktop::app;
use postern_tests::desktop::window::Window;
use postern_tests::process::{Process, command, run as run_to_its_end};
use postern_tests::scratch::Scratch;

use crate::home::{Home, program, title};
use crate::scene::{SEEN, Scene};

/// The profile.
const ID: &str = "demo";
const NAME: &str = "Demo";
const COLOR: &str = "teal";

const LIMIT: Duration = Duration::from_secs(20);

/// Longer than anybody watches.
const ENDLESS: Duration = Duration::from_secs(365 * 24 * 60 * 60);

pub(crate) async fn run(headless: bool, keep: bool) -> anyhow::Result<()> {
    let scene = Scene::start().await?;
    if has_display() && !headless { in_session(&scene).await } else { on_its_own(&scene, keep).await }
}

fn has_display() -> bool {
    ["WAYLAND_DISPLAY", "DISPLAY"].iter().any(|name| env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Ends when the app does: by its menu, or by Ctrl-C.
async fn in_session(scene: &Scene) -> anyhow::Result<()> {
    let scratch = Scratch::new("demo")?;
    let place = [OsStr::new("--config-dir"), scratch.path().as_os_str(), OsStr::new("--vault"), OsStr::new("env")];
    let mut postern = command(program()?);
    postern.args(place).args(scene.add(ID, NAME, COLOR));
    run_to_its_end("postern", postern, "", &scratch, LIMIT).await?.success()?;

    let mut app = command(app::binary()?);
    app.args(place).args(["--open", ID]);
    for (slot, secret) in scene.secrets() {
        app.env(format!("POSTERN_SECRET_{ID}_{slot}").to_uppercase().replace('-', "_"), secret);
    }
    println!("starting Postern: quit it in its menu, or press Ctrl-C here");
    let mut app = Process::spawn("postern-desktop", app, &scratch)?;
    let status = app.wait(ENDLESS).await?;
    print!("{}", app.stderr());
    ensure!(status.success(), "Postern ended with {status}");
    Ok(())
}

/// Ends when the dashboard has been seen, unless it is to be kept.
async fn on_its_own(scene: &Scene, keep: bool) -> anyhow::Result<()> {
    let home = Home::new().await?;
    home.add(&scene.add(ID, NAME, COLOR), &scene.secrets()).await?;
    println!("starting Postern");
    let window = Window::start(&home.desktop, &["--open", ID]).await?;
    window.until_shown(SEEN).await?;
    let picture = home.desktop.screenshot(Some(&home.desktop.window(&title(NAME)).await?), "demo").await?;
    println!("the dashboard is there, logged in: {}", picture.display());
    if keep {
        println!("it stays until Ctrl-C");
        pending::<()>().await;
    }
    Ok(())
}
