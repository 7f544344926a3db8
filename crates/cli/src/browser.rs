//! The user's own browser.
//!
//! The address holds a pass, which other users of this machine may see among the browser's arguments. A pass
//! works once, for 30 seconds, and the gateway takes it only from a process of the same user where the system
//! can tell; `--print` is for who wants none of that.

use std::process::Stdio;
use std::time::Duration;

use postern_control::vault::Variables;
use postern_gateway::Secret;

use crate::failure::Failure;

/// What has not failed by then has opened something, and may live as long as the browser.
const PATIENCE: Duration = Duration::from_secs(3);

/// Opens the address with the first program that can.
pub(crate) async fn open(url: &Secret) -> Result<(), Failure> {
    // Without a display some would take the address, and show it to nobody. Who names a browser knows better.
    let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if cfg!(target_os = "linux") && !["DISPLAY", "WAYLAND_DISPLAY", "BROWSER"].iter().any(is_set) {
        return Err(Failure::new(
            "no_browser",
            "There is no display here to show a browser on.",
            "Use `--print`, and open the address within 30 seconds where there is one.",
        ));
    }
    for mut command in open::commands(url.expose()) {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // Secrets in our environment are none of the browser's.
        for (name, _) in Variables::inherited().iter() {
            command.env_remove(name);
        }
        let Ok(mut child) = command.spawn() else { continue };
        let mut waited = Duration::ZERO;
        let ended = loop {
            match child.try_wait() {
                Ok(None) if waited < PATIENCE => {
                    const STEP: Duration = Duration::from_millis(50);
                    tokio::time::sleep(STEP).await;
                    waited += STEP;
                }
                Ok(ended) => break ended,
                Err(_) => break None,
            }
        };
        if ended.is_none_or(|status| status.success()) {
            return Ok(());
        }
    }
    Err(Failure::new(
        "no_browser",
        "No program of this system opens web addresses.",
        "Use `--print`, and open the address yourself within 30 seconds.",
    ))
}
