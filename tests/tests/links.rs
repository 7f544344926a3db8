//! Links, followed by a real second process: the page opens in the right profile, the process ends well, and nothing of
//! a profile changes, whatever a link says.

use std::fs;
use std::time::Duration;

use postern_tests::acceptance::held;
use postern_tests::desktop::notices::Notices;
use postern_tests::desktop::window::Window;
use postern_tests::desktop::{Desktop, app, profile};
use postern_tests::prefect::{Options, Prefect};
use postern_tests::process::Process;
use postern_tests::wait::{free_port, until};

const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_link_opens_its_page_and_can_change_nothing_of_a_profile() -> anyhow::Result<()> {
    let prefect = Prefect::start(Options::default()).await?;
    let desktop = Desktop::start().await?;
    let notices = Notices::start(&desktop).await?;
    let port = free_port()?;
    desktop.write_profiles(&profile("prod", &prefect.origin(), port))?;
    let before = fs::read(desktop.profiles_file())?;

    // The first start with a link is one with its page.
    let window = Window::start(&desktop, &["postern://prod/v2/deployments"]).await?;
    let at = async |path: &str| {
        let what = format!("the page {path}");
        until(&what, LIMIT, async || {
            // As a person sees it: all of it is there, and not what is to come.
            let place = "return document.readyState === 'complete' && `${location.port}${location.pathname}`";
            let place = window.driver().execute(place, vec![]).await?;
            Ok((place == format!("{port}{path}")).then_some(()))
        })
        .await
    };
    at("/v2/deployments").await?;

    let page = format!("{}/v2/flows?page=1", prefect.origin());
    let hand = async |arguments: &[&str]| app::start(&desktop, arguments)?.succeeds(LIMIT).await;
    for (arguments, path) in [
        (&[page.as_str()][..], "/v2/flows"),
        (&["postern://prod/v2/blocks?url=https://evil.example&api_url=x"], "/v2/blocks"),
        (&["--vault", "env", "postern://prod/v2/variables#username=eve"], "/v2/variables"),
    ] {
        hand(arguments).await?;
        at(path).await?;
        assert_eq!(fs::read(desktop.profiles_file())?, before);
        held("H85");
    }

    // It is handed over before a toolkit is up: there is none without a display.
    let mut blind = app::command(&desktop)?;
    blind.env_remove("DISPLAY").arg("postern://prod/v2/variables");
    hand(&[&page]).await?;
    at("/v2/flows").await?;
    Process::spawn("postern-desktop", blind, desktop.scratch())?.succeeds(LIMIT).await?;
    at("/v2/variables").await?;

    // What is refused is said, and the window stays where it is.
    let user = format!("{}/v2/flows", prefect.origin().replace("://", "://eve:canary@"));
    for refused in ["postern://prod/../x", "postern://prod/.postern/enter?pass=x", "file:///etc/passwd", &user] {
        let seen = notices.seen().len();
        hand(&[refused]).await?;
        let notice = until("a notice", LIMIT, async || Ok(notices.seen().into_iter().nth(seen))).await?;
        assert!(!notice.contains("canary"), "{notice}");
        assert_eq!(window.driver().current_url().await?.path(), "/v2/variables");
        assert_eq!(fs::read(desktop.profiles_file())?, before);
        held("H85");
    }

    // So it is where nobody shows notices.
    drop(notices);
    hand(&["--open", "gone"]).await?;
    let told = desktop.window("Postern").await?;
    desktop.screenshot(Some(&told), "told-without-notices").await?;
    desktop.focus(&told)?;
    desktop.press("Escape").await?;
    desktop.until_closed("Postern").await?;

    // A server that no profile has is offered in the manager; a person has to save it.
    hand(&["https://new.example.com/v2/flows"]).await?;
    desktop.window("Postern").await?;
    assert_eq!(fs::read(desktop.profiles_file())?, before);

    held("H85");
    window.end().await
}
