//! The running gateway of one profile: starts, tells, stops.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::fault::{Advice, Fault};
use crate::guard::door::{Door, Session, local_path};
use crate::status::{Exchange, Health, Sockets, Status};
use crate::upstream::Upstream;
use crate::{Config, Secret, assets, listen, own, pipeline};

/// Records kept for a slow reader of [`Gateway::exchanges`].
const EXCHANGES: usize = 256;

/// Why a gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another program listens on the profile's port.
    #[error("port {port} is taken{}", program.as_ref().map(|name| format!(" by {name}")).unwrap_or_default())]
    PortTaken {
        /// The port.
        port: u16,
        /// Who has it, as `name (pid 123)`, where the system tells.
        program: Option<String>,
    },
    /// The system refused to listen for another reason.
    #[error("cannot listen on port {port}: {source}")]
    Listen {
        /// The port.
        port: u16,
        /// The system's words.
        source: std::io::Error,
    },
    /// The CA file, or the system's trust store, cannot be used.
    #[error("{what} cannot be used: {reason}")]
    Certificate {
        /// Which of them.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// A secret cannot be sent in a header.
    #[error("the secret for {what} cannot be sent in a header: {reason}")]
    Credential {
        /// `edge-password`, `header-…`.
        what: String,
        /// Why, without the value.
        reason: &'static str,
    },
    /// The local key is blank: the door would open to whoever shows nothing.
    #[error("the local key is empty")]
    EmptyKey,
    /// The proxy's address cannot be used.
    #[error("the proxy cannot be used: {reason}")]
    Proxy {
        /// Why.
        reason: &'static str,
    },
    /// The operating system gives no random numbers.
    #[error("no random numbers from the operating system: {0}")]
    Random(#[from] getrandom::Error),
}

/// What every connection of a gateway shares.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The profile's id.
    pub(crate) profile: String,
    /// Where windows and browsers reach us.
    pub(crate) browser_origin: String,
    pub(crate) door: Door,
    pub(crate) upstream: Upstream,
    /// The UI's files that were fetched before.
    pub(crate) assets: Option<Arc<assets::Store>>,
    pub(crate) status: watch::Sender<Status>,
    pub(crate) exchanges: broadcast::Sender<Exchange>,
    pub(crate) sockets: Arc<Sockets>,
    /// What is known better, and of which fault.
    advice: Mutex<Option<(Fault, Advice)>>,
    /// No more of anything: listeners close, tunnels are cut, connections finish their answer.
    pub(crate) stop: CancellationToken,
    /// Every task that serves somebody.
    pub(crate) connections: TaskTracker,
}

/// The handle of a running gateway. Dropping it stops the gateway.
#[derive(Debug)]
pub struct Gateway {
    port: u16,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
    /// The task is over, however it came to that.
    over: CancellationToken,
    _stop_on_drop: DropGuard,
}

impl Shared {
    pub(crate) fn new(config: &Config, port: u16, upstream: Upstream) -> Result<Self, StartError> {
        Ok(Self {
            browser_origin: own::browser_origin(&config.profile, port),
            profile: config.profile.clone(),
            door: Door::new(config, port)?,
            upstream,
            assets: config.assets.clone().map(|folder| Arc::new(assets::Store::new(folder, &config.local_key))),
            status: watch::Sender::new(Status {
                health: Health::Unknown,
                since: SystemTime::now(),
                version: None,
                latency: None,
            }),
            exchanges: broadcast::Sender::new(EXCHANGES),
            sockets: Arc::default(),
            advice: Mutex::default(),
            stop: CancellationToken::new(),
            connections: TaskTracker::new(),
        })
    }
}

impl Shared {
    /// What is known better of a fault than it says itself.
    pub(crate) fn advice_on(&self, fault: &Fault) -> Option<Advice> {
        let advice = self.advice.lock().unwrap_or_else(PoisonError::into_inner);
        advice.as_ref().filter(|(about, _)| about == fault).map(|(_, advice)| advice.clone())
    }
}

impl Gateway {
    /// The longest that [`Gateway::probe`] takes.
    pub const PROBE: Duration = pipeline::PROBE;

    /// Binds the loopback port and serves until [`Gateway::stop`]. Needs a tokio runtime.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let upstream = Upstream::new(&config)?;
        let listeners = listen::bind(config.port).await?;
        let port = listeners.port;
        let shared = Arc::new(Shared::new(&config, port, upstream)?);
        let over = CancellationToken::new();
        let (serving, ends) = (listen::run(listeners, Arc::clone(&shared)), over.clone().drop_guard());
        let task = tokio::spawn(async move {
            let _ends = ends;
            serving.await;
        });
        let stop = shared.stop.clone();
        Ok(Self { port, shared, task, over, _stop_on_drop: stop.drop_guard() })
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where programs reach it: `http://127.0.0.1:<port>`, no slash at the end.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where windows and browsers reach it: `http://<profile>.localhost:<port>`, or on macOS, whose web view
    /// allows plain http to addresses but not to such names, `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn browser_origin(&self) -> &str {
        &self.shared.browser_origin
    }

    /// A one-time address that lets a browser or window in: `<browser origin>/.postern/enter?pass=…`, good
    /// once, for 30 s.
    ///
    /// `to` is the local path it leads to; anything else leads to `/`. `session` is whose it is.
    ///
    /// # Errors
    /// When the operating system gives no random numbers.
    pub fn enter_url(&self, to: &str, session: Session) -> Result<Secret, StartError> {
        let to = if local_path(to) { to } else { "/" };
        Ok(own::enter_url(&self.shared.door, self.browser_origin(), to, session)?)
    }

    /// Asks the server `GET /api/admin/version` with the profile's credential, past the door (it needs no key):
    /// the outcome shows in [`Gateway::status`]. Returns when the answer is in, or after [`Gateway::PROBE`]: a
    /// caller's own patience must be longer, or the silence is never told.
    pub async fn probe(&self) {
        pipeline::probe(&self.shared).await;
    }

    /// The world around has changed: another network, a night's sleep. What is known of the server's health is forgotten,
    /// and the next request goes out on a new connection. Those under way go on.
    pub fn renew(&self) {
        self.shared.upstream.clients.renew();
        self.shared.status.send_modify(|status| {
            status.health = Health::Unknown;
            status.since = SystemTime::now();
        });
    }

    /// Lets windows write until then although the profile is read-only, or no more. Nobody else may meanwhile.
    pub fn let_windows_write(&self, until: Option<SystemTime>) {
        self.shared.upstream.let_windows_write(until);
    }

    /// What pages about the server's fault say in place of its own words, as long as it is the one that there is now.
    pub fn advise(&self, advice: Option<Advice>) {
        let about = match &self.shared.status.borrow().health {
            Health::Failing(fault) => Some(fault.clone()),
            Health::Unknown | Health::Up => None,
        };
        *self.shared.advice.lock().unwrap_or_else(PoisonError::into_inner) = about.zip(advice);
    }

    /// How the server looks, as it changes.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.shared.status.subscribe()
    }

    /// One record for each request from now on. Slow readers lose records, never requests.
    #[must_use]
    pub fn exchanges(&self) -> broadcast::Receiver<Exchange> {
        self.shared.exchanges.subscribe()
    }

    /// Who has sockets open, now and later.
    #[must_use]
    pub fn sockets(&self) -> Arc<Sockets> {
        Arc::clone(&self.shared.sockets)
    }

    /// Returns when it accepts nobody any more. While nobody has stopped it, that is a mistake of ours.
    pub async fn over(&self) {
        self.over.cancelled().await;
    }

    /// Closes the listener and cuts tunnels at once; answers under way get half a second to finish.
    pub async fn stop(self) {
        self.shared.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(panicked = error.is_panic(), "the gateway's task failed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Remote;

    #[tokio::test]
    async fn a_gateway_whose_task_breaks_down_says_so() {
        let config = Config::of(Remote::at("http://127.0.0.1:9".parse().unwrap()));
        let gateway = Gateway::start(Config { port: 0, ..config }).await.unwrap();
        assert!(tokio::time::timeout(Duration::from_millis(50), gateway.over()).await.is_err());
        gateway.task.abort();
        tokio::time::timeout(Duration::from_secs(10), gateway.over()).await.unwrap();
    }
}
