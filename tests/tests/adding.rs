//! A server is added as the manager does it: by what was pasted, and by answers to what it asks. The server and its
//! edge are real.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;
use postern_control::Secret;
use postern_control::controller::{AtStart, Connection, Controller, Event, Handle, Options, State};
use postern_control::diagnosis::Report;
use postern_control::folders::Folders;
use postern_control::import::Surroundings;
use postern_control::look::{Ask, End};
use postern_control::profile::Color;
use postern_control::profile::{ProfileId, Slot};
use postern_control::vault::Vault;
use postern_control::view::{Draft, EdgeDraft, PrefectDraft, SecretInput, manager};
use postern_tests::canary::Sweep;
use postern_tests::nginx::Nginx;
use postern_tests::scratch::Scratch;
use postern_tests::secured::Secured;

const LIMIT: Duration = Duration::from_secs(60);

struct Desk {
    scratch: Scratch,
    vault: Vault,
    handle: Handle,
}

impl Desk {
    fn new() -> anyhow::Result<Self> {
        let scratch = Scratch::new("adding")?;
        let vault = Vault::memory();
        let folders = Folders::at(scratch.path())?;
        let options = Options {
            folders,
            vault: vault.clone(),
            at_start: AtStart::Always,
            activity: None,
            surroundings: Surroundings::default(),
        };
        let (handle, _) = Controller::start(options);
        Ok(Self { scratch, vault, handle })
    }

    async fn until(&self, condition: impl FnMut(&std::sync::Arc<State>) -> bool) -> anyhow::Result<()> {
        let mut state = self.handle.state();
        tokio::time::timeout(LIMIT, state.wait_for(condition)).await.context("never")??;
        Ok(())
    }

    /// What a look at this comes to, and the address at which it was found.
    async fn look(&self, number: u64, draft: &Draft) -> anyhow::Result<(String, Report)> {
        self.handle.send(Event::LookAtForm { number, draft: Box::new(draft.clone()) });
        let ended = |state: &State| state.look.as_ref().filter(|look| look.number == number)?.end.clone();
        self.until(|state| ended(state).is_some()).await?;
        match ended(&self.handle.state().borrow()) {
            Some(End::Seen { url, report }) => Ok((url.to_string(), *report)),
            other => anyhow::bail!("{other:?}"),
        }
    }
}

fn secret(text: &str) -> SecretInput {
    SecretInput::Set(Secret::new(text))
}

#[tokio::test]
async fn an_address_and_what_the_server_asks_for_are_enough() -> anyhow::Result<()> {
    let secured = Secured::shared().await?;
    let desk = Desk::new()?;
    let authority = secured.nginx.origin().replace("http://", "");
    let pasted = Draft { url: format!("{authority}/v2/runs?page=2"), ..Draft::default() };

    let (url, report) = desk.look(1, &pasted).await?;
    assert_eq!((url.as_str(), Ask::of(&report)), (&*format!("{}/", secured.nginx.origin()), &[Ask::Edge][..]));

    let username = secured.login.username.clone();
    let answered = |password: &str| Draft {
        url: secured.nginx.origin(),
        edge: EdgeDraft::Basic { username: username.clone(), password: secret(password) },
        prefect: PrefectDraft::SameAsEdge,
        ..Draft::default()
    };
    let (_, report) = desk.look(2, &answered("wrong")).await?;
    assert_eq!((report.code.as_str(), Ask::of(&report)), ("edge_credential_wrong", &[Ask::Edge][..]));

    let right = answered(&secured.login.password);
    let (_, report) = desk.look(3, &right).await?;
    assert!(report.ok, "{report:?}");
    let found = manager(&desk.handle.state().borrow()).look.and_then(|look| look.found).context("nothing found")?;
    assert_eq!((found.version.as_deref(), found.color), (Some("3.8.8"), Color::Blue));

    let named = Draft { name: found.name, color: Some(found.color), ..right };
    let id = desk.handle.save(named).await?;
    let is_up = |state: &State| state.entry(&id).is_some_and(|entry| matches!(entry.connection, Connection::Up { .. }));
    desk.until(|state| is_up(state)).await?;
    assert_eq!(desk.vault.get(&id, &Slot::EdgePassword).await?, Some(Secret::new(secured.login.password.clone())));
    desk.handle.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn prefect_without_an_edge_is_asked_for_its_auth_string() -> anyhow::Result<()> {
    let secured = Secured::shared().await?;
    let desk = Desk::new()?;
    let pasted = Draft { url: format!("{}/api", secured.prefect.origin()), ..Draft::default() };
    let (_, report) = desk.look(1, &pasted).await?;
    assert_eq!(Ask::of(&report), [Ask::Prefect], "{report:?}");
    let username = secured.login.username.clone();
    let prefect = PrefectDraft::Own { username, password: secret(&secured.login.password) };
    let (_, report) = desk.look(2, &Draft { prefect, ..pasted }).await?;
    assert!(report.ok, "{report:?}");
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_elsewhere_than_was_pasted_is_found_there() -> anyhow::Result<()> {
    let secured = Secured::shared().await?;
    let server = secured.prefect.origin();
    let desk = Desk::new()?;
    let edge = async |locations: String| {
        Nginx::configured(|port| format!("server {{ listen 127.0.0.1:{port}; {locations} }}")).await
    };
    let plain = edge(format!("location / {{ proxy_pass {server}; }}")).await?;
    let below = edge(format!("location /prefect/ {{ proxy_pass {server}/; }} location / {{ return 404; }}")).await?;
    // The API stays where it was while the UI went below a path, which is where somebody looks first.
    let parted = edge(format!(
        "location /prefect/ {{ proxy_pass {server}/; }} location /prefect/api/ {{ return 404; }} \
         location /api/ {{ proxy_pass {server}; }} location / {{ return 404; }}"
    ))
    .await?;
    let says = format!("{{\"api_url\":\"{}/api\"}}", plain.origin());
    let apart = edge(format!(
        "location / {{ proxy_pass {server}; }} location /api/ {{ return 404; }} \
         location = /ui-settings {{ default_type application/json; return 200 '{says}'; }}"
    ))
    .await?;
    let api = |edge: &Nginx| Some(format!("{}/api", edge.origin()));
    for (number, (pasted, url, api_url)) in (1_u64..).step_by(2).zip([
        (below.origin(), format!("{}/prefect", below.origin()), None),
        (format!("{}/prefect/dashboard", parted.origin()), format!("{}/prefect", parted.origin()), api(&parted)),
        (parted.origin(), format!("{}/prefect", parted.origin()), api(&parted)),
        (apart.origin(), apart.origin(), api(&plain)),
    ]) {
        let (_, report) = desk.look(number, &Draft { url: pasted.clone(), ..Draft::default() }).await?;
        let place = report.found_at.clone().with_context(|| format!("{pasted}: {report:#?}"))?;
        assert_eq!((&place.url, &place.api_url), (&url, &api_url), "{pasted}");
        let there = Draft { url: place.url, api_url: place.api_url.unwrap_or_default(), ..Draft::default() };
        let (_, report) = desk.look(number + 1, &there).await?;
        assert_eq!((report.code.as_str(), report.found_at), ("prefect_credential_missing", None), "{pasted}");
    }
    Ok(())
}

#[tokio::test]
async fn cancelling_leaves_file_and_keychain_as_they_were() -> anyhow::Result<()> {
    let secured = Secured::shared().await?;
    let desk = Desk::new()?;
    let draft = Draft {
        url: secured.nginx.origin(),
        edge: EdgeDraft::Basic { username: secured.login.username.clone(), password: secret(&secured.login.password) },
        ..Draft::default()
    };
    desk.look(1, &draft).await?;
    desk.handle.send(Event::LookAway);
    desk.until(|state| state.look.is_none()).await?;
    // And one that is given up under way.
    desk.handle.send(Event::LookAtForm { number: 2, draft: Box::new(draft) });
    desk.until(|state| state.look.as_ref().is_some_and(|look| !look.checks.is_empty())).await?;
    desk.handle.send(Event::LookAway);
    desk.until(|state| state.look.is_none()).await?;

    assert_eq!(fs::read_dir(desk.scratch.path())?.count(), 0);
    for id in ["127-0-0-1", "server"] {
        let id: ProfileId = id.parse()?;
        assert_eq!(desk.vault.get(&id, &Slot::EdgePassword).await?, None);
    }
    let sweep = Sweep::default().with_login("the password", &secured.login);
    assert_eq!(sweep.files(desk.scratch.path())?, Vec::<String>::new());
    Ok(())
}
