//! The project's pictures: the tray, the manager with a few servers, and a dashboard.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use postern_tests::desktop::window::Window;
use postern_tests::wait::free_port;

use crate::home::{Home, title};
use crate::scene::{SEEN, Scene};
use crate::tray;

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
    manager.end().await?;

    let dashboard = Window::start(&home.desktop, &["--open", "prod"]).await?;
    dashboard.until_shown(SEEN).await?;
    keep(&home, &title("Production"), &folder.join("dashboard.png")).await
}

async fn keep(home: &Home, title: &str, path: &Path) -> anyhow::Result<()> {
    let window = home.desktop.window(title).await?;
    let picture = home.desktop.screenshot(Some(&window), "picture").await?;
    fs::copy(&picture, path).with_context(|| format!("cannot write {}", path.display()))?;
    println!("{}", path.display());
    Ok(())
}
