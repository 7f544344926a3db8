//! Embeds the manager's page, and turns the shell's commands to deny-by-default.

use std::path::Path;

/// The commands a capability may allow; every other invoke is refused. Kept equal to the handler and to
/// `capabilities/manager.json` by a test in `src/commands.rs`.
const COMMANDS: &[&str] = &[
    "manager_view",
    "manager_act",
    "manager_look",
    "manager_save",
    "manager_activity",
    "manager_use",
    "manager_export",
    "manager_report",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let page = Path::new("../ui/dist");
    println!("cargo:rerun-if-changed={}", page.display());
    if !page.join("index.html").is_file() {
        return Err("the manager's page is not built: run `npm --prefix ui ci && npm --prefix ui run build` \
                    (`cargo xtask` does it for you)"
            .into());
    }
    println!("cargo:rustc-env=POSTERN_COMMANDS={}", COMMANDS.join(" "));
    tauri_build::try_build(
        tauri_build::Attributes::new().app_manifest(tauri_build::AppManifest::new().commands(COMMANDS)),
    )
    .map_err(|error| format!("{error:#}").into())
}
