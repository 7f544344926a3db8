//! Prefect itself: whether it answers, which version it is, and where its parts are.

use http::StatusCode;
use postern_gateway::Fault;
use serde_json::Value;
use url::{Host, Url};

use super::finding::Finding;
use super::recorded::{Answer, quoted};
use super::wire::Ask;
use super::{Case, Outcome, below, shown};
use crate::profile::is_near;

/// What `/ui-settings` says, as far as it is of use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    /// Where browsers are sent for the API.
    pub(super) api_url: Option<String>,
    /// `v1`, `v2`.
    pub(super) ui: Vec<String>,
    /// Whether Prefect asks for its auth string.
    pub(super) auth: bool,
}

impl Settings {
    fn of(answer: &Answer) -> Option<Self> {
        let body = answer.json().filter(|_| answer.status == StatusCode::OK)?;
        // Every Prefect since 2.14 has it.
        let api_url = body.as_object()?.get("api_url")?.as_str().map(quoted);
        let listed = body.get("available_uis").and_then(Value::as_array);
        let ui = listed.map(|listed| listed.iter().filter_map(Value::as_str).map(quoted).take(8).collect());
        // Before 3.6 there is the one, and no word about it.
        let ui = ui.unwrap_or_else(|| vec!["v1".to_owned()]);
        Some(Self { api_url, ui, auth: body.get("auth").is_some_and(Value::is_string) })
    }
}

/// What an answer to the question for the version says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// It is Prefect.
    Version(String),
    /// It is Prefect, and wants to be shown its auth string.
    Refused,
    /// Prefect is not there, or fails.
    Fault(Fault),
    /// Something else is there; why.
    Elsewhere(String),
}

impl Told {
    pub(super) fn of(answer: &Answer) -> Self {
        use StatusCode as S;
        let json = answer.json();
        let status = answer.status.as_u16();
        match answer.status {
            S::OK => match json.as_ref().and_then(Value::as_str) {
                Some(version) if version.starts_with(|c: char| c.is_ascii_digit()) => Self::Version(quoted(version)),
                _ => Self::Elsewhere("what it says is no version".to_owned()),
            },
            _ if answer.is_prefects_refusal() => Self::Refused,
            S::BAD_GATEWAY | S::SERVICE_UNAVAILABLE | S::GATEWAY_TIMEOUT if json.is_none() => {
                Self::Fault(Fault::ServerDown { status })
            }
            _ if answer.status.is_server_error() => Self::Fault(Fault::ServerFails { status }),
            S::NOT_FOUND if answer.is_html() => {
                Self::Elsewhere("it answers the API's address with a web page saying “not found”".to_owned())
            }
            S::NOT_FOUND => Self::Elsewhere("it knows no version at the API's address".to_owned()),
            _ if answer.status.is_redirection() => Self::Elsewhere("it sends us elsewhere".to_owned()),
            _ => Self::Fault(Fault::EdgeRefused { status }),
        }
    }
}

/// Whether it is Prefect that answers.
pub(super) fn is_there(answer: &Answer) -> bool {
    matches!(Told::of(answer), Told::Version(_) | Told::Refused)
}

pub(super) async fn check(case: &mut Case<'_>) -> Outcome {
    let Some(told) = case.api.as_ref().map(Told::of) else {
        return Outcome::Skipped("not looked at: there was no answer".to_owned());
    };
    let settings = settings(case, &case.ui).await;
    case.settings.clone_from(&settings);
    match told {
        Told::Fault(fault) => Outcome::fault(status(case), fault),
        Told::Elsewhere(reason) => {
            let finding = elsewhere(case, settings, reason).await;
            Outcome::Failed(status(case), finding)
        }
        Told::Version(version) => {
            case.version = Some(version);
            here(case).await
        }
        Told::Refused => here(case).await,
    }
}

fn status(case: &Case<'_>) -> String {
    let status = case.api.as_ref().map(|api| api.status.to_string()).unwrap_or_default();
    format!("{status} from {}/admin/version", shown(&case.api_url))
}

async fn settings(case: &Case<'_>, ui: &Url) -> Option<Settings> {
    let answer = case.wire.ask(Ask::get(&below(ui, "ui-settings")), case.patience()).await.ok()?;
    Settings::of(&answer)
}

/// The API is where it should be: now the UI.
async fn here(case: &Case<'_>) -> Outcome {
    let version = case.version.as_ref().map_or_else(|| "Prefect".to_owned(), |version| format!("Prefect {version}"));
    let took = case.api.as_ref().map(|api| api.took.as_millis()).unwrap_or_default();
    let Some(settings) = &case.settings else {
        let evidence = format!("{version}, in {took} ms; no UI at {}", shown(&case.ui));
        for base in bases(&case.ui, &case.api_url) {
            if base != case.ui && self::settings(case, &base).await.is_some() {
                let api = (case.api_url != below(&base, "api")).then(|| case.api_url.clone());
                return Outcome::Failed(evidence, Finding::BasePathWrong { found: base, api });
            }
        }
        return Outcome::Warned(evidence, Finding::NoUi);
    };
    let evidence = format!("{version}, in {took} ms; UI {}", settings.ui.join(" and "));
    match settings.api_url.as_deref().and_then(|says| misleads(says, &case.api_url)) {
        Some(finding) => Outcome::Warned(evidence, finding),
        None => Outcome::Passed(evidence),
    }
}

/// Where browsers are sent that have no Postern.
fn misleads(says: &str, is: &Url) -> Option<Finding> {
    let same = Url::parse(says).is_ok_and(|says| shown(&says) == shown(is));
    (!same).then(|| Finding::ApiUrlWrong { says: says.to_owned(), is: is.clone() })
}

/// The API is not where it should be: where else on these hosts, or where it says itself?
async fn elsewhere(case: &mut Case<'_>, settings: Option<Settings>, reason: String) -> Finding {
    let mut candidates: Vec<Url> = bases(&case.ui, &case.api_url).iter().map(|base| below(base, "api")).collect();
    let says = settings.as_ref().and_then(|settings| settings.api_url.clone());
    // What the server says may be right in its path, whatever host it sees itself at.
    let led = case.api.as_ref().and_then(Answer::redirect);
    let led = led.filter(|to| to.origin() == case.api_url.origin()).map(|to| to.path().replace("/admin/version", ""));
    let named = says.as_deref().and_then(|says| Url::parse(says).ok()).map(|says| says.path().to_owned());
    for path in [led, named].into_iter().flatten().filter(|path| is_plain(path)) {
        let mut candidate = case.api_url.clone();
        candidate.set_path(path.trim_end_matches('/'));
        candidates.insert(0, candidate);
    }
    // A client certificate is for the profile's own hosts.
    let named = says.as_deref().filter(|_| case.subject.remote.tls.client.is_none());
    candidates.extend(named.and_then(|named| Url::parse(named).ok()).filter(|named| may_be_asked(named, &case.ui)));
    candidates.retain(|candidate| *candidate != case.api_url);
    candidates.dedup();
    for found in candidates {
        let asked = case.wire.ask(Ask::get(&below(&found, "admin/version")), case.patience()).await;
        if !asked.is_ok_and(|answer| is_there(&answer)) {
            continue;
        }
        let mut base = found.clone();
        base.set_path(found.path().trim_end_matches("/api"));
        let moved = settings.is_none() && found == below(&base, "api") && self::settings(case, &base).await.is_some();
        return if moved { Finding::BasePathWrong { found: base, api: None } } else { Finding::ApiElsewhere { found } };
    }
    let prefects = case.api.as_ref().is_some_and(Answer::is_prefects_not_found);
    let base = case.ui.path().trim_end_matches('/');
    if settings.is_some() {
        Finding::ApiNotPassedOn { says }
    } else if prefects && !base.is_empty() {
        Finding::BasePathKept { base: base.to_owned() }
    } else {
        Finding::Fault(Fault::NotPrefect { reason })
    }
}

/// Whether another host that the server at `ui` names is to be asked, with nothing to show: it must be no less safe,
/// and mean the same here as there, which an address near the server does not.
fn may_be_asked(named: &Url, ui: &Url) -> bool {
    let host = named.host_str().unwrap_or_default();
    let secure = named.scheme() == "https" || (named.scheme() == "http" && ui.scheme() == "http");
    let plain = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
    let bare = named.username().is_empty() && named.password().is_none();
    let bare = bare && named.query().is_none() && named.fragment().is_none();
    let same = (!is_near(named) || is_near(ui)) && (!is_here(named) || is_here(ui));
    secure && plain && bare && is_plain(named.path()) && same
}

/// Whether it is this machine, for whoever reads it.
fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// Fit to stand in a command that people paste: a server may say anything.
fn is_plain(path: &str) -> bool {
    path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte))
}

/// Where a UI may be on these hosts: above where it was looked for, and where many put it.
fn bases(ui: &Url, api: &Url) -> Vec<Url> {
    const USUAL: [&str; 2] = ["/prefect", "/ui"];
    let mut bases: Vec<Url> = Vec::new();
    let mut add = |of: &Url, path: &str| {
        let mut base = of.clone();
        base.set_path(path);
        if !bases.contains(&base) {
            bases.push(base);
        }
    };
    for of in [ui, api] {
        let path = of.path().trim_end_matches('/');
        let cuts = path.match_indices('/').map(|(at, _)| at);
        cuts.rev().for_each(|at| add(of, path.get(..at).unwrap_or_default()));
        USUAL.iter().for_each(|path| add(of, path));
    }
    bases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_host_is_asked_only_where_it_is_as_safe_and_means_the_same_here() {
        let asked = |named: &str, ui: &str| may_be_asked(&named.parse().unwrap(), &ui.parse().unwrap());
        let public = "https://prefect.example.com";
        for (named, ui) in [
            ("https://api.example.com/api", public),
            ("https://api.example.com:8443/prefect/api", "http://10.0.0.5"),
            ("http://10.0.0.6:4200/api", "http://10.0.0.5"),
            ("http://127.0.0.1:4200/api", "http://localhost:8080"),
        ] {
            assert!(asked(named, ui), "{named} {ui}");
        }
        for (named, ui) in [
            ("http://api.example.com/api", public),
            ("ftp://api.example.com/api", "http://10.0.0.5"),
            ("https://10.0.0.5/api", public),
            ("https://prefect/api", public),
            ("https://localhost:4200/api", public),
            ("http://127.0.0.1:4200/api", "http://10.0.0.5"),
            ("https://[::1]:4200/api", "https://10.0.0.5"),
            ("https://user:pw@api.example.com/api", public),
            ("https://api.example.com/api?x=$(id)", public),
            ("https://api.example.com/$(id)", public),
            ("https://$(id).example.com/api", public),
        ] {
            assert!(!asked(named, ui), "{named} {ui}");
        }
    }
}
