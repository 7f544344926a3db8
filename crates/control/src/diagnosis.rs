//! Looking at a server layer by layer, as far as something refuses, and saying which layer it is and what to do.
//!
//! 1. Checks run in the order of [`Layer`]. What stands on a layer that failed is not looked at, and says so.
//! 2. Each check has a thin part that asks, and a pure one that judges what was recorded: so that servers nobody has
//!    at hand can be judged from what others recorded of them.
//! 3. What a gateway says too, is said here in its words and codes ([`postern_gateway::Fault`]).
//! 4. Credentials go to the profile's own origins, on the way that a gateway would send them ([`probe`]); no redirect
//!    is followed. Nothing is written on the server: the one POST asks for a list of flows.
//! 5. Everything is bounded: each check in time, all of them by [`PATIENCE`], each body in size. What the server says
//!    is shown only in small pieces, without control characters, and without a secret that it sends back.
//!
//! [`probe`]: postern_gateway::probe

mod address;
mod auth;
mod clock;
mod csrf;
mod edge;
mod finding;
mod fix;
mod network;
mod prefect;
mod product;
mod recorded;
mod report;
mod share;
mod socket;
mod tls;
mod version;
mod wire;

use std::time::{Duration, Instant};

use http::Uri;
use postern_gateway::{Fault, Remote};
use url::Url;

pub use self::address::Given;
pub(crate) use self::address::tidy;
use self::finding::{At, Finding};
use self::prefect::Settings;
use self::product::Product;
use self::recorded::Answer;
pub use self::report::{Check, Layer, Place, Report, Server, State};
pub(crate) use self::share::mask;
pub(crate) use self::tls::certificate_ends_soon;
pub(crate) use self::version::installed;
use self::wire::Wire;
use crate::view::Trouble;

/// All checks together.
const PATIENCE: Duration = Duration::from_secs(28);
/// One question.
const ANSWER: Duration = Duration::from_secs(8);

/// What is looked at: a server, and what is there to show it.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The id of its profile, where it has one: for remedies that name a command.
    pub profile: Option<String>,
    /// Where it is, its credentials, and the way there.
    pub remote: Remote,
    /// Whether somebody waits for what takes seconds: an idle socket, and a large body where its head tells nothing.
    pub thorough: bool,
}

/// Looks at a server. `tell` hears of each check when it has ended.
///
/// Takes less than 30 seconds, whatever the server does.
pub async fn diagnose(subject: &Subject, mut tell: impl FnMut(&Check) + Send) -> Report {
    let mut case = match Case::new(subject) {
        Ok(case) => case,
        Err(trouble) => return report::unusable(trouble, tell),
    };
    let mut checks = Vec::with_capacity(Layer::CHECKED.len());
    let mut guilty: Option<(Layer, Finding)> = None;
    for layer in Layer::CHECKED {
        let began = Instant::now();
        let outcome = match &guilty {
            // The clock may be why, and any answer tells it.
            Some((failed, _)) if layer.stands_on(*failed) && !(layer == Layer::Clock && case.api.is_some()) => {
                Outcome::Skipped(format!("not looked at, because “{failed}” failed"))
            }
            // What comes last asks nothing.
            None if case.left().is_zero() && layer < Layer::Clock => {
                Outcome::fault("the time is up", wire::slow(PATIENCE))
            }
            Some(_) if case.left().is_zero() && layer < Layer::Clock => {
                Outcome::Skipped("not looked at: the time is up".to_owned())
            }
            _ => case.look(layer).await,
        };
        let at = case.at();
        let check = outcome.check(layer, began.elapsed(), &at);
        tell(&check);
        checks.push(check);
        if let Outcome::Failed(_, finding) = outcome
            && guilty.is_none()
        {
            guilty = Some((layer, finding));
        }
    }
    case.report(checks, guilty.map(|(_, finding)| finding))
}

/// How a check ends.
enum Outcome {
    Passed(String),
    Warned(String, Finding),
    Failed(String, Finding),
    Skipped(String),
}

impl Outcome {
    /// With what was seen so far as evidence.
    fn fault(evidence: impl Into<String>, fault: Fault) -> Self {
        Self::Failed(evidence.into(), Finding::Fault(fault))
    }

    fn check(&self, layer: Layer, took: Duration, at: &At<'_>) -> Check {
        let (state, evidence, finding) = match self {
            Self::Passed(evidence) => (State::Passed, evidence, None),
            Self::Warned(evidence, finding) => (State::Warned, evidence, Some(finding)),
            Self::Failed(evidence, finding) => (State::Failed, evidence, Some(finding)),
            Self::Skipped(why) => (State::Skipped, why, None),
        };
        let trouble = finding.map(|finding| finding.trouble(at));
        // Where nothing was seen, what that means is all there is.
        let nothing = trouble.as_ref().filter(|_| evidence.is_empty()).map(|trouble| trouble.sentence.clone());
        Check { layer, state, took, evidence: nothing.unwrap_or_else(|| evidence.clone()), trouble }
    }
}

/// What is known so far.
struct Case<'s> {
    subject: &'s Subject,
    wire: Wire,
    until: Instant,
    ui: Url,
    api: Option<Answer>,
    api_url: Url,
    /// The same question without a credential.
    anonymous: Option<Answer>,
    product: Option<Product>,
    settings: Option<Settings>,
    version: Option<String>,
}

impl<'s> Case<'s> {
    /// Fails where what the profile says cannot be used.
    fn new(subject: &'s Subject) -> Result<Self, Trouble> {
        let remote = &subject.remote;
        Ok(Self {
            subject,
            wire: Wire::new(remote).map_err(|error| Trouble::from(&error))?,
            until: Instant::now() + PATIENCE,
            ui: remote.url.clone(),
            api: None,
            api_url: remote.api_url.clone().unwrap_or_else(|| below(&remote.url, "api")),
            anonymous: None,
            product: None,
            settings: None,
            version: None,
        })
    }

    async fn look(&mut self, layer: Layer) -> Outcome {
        match layer {
            Layer::Url => address::check(self),
            Layer::Name => network::name(self).await,
            Layer::Tcp => network::tcp(self).await,
            Layer::Proxy => network::proxy(self).await,
            Layer::Tls => tls::check(self).await,
            Layer::Edge => edge::check(self).await,
            Layer::Prefect => prefect::check(self).await,
            Layer::Auth => auth::check(self).await,
            Layer::Csrf => csrf::check(self).await,
            Layer::Websocket => socket::check(self).await,
            Layer::Clock => clock::check(self),
            Layer::Version => version::check(self),
            Layer::None => Outcome::Skipped(String::new()),
        }
    }

    fn at(&self) -> At<'_> {
        At { profile: self.subject.profile.as_deref(), product: self.product, remote: &self.subject.remote }
    }

    fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// What one question may take.
    fn patience(&self) -> Duration {
        self.left().min(ANSWER)
    }

    /// Where connections go: to the UI's place, and to the API's where that is another.
    fn places(&self) -> Vec<&Url> {
        let apart = self.ui.origin() != self.api_url.origin();
        std::iter::once(&self.api_url).chain(apart.then_some(&self.ui)).collect()
    }

    fn report(self, checks: Vec<Check>, guilty: Option<Finding>) -> Report {
        let found_at = guilty.as_ref().and_then(|finding| finding.place(&self.subject.remote));
        let wants_ca = guilty.as_ref().is_some_and(Finding::wants_ca);
        let verdict = guilty.map(|finding| (finding.layer(), finding.trouble(&self.at())));
        let latency = self.api.as_ref().map(|answer| answer.took);
        let server = Server {
            ui: self.settings.as_ref().map(|settings| settings.ui.clone()).unwrap_or_default(),
            api_url: self.api.as_ref().is_some_and(prefect::is_there).then(|| shown(&self.api_url)),
            edge: self.product.map(|product| product.to_string()),
            version: self.version,
        };
        let ok = verdict.is_none();
        let (layer, trouble) = verdict.unwrap_or_else(|| (Layer::None, report::well(&server, latency, &checks)));
        let Trouble { code, sentence, remedy } = trouble;
        Report { ok, layer, code, sentence, remedy, found_at, wants_ca, server, checks, latency }
    }
}

/// `url` with a further path.
fn below(url: &Url, path: &str) -> Url {
    let mut below = url.clone();
    below.set_path(&format!("{}/{path}", url.path().trim_end_matches('/')));
    below
}

/// As people write it.
fn shown(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

/// As HTTP takes it. What [`Url`] knows and this does not, cannot be asked for.
fn uri(url: &Url) -> Uri {
    url.as_str().parse().unwrap_or_default()
}
