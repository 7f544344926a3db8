//! The project's pictures: the manager with a few servers, and a dashboard.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use postern_tests::desktop::window::Window;
use postern_tests::wait::free_port;

use crate::home::Home;
use crate::scene::{SEEN, Scene};

pub(crate) async fn run(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let scene = Scene::start().await?;
    let servers = [("prod", "Production", "red"), ("staging", "Staging", "teal")];
    let mut profiles = String::new();
    for (id, name, color) in servers {
        profiles += &scene.profile(id, name, color)?;
    }
    // Nothing listens there: a server that is down.
    profiles += &format!(
        "[[profile]]\nid = \"lab\"\nname = \"Lab\"\nurl = \"http://127.0.0.1:{}\"\nport = {}\n",
        free_port()?,
        free_port()?
    );
    let home = Home::new(&profiles).await?;
    for (id, ..) in servers {
        for (slot, secret) in scene.secrets() {
            home.save(id, slot, secret).await?;
        }
    }

    let manager = Window::start(&home.desktop, &[]).await?;
    manager.until_shown(&["Production", "Connected", "Lab", "Not reachable"]).await?;
    keep(&home, "Postern", &folder.join("manager.png")).await?;
    drop(manager);

    let dashboard = Window::start(&home.desktop, &["--open", "prod"]).await?;
    dashboard.until_shown(SEEN).await?;
    keep(&home, "Production — Prefect", &folder.join("dashboard.png")).await
}

async fn keep(home: &Home, title: &str, path: &Path) -> anyhow::Result<()> {
    let window = home.desktop.window(title).await?;
    let picture = home.desktop.screenshot(Some(&window), "picture").await?;
    fs::copy(&picture, path).with_context(|| format!("cannot write {}", path.display()))?;
    println!("{}", path.display());
    Ok(())
}
