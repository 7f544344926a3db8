//! Step 2: who is it? Asked of the request as received, before anything is rewritten.
//!
//! 1. Shapes that are refused whatever their sender: `CONNECT`, `TRACE`, odd `Host`, upgrades to anything
//!    but a WebSocket. `Host` comes first: under DNS rebinding a page's requests look same-origin, so
//!    nothing else a browser says can be trusted until the name is one of ours.
//! 2. `Origin` and `Sec-Fetch-Site`: another site may not even try.
//! 3. Whose process it is, where the system tells: another user's is served nothing, whatever it knows. Cookies know no
//!    ports, and keys get copied.
//! 4. A session cookie, the local key, or (for a WebSocket of Prefect's that brings neither) a first frame with the key.
//!
//! Not here: passes, which turn into a session at `/.postern/enter` (see `own.rs`).

pub(crate) mod door;
pub(crate) mod host;
pub(crate) mod upgrade;

use http::Method;
use http::header::{EXPECT, HeaderMap, HeaderName, ORIGIN};
use http::request::Parts;

use self::door::{Door, Who};
use self::upgrade::Socket;
use crate::fault::Fault;
use crate::listen::peer::{Peer, User};
use crate::route;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// What the guard found out.
#[derive(Debug)]
pub(crate) struct Visitor<'n> {
    /// Our own origin as this visitor names it: `http://<host>`, equal to the browser's `location.origin`.
    pub(crate) origin: &'n str,
    pub(crate) who: Who,
    /// The WebSocket they ask for.
    pub(crate) socket: Option<Socket>,
}

/// Lets a request through, or says why not.
pub(crate) fn check<'n>(request: &Parts, peer: &Peer, door: &'n Door) -> Result<Visitor<'n>, Fault> {
    method(&request.method)?;
    expectation(&request.headers)?;
    let origin = host::check(request, &door.names)?;
    let socket = upgrade::check(request)?;
    site(request, origin)?;
    if peer.user() == User::Other {
        return Err(Fault::OtherUser);
    }
    let who = door.who(&request.headers, peer, socket);
    Ok(Visitor { origin, who, socket })
}

/// Those that reveal or reroute (RFC 9110, sections 9.3.6 and 9.3.8). `TRACK` is an old name of `TRACE`.
fn method(method: &Method) -> Result<(), Fault> {
    if matches!(*method, Method::CONNECT | Method::TRACE) || method.as_str() == "TRACK" {
        return Err(Fault::MethodRefused);
    }
    Ok(())
}

/// `100 Continue` is said when the body is first wanted; of other expectations nobody knows (RFC 9110, section
/// 10.1.1).
fn expectation(headers: &HeaderMap) -> Result<(), Fault> {
    let fulfilled = |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    if headers.get_all(EXPECT).iter().all(fulfilled) { Ok(()) } else { Err(Fault::ExpectationRefused) }
}

/// Who caused this request, as the browser says it.
fn site(request: &Parts, own: &str) -> Result<(), Fault> {
    let headers = &request.headers;
    // A page cannot forge `Origin`. Own means exact: another port is another web server.
    if headers.get_all(ORIGIN).iter().any(|origin| origin.as_bytes() != own.as_bytes()) {
        return Err(Fault::ForeignOrigin);
    }
    match text(headers, &SEC_FETCH_SITE) {
        None | Some("same-origin" | "none") => Ok(()),
        // Following a link on another site to the UI is what people do; the strict session cookie stays
        // behind, so it ends at our page. Nothing of the API or our own is ever reached that way.
        Some(_) if navigates(request) && !guarded(request.uri.path()) => Ok(()),
        Some(_) => Err(Fault::CrossSite),
    }
}

/// Whatever base path stands before it, and however it is written.
fn guarded(path: &str) -> bool {
    let is_ours = |segment: &str| matches!(segment, "api" | ".postern");
    route::meaning(path).is_none_or(|meaning| meaning.split('/').any(is_ours))
}

/// A person's browser asks for a page.
pub(crate) fn navigates(request: &Parts) -> bool {
    let headers = &request.headers;
    request.method == Method::GET
        && text(headers, &http::header::ACCEPT).is_some_and(|accept| accept.contains("text/html"))
        && text(headers, &SEC_FETCH_MODE).is_none_or(|mode| mode == "navigate")
}

/// A browser wants the page's web app manifest. It asks without cookies, unless the page's markup says otherwise.
pub(crate) fn wants_manifest(request: &Parts) -> bool {
    request.method == Method::GET && text(&request.headers, &SEC_FETCH_DEST) == Some("manifest")
}

/// A browser sent this: programs send none of these.
pub(crate) fn from_browser(headers: &HeaderMap) -> bool {
    headers.contains_key(ORIGIN) || headers.contains_key(SEC_FETCH_SITE) || headers.contains_key(SEC_FETCH_MODE)
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("\u{fffd}"))
}
