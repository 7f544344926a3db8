//! One start of one gateway, from reading its secrets to its end, as one task.
//!
//! It ends when nobody can give it orders any more, and its last word is always one of
//! [`Event::StartFailed`] and [`Event::Ended`].

use std::future::{pending, ready};
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use postern_gateway::{Advice, Door, Gateway, Remote, Secret, Session, StartError};
use tokio::sync::mpsc;

use super::Outcomes;
use crate::activity::Activity;
use crate::controller::{Event, Failure, Generation, ShellRequest, Window};
use crate::dashboard::Kept;
use crate::diagnosis::certificate_ends_soon;
use crate::environment::{Environment, Shell};
use crate::folders::Folders;
use crate::profile::{Profile, ProfileId};
use crate::resolve::{ResolveError, resolve};
use crate::vault::{Vault, VaultError};
use crate::view::Trouble;

/// How long a probe may take: longer than it gives itself, so that what it found is what is told.
const PATIENCE: Duration = Duration::from_secs(45);
const _: () = assert!(Gateway::PROBE.as_secs() < PATIENCE.as_secs());

/// Who may have sockets open through a gateway.
const DOORS: [Door; 3] = [Door::Window, Door::Browser, Door::Program];

/// What a gateway's task needs of its surroundings.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) folders: Folders,
    pub(super) vault: Vault,
    pub(super) activity: Option<Activity>,
    pub(super) shell: mpsc::UnboundedSender<ShellRequest>,
    pub(super) outcomes: Outcomes,
}

impl Place {
    pub(super) fn ask(&self, request: ShellRequest) {
        // A program without a shell has dropped the receiver.
        drop(self.shell.send(request));
    }

    pub(super) async fn copy_environment(&self, profile: &Profile) {
        let key = self.vault.local_key(&profile.id, self.folders.config()).await;
        let rendered = key.map_err(|error| error.trouble()).and_then(|key| {
            let environment = Environment::of(profile, &key).map_err(|error| error.trouble())?;
            Ok(environment.render(Shell::default(), None))
        });
        self.ask(match rendered {
            Ok(text) => ShellRequest::CopySecret { text },
            Err(trouble) => ShellRequest::ShowTrouble { name: Some(profile.name.clone()), trouble },
        });
    }

    /// The profile is in the file no more.
    pub(super) fn forget(&self, id: &ProfileId) {
        if let Some(activity) = &self.activity {
            activity.forget(id);
        }
    }
}

/// What a standing gateway is told.
#[derive(Debug)]
pub(super) enum Order {
    Probe,
    Renew,
    Advise(Option<Trouble>),
    LetWindowsWrite(Option<SystemTime>),
    SeeCertificate,
    Open {
        profile: Box<Profile>,
        window: Window,
    },
    /// Make a mistake.
    #[cfg(test)]
    Break,
}

/// The whole life. What it returns is its last word.
pub(super) async fn live(
    generation: Generation,
    profile: Profile,
    place: Place,
    mut orders: mpsc::UnboundedReceiver<Order>,
) -> Event {
    let (gateway, remote) = tokio::select! {
        started = start(&profile, &place) => match started {
            Ok(started) => started,
            Err(failure) => return Event::StartFailed { generation, failure, at: SystemTime::now() },
        },
        // No order is given before it stands: this is the end of them.
        _ = orders.recv() => return Event::Ended { generation, at: SystemTime::now() },
    };
    place.outcomes.send(Event::Started(generation)).await;
    let recorded = place.activity.as_ref().map(|activity| (activity, gateway.exchanges(), gateway.sockets()));
    let recording = async {
        if let Some((activity, exchanges, sockets)) = recorded {
            activity.record(&profile.id, exchanges, sockets).await;
        }
        pending::<()>().await;
    };
    let serving = async {
        serve(generation, (&gateway, &remote), &place, orders).await;
        gateway.stop().await;
    };
    tokio::select! {
        () = serving => {}
        () = recording => {}
    }
    Event::Ended { generation, at: SystemTime::now() }
}

async fn start(profile: &Profile, place: &Place) -> Result<(Gateway, Remote), Failure> {
    let config = resolve(profile, &place.folders, &place.vault).await.map_err(|error| not_resolved(&error))?;
    let remote = config.remote.clone();
    let gateway = Gateway::start(config).await.map_err(|error| not_started(&error))?;
    Ok((gateway, remote))
}

fn not_started(error: &StartError) -> Failure {
    let trouble = Trouble::from(error);
    if matches!(error, StartError::PortTaken { .. }) { Failure::PortTaken(trouble) } else { Failure::Other(trouble) }
}

fn not_resolved(error: &ResolveError) -> Failure {
    let trouble = error.trouble();
    match error {
        ResolveError::SecretMissing { slot, .. } => Failure::SecretMissing { slot: slot.clone(), trouble },
        ResolveError::Vault(VaultError::Unusable { unfit, .. }) => {
            Failure::SecretMissing { slot: unfit.slot.clone(), trouble }
        }
        ResolveError::Vault(cause) => {
            // Each asks a person something: not again until a person asks us.
            let ask_again = !matches!(cause, VaultError::Locked | VaultError::Refused { .. });
            Failure::Vault { trouble, ask_again }
        }
        ResolveError::File { .. } | ResolveError::Certificate { .. } => Failure::Other(trouble),
    }
}

/// Carries out orders and tells what it sees, until the orders end or the gateway does.
async fn serve(
    generation: Generation,
    (gateway, remote): (&Gateway, &Remote),
    place: &Place,
    mut orders: mpsc::UnboundedReceiver<Order>,
) {
    let mut status = gateway.status();
    let (mut exchanges, sockets) = (gateway.exchanges(), gateway.sockets());
    let mut used = move || {
        let asked = !exchanges.is_empty();
        exchanges = exchanges.resubscribe();
        asked || DOORS.into_iter().any(|door| sockets.open(door) > 0)
    };
    let mut probe: Option<Pin<Box<dyn Future<Output = ()> + Send + '_>>> = None;
    let mut seeing: Option<Pin<Box<dyn Future<Output = Option<u64>> + Send + '_>>> = None;
    loop {
        let seen = async {
            match &mut seeing {
                Some(seeing) => seeing.await,
                None => pending().await,
            }
        };
        let probed = async {
            match &mut probe {
                Some(probe) => probe.await,
                None => pending().await,
            }
        };
        tokio::select! {
            order = orders.recv() => match order {
                None => return,
                Some(Order::Probe) => {
                    // What it found is in the status; where it found nothing in time, that says so too.
                    probe = Some(Box::pin(async { drop(tokio::time::timeout(PATIENCE, gateway.probe()).await) }));
                }
                Some(Order::Renew) => {
                    gateway.renew();
                    status.mark_unchanged();
                    probe = probe.map(|_| Box::pin(ready(())) as _);
                }
                Some(Order::Advise(advice)) => {
                    gateway.advise(advice.map(|Trouble { sentence, remedy, .. }| Advice { sentence, remedy }));
                }
                Some(Order::LetWindowsWrite(until)) => gateway.let_windows_write(until),
                Some(Order::SeeCertificate) => seeing = Some(Box::pin(certificate_ends_soon(remote))),
                #[cfg(test)]
                Some(Order::Break) => panic!("on purpose"),
                Some(Order::Open { profile, window }) => open(gateway, place, *profile, &window),
            },
            // Nobody comes in any more.
            () = gateway.over() => return,
            days = seen => {
                seeing = None;
                place.outcomes.send(Event::CertificateSeen { generation, days, at: SystemTime::now() }).await;
            }
            () = probed => {
                probe = None;
                let status = status.borrow_and_update().clone();
                let (used, at) = (used(), SystemTime::now());
                place.outcomes.send(Event::Probed { generation, status, used, at }).await;
            }
            Ok(()) = status.changed() => {
                let status = status.borrow_and_update().clone();
                place.outcomes.send(Event::Status { generation, status, at: SystemTime::now() }).await;
            }
        }
    }
}

fn open(gateway: &Gateway, place: &Place, profile: Profile, window: &Window) {
    let session = match window {
        Window::Dashboard | Window::DashboardAt(_) | Window::DashboardIfOpen => Session::Window,
        Window::Browser(_) => Session::Browser,
    };
    let data_dir = place.folders.dashboard(&profile.id);
    let kept = Kept::load(&data_dir);
    let to = match window {
        Window::DashboardAt(to) | Window::Browser(to) => to,
        // Where it was.
        Window::Dashboard | Window::DashboardIfOpen => kept.page(),
    };
    let enter = match gateway.enter_url(to, session) {
        Ok(enter) => enter,
        Err(error) => {
            place.ask(ShellRequest::ShowTrouble { name: Some(profile.name), trouble: Trouble::from(&error) });
            return;
        }
    };
    place.ask(match window {
        Window::Dashboard | Window::DashboardAt(_) => ShellRequest::OpenDashboard {
            data_dir,
            id: profile.id,
            name: profile.name,
            color: profile.color,
            enter,
            page: (*window != Window::Dashboard).then(|| Secret::new(format!("{}{to}", gateway.browser_origin()))),
            origin: gateway.browser_origin().to_owned(),
        },
        Window::DashboardIfOpen => ShellRequest::ReenterDashboard { id: profile.id, enter },
        Window::Browser(_) => ShellRequest::OpenBrowser { url: enter },
    });
}
