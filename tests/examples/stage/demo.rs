//! The demo: a profile, one start of the app, and the dashboard is there, logged in.
//!
//! With a display it is the user's own session, but for a configuration folder and a vault that go away.
//! Without one it is a desktop made for it.

use std::env;
use std::future::pending;
use std::time::Duration;

use anyhow::ensure;
use postern_tests::desktop::app;
use postern_tests::desktop::window::Window;
use postern_tests::process::{Process, command};
use postern_tests::scratch::Scratch;

use crate::home::Home;
use crate::scene::{SEEN, Scene};

const ID: &str = "demo";

/// Longer than anybody watches.
const ENDLESS: Duration = Duration::from_secs(365 * 24 * 60 * 60);

pub(crate) async fn run(headless: bool, keep: bool) -> anyhow::Result<()> {
    let scene = Scene::start().await?;
    let profile = scene.profile(ID, "Demo", "teal")?;
    if has_display() && !headless { in_session(&scene, &profile).await } else { on_its_own(&scene, &profile, keep).await }
}

fn has_display() -> bool {
    ["WAYLAND_DISPLAY", "DISPLAY"].iter().any(|name| env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Ends when the app does: by its menu, or by Ctrl-C.
async fn in_session(scene: &Scene, profile: &str) -> anyhow::Result<()> {
    let scratch = Scratch::new("demo")?;
    scratch.write("config/profiles.toml", format!("version = 1\n{profile}"))?;
    let mut app = command(app::binary()?);
    app.arg("--config-dir").arg(scratch.join("config")).args(["--vault", "env", "--open", ID]);
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
async fn on_its_own(scene: &Scene, profile: &str, keep: bool) -> anyhow::Result<()> {
    let home = Home::new(profile).await?;
    for (slot, secret) in scene.secrets() {
        home.save(ID, slot, secret).await?;
    }
    println!("starting Postern");
    let window = Window::start(&home.desktop, &["--open", ID]).await?;
    window.until_shown(SEEN).await?;
    let picture = home.desktop.screenshot(None, "demo").await?;
    println!("the dashboard is there, logged in: {}", picture.display());
    if keep {
        println!("it stays until Ctrl-C");
        pending::<()>().await;
    }
    Ok(())
}
