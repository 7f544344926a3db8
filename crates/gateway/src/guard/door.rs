//! Who is let in: a window or browser with our session, or a local program with the local key.
//!
//! A session is a random secret, one for windows and one for browsers, per run of the gateway: it dies with it. A pass
//! is spent by its first use and after [`PASS_LIFE`], whichever comes first.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::host::Names;
use super::upgrade::Socket;
use crate::config::{Config, LOCAL_USER, LocalPrograms};
use crate::fault::Fault;
use crate::gateway::StartError;
use crate::listen::peer::{Peer, User};
use crate::{Secret, cookies, guard, status};

/// How long a pass is good for.
const PASS_LIFE: Duration = Duration::from_secs(30);

/// Passes waiting at once; the oldest gives way.
const PASSES: usize = 64;

/// One gateway's door.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) names: Names,
    /// `postern-<id>`: one per profile, because on `127.0.0.1` cookies ignore ports.
    pub(crate) cookie: String,
    /// In the order of [`Session`].
    sessions: [Secret; 2],
    local_programs: LocalPrograms,
    key: Secret,
    /// What nearly all programs show: the key as Basic, as they write it.
    basic: Secret,
    passes: Mutex<Vec<Pass>>,
}

#[derive(Debug)]
struct Pass {
    secret: Secret,
    to: String,
    session: Session,
    made: Instant,
}

/// Whose session: told apart to be shown, and let in alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session {
    /// The app's own window's.
    Window,
    /// The user's browser's.
    Browser,
}

/// Who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Has our session cookie.
    Session(Session),
    /// Has the local key.
    Key,
    /// Is a program of this user, and the profile lets those in.
    SameUser,
    /// A WebSocket of Prefect's that brought nothing, and may still bring the key in its first frame. Until then it
    /// is told no more than anybody.
    Unproven,
    /// Anybody: good for `/.postern/enter` only.
    Nobody(Refusal),
}

impl Who {
    /// As exchanges tell it.
    pub(crate) fn door(self) -> status::Door {
        match self {
            Self::Session(Session::Window) => status::Door::Window,
            Self::Session(Session::Browser) => status::Door::Browser,
            Self::Key | Self::SameUser | Self::Unproven => status::Door::Program,
            Self::Nobody(_) => status::Door::Refused,
        }
    }
}

/// Why nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Nothing,
    WrongKey,
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Nothing => Self::NotLetIn,
            Refusal::WrongKey => Self::WrongKey,
        }
    }
}

impl Door {
    pub(crate) fn new(config: &Config, port: u16) -> Result<Self, StartError> {
        // Whatever local programs may do: the key makes passes too.
        if config.local_key.expose().trim().is_empty() {
            return Err(StartError::EmptyKey);
        }
        Ok(Self {
            names: Names::new(&config.profile, port),
            cookie: format!("postern-{}", config.profile),
            sessions: [Secret::random()?, Secret::random()?],
            local_programs: config.local_programs,
            basic: Secret::new(format!(
                "Basic {}",
                BASE64_STANDARD.encode(Zeroizing::new(format!("{LOCAL_USER}:{}", config.local_key.expose())))
            )),
            key: config.local_key.clone(),
            passes: Mutex::default(),
        })
    }

    /// Who sent this. Never an error for a lack of proof: `own.rs` serves some paths to anybody.
    pub(crate) fn who(&self, headers: &HeaderMap, peer: &Peer, socket: Option<Socket>) -> Who {
        if let Some(session) = self.session(headers) {
            return Who::Session(session);
        }
        let offered = headers.get(AUTHORIZATION);
        if offered.is_some_and(|value| self.key_matches(value)) {
            return Who::Key;
        }
        // Browsers must prove themselves by session: a page can make them send requests, but no cookie of ours.
        if guard::from_browser(headers) {
            return Who::Nobody(Refusal::Nothing);
        }
        if self.local_programs == LocalPrograms::Open && peer.user() == User::Same {
            return Who::SameUser;
        }
        if offered.is_some() {
            return Who::Nobody(Refusal::WrongKey);
        }
        if socket == Some(Socket::Prefect) && self.local_programs != LocalPrograms::Off {
            return Who::Unproven;
        }
        Who::Nobody(Refusal::Nothing)
    }

    fn session(&self, headers: &HeaderMap) -> Option<Session> {
        let mut ours =
            cookies::pairs(headers).map(cookies::name_and_value).filter(|(name, _)| *name == self.cookie.as_bytes());
        ours.find_map(|(_, value)| {
            let is = |session: &Session| self.sessions[*session as usize].matches(value);
            [Session::Window, Session::Browser].into_iter().find(is)
        })
    }

    /// Whether an `Authorization` header is our local key, as Basic or Bearer.
    pub(crate) fn key_matches(&self, authorization: &HeaderValue) -> bool {
        if self.basic.matches(authorization.as_bytes()) {
            return true;
        }
        let Some((scheme, credential)) = authorization.to_str().ok().and_then(|text| text.split_once(' ')) else {
            return false;
        };
        if scheme.eq_ignore_ascii_case("bearer") {
            self.key.matches(credential.trim().as_bytes())
        } else if scheme.eq_ignore_ascii_case("basic") {
            BASE64_STANDARD
                .decode(credential.trim())
                .map(Zeroizing::new)
                .is_ok_and(|decoded| self.auth_string_matches(&decoded))
        } else {
            false
        }
    }

    /// Whether this is `postern:<local key>`, as in `PREFECT_API_AUTH_STRING` and the first WebSocket frame.
    pub(crate) fn auth_string_matches(&self, candidate: &[u8]) -> bool {
        candidate
            .strip_prefix(LOCAL_USER.as_bytes())
            .and_then(|rest| rest.strip_prefix(b":"))
            .is_some_and(|key| self.key.matches(key))
    }

    /// Whether they may reach the server, and not just our own paths.
    pub(crate) fn admits(&self, who: Who) -> Result<(), Fault> {
        match who {
            Who::Session(_) | Who::SameUser => Ok(()),
            Who::Key | Who::Unproven if self.local_programs != LocalPrograms::Off => Ok(()),
            Who::Key | Who::Unproven => Err(Fault::NotLetIn),
            Who::Nobody(refusal) => Err(refusal.into()),
        }
    }

    /// A fresh pass, leading to `to`, and to a session.
    pub(crate) fn issue(&self, to: String, session: Session) -> Result<Secret, getrandom::Error> {
        let secret = Secret::random()?;
        let mut passes = self.passes.lock().unwrap_or_else(PoisonError::into_inner);
        passes.retain(|pass| pass.made.elapsed() < PASS_LIFE);
        if passes.len() >= PASSES {
            passes.remove(0);
        }
        passes.push(Pass { secret: secret.clone(), to, session, made: Instant::now() });
        Ok(secret)
    }

    /// Spends a pass: where it leads to, and whose session it is, once.
    pub(crate) fn spend(&self, candidate: &[u8]) -> Option<(String, Session)> {
        let mut passes = self.passes.lock().unwrap_or_else(PoisonError::into_inner);
        passes.retain(|pass| pass.made.elapsed() < PASS_LIFE);
        let spent = passes.iter().position(|pass| pass.secret.matches(candidate))?;
        let Pass { to, session, .. } = passes.remove(spent);
        Some((to, session))
    }

    /// `Set-Cookie` for those who had a pass. Host-only and strict: on `<id>.localhost` it goes neither to servers on
    /// `127.0.0.1` and `localhost`, nor along with what other sites ask for.
    ///
    /// But cookies ignore ports: another web server gets it if the browser is led to that server by our own name, as in
    /// `http://<id>.localhost:<its port>/`. No attribute prevents that. Where the system tells whose process a peer is,
    /// it is of no use to another user's server: the guard serves that none.
    pub(crate) fn session_cookie(&self, session: Session) -> HeaderValue {
        let secret = self.sessions[session as usize].expose();
        let text = Zeroizing::new(format!("{}={secret}; Path=/; HttpOnly; SameSite=Strict", self.cookie));
        // Ids and base64url are visible ASCII, always.
        let mut value = HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""));
        value.set_sensitive(true);
        value
    }
}

/// Whether `to` stays here: a path, not `//host`, no backslash (browsers take it for a slash), no control character.
pub(crate) fn local_path(to: &str) -> bool {
    to.starts_with('/') && !to.starts_with("//") && to.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn door(local_programs: LocalPrograms) -> Door {
        let remote = crate::config::Remote::at(url::Url::parse("http://127.0.0.1:4200").unwrap());
        let config = Config { local_programs, ..Config::of(remote) };
        Door::new(&config, 4201).unwrap()
    }

    fn who(door: &Door, headers: &[(&str, &str)], socket: Option<Socket>) -> Who {
        let mut request = Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let nowhere = ([127, 0, 0, 1], 9).into();
        door.who(request.body(()).unwrap().headers(), &Peer::new(nowhere, nowhere), socket)
    }

    fn basic(text: &str) -> String {
        format!("Basic {}", BASE64_STANDARD.encode(text))
    }

    #[test]
    fn the_key_opens_in_every_form_and_nothing_else_does() {
        let door = door(LocalPrograms::Key);
        for (authorization, expected) in [
            (basic("postern:key"), Who::Key),
            ("Bearer key".to_owned(), Who::Key),
            ("bearer key".to_owned(), Who::Key),
            (basic("postern:kez"), Who::Nobody(Refusal::WrongKey)),
            (basic("admin:key"), Who::Nobody(Refusal::WrongKey)),
            (basic("key"), Who::Nobody(Refusal::WrongKey)),
            ("Bearer ".to_owned(), Who::Nobody(Refusal::WrongKey)),
            ("Digest key".to_owned(), Who::Nobody(Refusal::WrongKey)),
            ("Basic !".to_owned(), Who::Nobody(Refusal::WrongKey)),
        ] {
            assert_eq!(who(&door, &[("authorization", &authorization)], None), expected, "{authorization}");
        }
    }

    #[test]
    fn a_socket_without_proof_may_still_prove_itself_unless_a_browser_sent_it() {
        let nobody = Who::Nobody(Refusal::Nothing);
        let open = door(LocalPrograms::Key);
        assert_eq!(who(&open, &[], Some(Socket::Prefect)), Who::Unproven);
        assert_eq!(who(&open, &[], Some(Socket::Other)), nobody, "its first frame can prove nothing");
        assert_eq!(who(&open, &[], None), nobody);
        assert_eq!(who(&open, &[("origin", "http://127.0.0.1:4201")], Some(Socket::Prefect)), nobody);
        assert_eq!(who(&door(LocalPrograms::Off), &[], Some(Socket::Prefect)), nobody);
    }

    #[test]
    fn the_session_cookie_lets_in_until_the_gateway_is_gone() {
        let (this, next) = (door(LocalPrograms::Key), door(LocalPrograms::Key));
        for session in [Session::Window, Session::Browser] {
            let set = this.session_cookie(session);
            let cookie = set.to_str().unwrap().split(';').next().unwrap();
            assert_eq!(who(&this, &[("cookie", cookie)], None), Who::Session(session));
            assert_eq!(who(&next, &[("cookie", cookie)], None), Who::Nobody(Refusal::Nothing));
            assert!(set.to_str().unwrap().ends_with("; Path=/; HttpOnly; SameSite=Strict"));
            assert!(set.is_sensitive());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pass_works_once_and_for_thirty_seconds() {
        let door = door(LocalPrograms::Key);
        let pass = door.issue("/v2".into(), Session::Window).unwrap();
        assert_eq!(door.spend(b"guess"), None);
        assert_eq!(door.spend(pass.expose().as_bytes()), Some(("/v2".into(), Session::Window)));
        assert_eq!(door.spend(pass.expose().as_bytes()), None);

        let late = door.issue("/".into(), Session::Browser).unwrap();
        tokio::time::advance(PASS_LIFE).await;
        assert_eq!(door.spend(late.expose().as_bytes()), None);
    }

    #[test]
    fn a_pass_leads_to_a_path_of_ours_only() {
        for (to, expected) in [
            ("/", true),
            ("/v2/runs?x=%2f#y", true),
            ("//evil.com", false),
            ("/\\evil.com", false),
            ("https://evil.com", false),
            ("", false),
            ("/a\r\nSet-Cookie: x", false),
            ("/\u{e9}", false),
        ] {
            assert_eq!(local_path(to), expected, "{to:?}");
        }
    }
}
