//! Where a window may go. Pure: the window asks, this answers.
//!
//! 1. A window stays at the one origin it was opened for.
//! 2. `http`, `https` and `mailto` elsewhere belong into the user's browser.
//! 3. Everything else (`file:`, `javascript:`, `data:`, `tauri:`, `ipc:`, …) is refused.

use url::Url;

/// What becomes of an address that a page leads to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The window goes there.
    Stay,
    /// The user's browser does.
    Browser(Url),
    /// Nobody does.
    Refuse,
}

/// Judges `target` for a window that belongs to `home`. Only `home`'s origin counts.
pub(crate) fn judge(home: &Url, target: &str) -> Verdict {
    let Ok(url) = Url::parse(target) else { return Verdict::Refuse };
    let at_home = match (url.origin(), home.origin()) {
        // A scheme without origins in the URL standard (`tauri:`): told apart by hand.
        (url::Origin::Opaque(_), url::Origin::Opaque(_)) => {
            url.scheme() == home.scheme() && url.host() == home.host() && url.port() == home.port()
        }
        (theirs, ours) => theirs == ours,
    };
    match url.scheme() {
        // Frames start out so, and inherit the origin of the page that made them.
        "about" if matches!(url.path(), "blank" | "srcdoc") => Verdict::Stay,
        // `blob:` has the origin of the page that made it: a download of the page's own data.
        _ if at_home => Verdict::Stay,
        "http" | "https" | "mailto" => Verdict::Browser(url),
        _ => Verdict::Refuse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(home: &str, targets: &[&str]) -> String {
        let home = Url::parse(home).unwrap();
        targets
            .iter()
            .map(|target| {
                let verdict = match judge(&home, target) {
                    Verdict::Stay => "stay".to_owned(),
                    Verdict::Browser(url) => format!("browser {url}"),
                    Verdict::Refuse => "refuse".to_owned(),
                };
                format!("{target} -> {verdict}\n")
            })
            .collect()
    }

    #[test]
    fn a_dashboard_stays_at_its_gateway() {
        let verdicts = verdicts(
            "http://prod.localhost:4201",
            &[
                "http://prod.localhost:4201/v2/runs?state=failed#top",
                "http://PROD.localhost:4201/",
                "http://user@prod.localhost:4201/",
                "blob:http://prod.localhost:4201/5f1c",
                "about:blank",
                "about:srcdoc",
                "http://prod.localhost:4202/",
                "https://prod.localhost:4201/",
                "http://stage.localhost:4201/",
                "http://127.0.0.1:4201/",
                "http://prod.localhost.evil.example:4201/",
                "http://prod.localhost:4201@evil.example/",
                "https://docs.prefect.io/",
                "mailto:help@example.com",
                "blob:https://evil.example/5f1c",
                "about:config",
                "file:///etc/passwd",
                "javascript:alert(1)",
                "data:text/html,hello",
                "tauri://localhost/",
                "ipc://localhost/manager_view",
                "http://tauri.localhost/",
                "ftp://example.com/",
                "vscode://open",
                "//evil.example",
                "",
            ],
        );
        insta::assert_snapshot!(verdicts, @r"
        http://prod.localhost:4201/v2/runs?state=failed#top -> stay
        http://PROD.localhost:4201/ -> stay
        http://user@prod.localhost:4201/ -> stay
        blob:http://prod.localhost:4201/5f1c -> stay
        about:blank -> stay
        about:srcdoc -> stay
        http://prod.localhost:4202/ -> browser http://prod.localhost:4202/
        https://prod.localhost:4201/ -> browser https://prod.localhost:4201/
        http://stage.localhost:4201/ -> browser http://stage.localhost:4201/
        http://127.0.0.1:4201/ -> browser http://127.0.0.1:4201/
        http://prod.localhost.evil.example:4201/ -> browser http://prod.localhost.evil.example:4201/
        http://prod.localhost:4201@evil.example/ -> browser http://prod.localhost:4201@evil.example/
        https://docs.prefect.io/ -> browser https://docs.prefect.io/
        mailto:help@example.com -> browser mailto:help@example.com
        blob:https://evil.example/5f1c -> refuse
        about:config -> refuse
        file:///etc/passwd -> refuse
        javascript:alert(1) -> refuse
        data:text/html,hello -> refuse
        tauri://localhost/ -> refuse
        ipc://localhost/manager_view -> refuse
        http://tauri.localhost/ -> browser http://tauri.localhost/
        ftp://example.com/ -> refuse
        vscode://open -> refuse
        //evil.example -> refuse
         -> refuse
        ");
    }

    #[test]
    fn the_manager_stays_at_its_own_pages() {
        let verdicts = verdicts(
            "tauri://localhost",
            &[
                "tauri://localhost/index.html",
                "tauri://localhost",
                "tauri://elsewhere/index.html",
                "ipc://localhost/manager_view",
                "https://docs.prefect.io/",
                "file:///etc/passwd",
            ],
        );
        insta::assert_snapshot!(verdicts, @r"
        tauri://localhost/index.html -> stay
        tauri://localhost -> stay
        tauri://elsewhere/index.html -> refuse
        ipc://localhost/manager_view -> refuse
        https://docs.prefect.io/ -> browser https://docs.prefect.io/
        file:///etc/passwd -> refuse
        ");
    }
}
