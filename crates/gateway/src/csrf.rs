//! Tokens against cross-site request forgery, for programs that bring none.
//!
//! Prefect's UI, SDK and command line fetch their own, and those pass untouched. A plain tool with the local key (curl,
//! an exporter) knows nothing of them: it gets one of ours. No web page does, for none has the key.

use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Body as _;
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::Secret;
use crate::body::Body;
use crate::fault::Fault;
use crate::gateway::Shared;
use crate::pipeline::forward;
use crate::route::{self, Target};

const TOKEN: HeaderName = HeaderName::from_static("prefect-csrf-token");
const CLIENT: HeaderName = HeaderName::from_static("prefect-csrf-client");

/// Well below the hour that Prefect's own last, and not so long that a change of the server's settings is missed.
const LASTS: Duration = Duration::from_secs(600);
/// A server that gives none in this time is asked without; and not asked again for as long.
const PATIENCE: Duration = Duration::from_secs(10);
/// What may be read to be sent again, or to see why it was refused, in bytes.
const SMALL: usize = 64 * 1024;

/// One token for all programs of a profile.
#[derive(Debug)]
pub(crate) struct Tokens {
    /// As whom the token is ours.
    client: String,
    known: Mutex<Known>,
}

/// What is known, and until when.
#[derive(Debug)]
struct Known {
    token: Option<HeaderValue>,
    until: Instant,
}

impl Tokens {
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        let known = Known { token: None, until: Instant::now() };
        Ok(Self { client: Secret::random()?.expose().to_owned(), known: Mutex::new(known) })
    }

    /// Adds the token, where the server gives one, and returns it.
    async fn add(&self, headers: &mut HeaderMap, shared: &Shared) -> Option<HeaderValue> {
        // Held while the server is asked: one asks, and the others wait for its answer.
        let mut known = self.known.lock().await;
        if known.until <= Instant::now() {
            let fetched = timeout(PATIENCE, self.fetch(shared)).await.ok().flatten();
            let lasts = if fetched.is_some() { LASTS } else { PATIENCE };
            *known = Known { token: fetched.flatten(), until: Instant::now() + lasts };
        }
        let token = known.token.clone()?;
        headers.insert(CLIENT, HeaderValue::from_str(&self.client).ok()?);
        headers.insert(TOKEN, token.clone());
        Some(token)
    }

    /// The server takes this one no more.
    async fn forget(&self, refused: &HeaderValue) {
        let mut known = self.known.lock().await;
        if known.token.as_ref() == Some(refused) {
            known.until = Instant::now();
        }
    }

    /// A token; or that the server has none to give. `None` where it does not say.
    async fn fetch(&self, shared: &Shared) -> Option<Option<HeaderValue>> {
        #[derive(Deserialize)]
        struct Given {
            token: String,
        }

        let target = route::api(&shared.upstream, "/csrf-token", Some(&format!("client={}", self.client)));
        let (parts, ()) = Request::new(()).into_parts();
        let answer = forward(Box::new(parts), Body::empty(), &target.base.origin, &target, shared).await.ok()?;
        match answer.status() {
            StatusCode::OK => {
                let (_, body) = small(answer).await.ok()?;
                let given: Given = serde_json::from_slice(&body).ok()?;
                let mut token = HeaderValue::from_str(&given.token).ok()?;
                token.set_sensitive(true);
                Some(Some(token))
            }
            // Prefect says so of a server that does not ask for them; and an old one does not know what they are.
            StatusCode::UNPROCESSABLE_ENTITY | StatusCode::NOT_FOUND => Some(None),
            _ => None,
        }
    }
}

/// Whether a request may need a token and brings none.
pub(crate) fn lacks(parts: &Parts, target: &Target) -> bool {
    matches!(parts.method, Method::POST | Method::PUT | Method::PATCH | Method::DELETE)
        && target.api_path.is_some()
        && !parts.headers.contains_key(TOKEN)
        && !parts.headers.contains_key(CLIENT)
}

/// There and back with a token of ours; with another, once, where the server has forgotten the first.
pub(crate) async fn forward_with_token(
    mut parts: Box<Parts>,
    body: Body,
    origin: &str,
    target: &Target,
    shared: &Shared,
) -> Result<Response<Body>, Fault> {
    let tokens = &shared.upstream.csrf;
    let Some(token) = tokens.add(&mut parts.headers, shared).await else {
        return forward(parts, body, origin, target, shared).await;
    };
    if body.size_hint().upper().is_none_or(|length| length > SMALL as u64) {
        return forward(parts, body, origin, target, shared).await;
    }
    let body = body.whole(SMALL).await?.ok_or(Fault::UploadBroken)?;
    let again = parts.clone();
    let answer = forward(parts, Body::from(body.clone()), origin, target, shared).await?;
    if answer.status() != StatusCode::FORBIDDEN {
        return Ok(answer);
    }
    let (head, said) = small(answer).await?;
    if !said.windows(4).any(|word| word == b"CSRF") {
        return Ok(Response::from_parts(head, Body::from(said)));
    }
    tokens.forget(&token).await;
    let mut parts = again;
    tokens.add(&mut parts.headers, shared).await;
    forward(parts, Body::from(body), origin, target, shared).await
}

/// An answer whose body is read to its end.
async fn small(answer: Response<Body>) -> Result<(http::response::Parts, Bytes), Fault> {
    let (head, body) = answer.into_parts();
    match Limited::new(body, SMALL).collect().await {
        Ok(body) => Ok((head, body.to_bytes())),
        Err(_) => Err(Fault::InvalidAnswer { reason: "a short answer was due, and it broke off or went on".into() }),
    }
}
