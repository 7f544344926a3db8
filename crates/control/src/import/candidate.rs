//! A server that Prefect knows, as what the form would have for it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;
use postern_gateway::Secret;
use url::Url;
use zeroize::Zeroizing;

use super::find::Surroundings;
use super::settings::{Name, Setting, Value};
use super::{Spot, is_here};
use crate::profile::header_refusal;
use crate::view::{Draft, EdgeDraft, HeaderDraft, PrefectDraft, SecretInput, Trouble};

/// A server that Prefect knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// What it is called: the profile's name, or the place's (`environment`, `.env`, `prefect.toml`, `pyproject.toml`).
    pub key: String,
    /// Where its address stands; of a profile without one, where that begins.
    pub spot: Spot,
    /// Whether Prefect uses it now.
    pub in_use: bool,
    /// What is taken over. Secrets are in it.
    pub draft: Draft,
    /// What is not, and why, in whole sentences.
    pub notes: Vec<String>,
    /// Where the secrets come from, each once.
    pub secrets: Vec<Spot>,
    /// Why nothing is taken over, whatever profiles there are.
    pub(super) obstacle: Option<Trouble>,
}

/// What counts for one candidate, the first of each name.
pub(super) struct Settings<'s> {
    pub(super) settings: Vec<&'s Setting>,
    pub(super) at: &'s Surroundings,
}

impl Settings<'_> {
    fn get(&self, name: Name) -> Option<&Setting> {
        self.settings.iter().copied().find(|setting| setting.name == name)
    }

    fn text(&self, name: Name) -> Option<(&Secret, &Spot)> {
        let setting = self.get(name)?;
        match &setting.value {
            Value::Text(text) => Some((text, &setting.spot)),
            Value::Pairs(_) => None,
        }
    }
}

impl Candidate {
    pub(super) fn new(key: &str, name: &str, spot: Spot, in_use: bool, settings: &Settings<'_>) -> Self {
        let mut candidate = Self {
            key: key.to_owned(),
            spot,
            in_use,
            draft: Draft { name: name.to_owned(), ..Draft::default() },
            notes: Vec::new(),
            secrets: Vec::new(),
            obstacle: None,
        };
        match candidate.place(settings) {
            Ok(api) => candidate.credentials(&api, settings),
            Err(obstacle) => candidate.obstacle = Some(obstacle),
        }
        candidate.secrets.sort();
        candidate.secrets.dedup();
        candidate
    }

    /// The later one of two that are the same but for their name is not offered.
    pub(super) fn note_same(&mut self, earlier: &[Self]) {
        let named = |name: &str| Draft { name: name.to_owned(), ..self.draft.clone() };
        let same = |other: &&Self| other.obstacle.is_none() && other.draft == named(&other.draft.name);
        if self.obstacle.is_none()
            && let Some(Self { key, .. }) = earlier.iter().find(same)
        {
            let sentence = format!("It is the same as “{key}”.");
            self.obstacle = Some(Trouble::new("same_as_another", sentence, "Import that one."));
        }
    }

    /// The addresses. The API's is told, with whatever userinfo it has.
    fn place(&mut self, settings: &Settings<'_>) -> Result<Url, Trouble> {
        let Some((address, spot)) = settings.text(Name::ApiUrl) else { return Err(nowhere()) };
        let api = web_address(address).ok_or_else(unusable)?;
        if is_cloud(&api) {
            return Err(cloud());
        }
        let bare = without_userinfo(&api);
        // Prefect shows nothing there, as a profile does: so only where it belongs to this address.
        let ui = settings.text(Name::UiUrl).filter(|(_, of_ui)| of_ui.is_beside(spot));
        let ui = ui.and_then(|(address, _)| web_address(address)).map(|ui| without_userinfo(&ui));
        (self.draft.url, self.draft.api_url) = match (ui, bare.strip_suffix("/api")) {
            (Some(ui), _) if super::api(&ui, "") == bare => (ui, String::new()),
            (Some(ui), _) => (ui, bare),
            (None, Some(ui)) => (ui.to_owned(), String::new()),
            (None, None) => {
                let origin = api.origin().ascii_serialization();
                self.notes.push(format!("Its address does not end in /api: the dashboard is taken to be at {origin}."));
                (origin, bare)
            }
        };
        Ok(api)
    }

    /// What Prefect's clients show the server, each in the place that it has here. An `Authorization` comes from the
    /// address, else from the custom headers, else from the auth string, else from the API key; sockets show the auth
    /// string.
    fn credentials(&mut self, api: &Url, settings: &Settings<'_>) {
        if let Some((auth, spot)) = settings.text(Name::AuthString).or_else(|| {
            // The server's own is what this machine's server asks for, and no other's business.
            settings.text(Name::ServerAuthString).filter(|_| is_here(api))
        }) {
            match auth.expose().split_once(':') {
                Some((username, password)) => {
                    let password = self.secret(password, spot);
                    self.draft.prefect = PrefectDraft::Own { username: username.to_owned(), password };
                }
                None => self.notes.push(format!("The auth string has no colon in it and is left out ({spot}).")),
            }
        }
        if let Some((key, spot)) = settings.text(Name::ApiKey) {
            if self.draft.prefect == PrefectDraft::None {
                let token = self.secret(key.expose(), spot);
                self.draft.edge = EdgeDraft::Bearer { token };
            } else {
                self.notes.push(format!("The API key is left out: with an auth string nobody shows it ({spot})."));
            }
        }
        self.headers(settings);
        if !api.username().is_empty()
            && let Some(setting) = settings.get(Name::ApiUrl)
        {
            let password = Zeroizing::new(decoded(api.password().unwrap_or_default()));
            let password = self.secret(&password, &setting.spot);
            self.draft.edge = EdgeDraft::Basic { username: decoded(api.username()), password };
        }
        if let Some((file, _)) = settings.text(Name::CertFile) {
            self.draft.ca_file = settings.at.path(file.expose()).display().to_string();
        }
        if let Some((skip, _)) = settings.text(Name::SkipVerify) {
            let skips = ["1", "t", "true", "y", "yes", "on"].iter().any(|yes| skip.expose().eq_ignore_ascii_case(yes));
            self.draft.verify = !skips;
        }
    }

    fn headers(&mut self, settings: &Settings<'_>) {
        let Some(Setting { value, spot, .. }) = settings.get(Name::CustomHeaders) else { return };
        let pairs = match value {
            Value::Pairs(pairs) => pairs.clone(),
            Value::Text(json) => match serde_json::from_str::<BTreeMap<String, String>>(json.expose()) {
                Ok(pairs) => pairs.into_iter().map(|(name, value)| (name, Secret::new(value))).collect(),
                Err(_) => {
                    let note = format!("The custom headers are no JSON object of texts and are left out ({spot}).");
                    return self.notes.push(note);
                }
            },
        };
        for (name, value) in pairs {
            if name.eq_ignore_ascii_case("authorization") {
                match self.authorization(&value, spot) {
                    Some(edge) => self.draft.edge = edge,
                    None => self.notes.push(format!(
                        "The custom header {name} is neither Basic nor Bearer, and is left out ({spot})."
                    )),
                }
            } else if let Some(why) = refusal(&name) {
                self.notes.push(format!("The custom header {name} is left out, because it {why} ({spot})."));
            } else {
                let value = self.secret(value.expose(), spot);
                self.draft.headers.push(HeaderDraft { name, value });
            }
        }
    }

    /// What a header of this value shows an edge.
    fn authorization(&mut self, value: &Secret, spot: &Spot) -> Option<EdgeDraft> {
        let (scheme, rest) = value.expose().trim().split_once(' ')?;
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(EdgeDraft::Bearer { token: self.secret(rest.trim(), spot) });
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let pair = Zeroizing::new(BASE64_STANDARD.decode(rest.trim()).ok()?);
        let (username, password) = std::str::from_utf8(&pair).ok()?.split_once(':')?;
        Some(EdgeDraft::Basic { username: username.to_owned(), password: self.secret(password, spot) })
    }

    fn secret(&mut self, text: &str, spot: &Spot) -> SecretInput {
        self.secrets.push(spot.clone());
        SecretInput::Set(Secret::new(text))
    }
}

fn refusal(header: &str) -> Option<&'static str> {
    header.parse().map_or(Some("has no name that HTTP allows"), |name| header_refusal(&name, false))
}

fn web_address(text: &Secret) -> Option<Url> {
    let url = Url::parse(text.expose().trim()).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

/// As it is written in profiles.toml.
fn without_userinfo(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path().trim_end_matches('/'))
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Its own host, or the paths that only it has.
fn is_cloud(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let its_own = ["prefect.cloud", "prefect.dev"]
        .iter()
        .any(|cloud| host.strip_suffix(cloud).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')));
    its_own || (url.path().contains("/accounts/") && url.path().contains("/workspaces/"))
}

fn nowhere() -> Trouble {
    Trouble::new(
        "no_server_named",
        "It names no server: Prefect starts one of its own, or none.",
        "Where there is one all the same, add it by its address.",
    )
}

fn unusable() -> Trouble {
    Trouble::new("address_unusable", "Its address is no web address.", "Correct it where it stands, and look again.")
}

fn cloud() -> Trouble {
    Trouble::new(
        "prefect_cloud",
        "This is Prefect Cloud, which has a login and a dashboard of its own.",
        "Leave it where it is; Postern is for servers that are run by yourself.",
    )
}
