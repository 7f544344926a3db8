//! The project's pictures: the tray, the manager with a few servers, and a dashboard.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use postern_tests::desktop::window::Window;
use postern_tests::wait::{free_port, until};

use crate::home::{Home, title};
use crate::scene::{SEEN, Scene};
use crate::tray;

const LIMIT: Duration = Duration::from_secs(30);

pub(crate) async fn run(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    tray::run(&folder.join("tray.png")).await?;
    let scene = Scene::start().await?;
    let home = Home::new().await?;
    for (id, name, color) in [("prod", "Production", "red"), ("staging", "Staging", "teal")] {
        home.add(&scene.add(id, name, color), &scene.secrets()).await?;
    }
    // Nothing listens there: a server that is down.
    let down = format!("http://127.0.0.1:{}", free_port()?);
    home.add(&["add", "--id", "lab", "--name", "Lab", "--url", &down], &[]).await?;

    let manager = Window::start(&home.desktop, &[]).await?;
    manager.until_shown(&["Production", "Connected", "Lab", "Not connected"]).await?;
    keep(&home, "Postern", &folder.join("manager.png")).await?;
    quit(manager).await?;

    let dashboard = Window::start(&home.desktop, &["--open", "prod"]).await?;
    dashboard.until_shown(SEEN).await?;
    keep(&home, &title("Production"), &folder.join("dashboard.png")).await
}

/// By a signal: of an end that nobody asked for, the next start would tell in the manager.
async fn quit(window: Window) -> anyhow::Result<()> {
    let app = window.app().context("no process of the app's")?;
    kill(Pid::from_raw(app.try_into()?), Signal::SIGTERM)?;
    until("the app's end", LIMIT, async || Ok(window.app().is_none().then_some(()))).await?;
    window.end().await
}

async fn keep(home: &Home, title: &str, path: &Path) -> anyhow::Result<()> {
    let window = home.desktop.window(title).await?;
    let picture = home.desktop.screenshot(Some(&window), "picture").await?;
    fs::copy(&picture, path).with_context(|| format!("cannot write {}", path.display()))?;
    println!("{}", path.display());
    Ok(())
}
