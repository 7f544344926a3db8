//! The life of a request, top to bottom. Each step says why it stands where it stands.
//!
//! Step 1, listening, is `listen.rs`; the profile's snapshot lives in `Shared` and never changes while a
//! request is under way. Whatever fails ends as one [`Fault`], and one place (`fault/answer.rs`) answers it.
//!
//! What few requests need is boxed: all of a request's future is moved and touched for each, whatever way it takes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::request::Parts;
use http::{Method, Request, Response, Uri};
use http_body_util::{BodyExt as _, Limited};

use crate::assets::Asset;
use crate::body::Body;
use crate::fault::Fault;
use crate::fault::answer::Audience;
use crate::gateway::Shared;
use crate::guard::Visitor;
use crate::guard::door::Who;
use crate::guard::upgrade::Socket;
use crate::listen::Connection;
use crate::listen::peer::Peer;
use crate::record::Record;
use crate::route::Target;
use crate::status::{Door, Health};
use crate::upstream::Upstream;
use crate::verdict::Question;
use crate::{csrf, guard, inbound, outbound, own, policy, route, send, settings, tunnel, verdict};

/// Answers one request, or what came in one's place. Never fails: a fault is an answer too.
pub(crate) async fn answer(
    parts: Box<Parts>,
    body: Body,
    broken: Option<Fault>,
    connection: &Connection,
    shared: &Arc<Shared>,
) -> Response<Body> {
    let audience = Audience::of(&parts);
    let mut record = Record::of(&parts, &body, shared);

    // 1. listen: what was no request is answered in a request's place.
    let mut outcome = match broken {
        Some(fault) => Err(fault),
        None => serve(parts, body, &connection.peer, shared, &mut record.door).await,
    };
    if let (Err(Fault::UploadBroken), Some(fault)) = (&outcome, connection.verdict.get()) {
        outcome = Err(fault.clone());
    }

    // 10. fault: last, so that every step above can end here and none needs to know HTTP's status codes.
    let profile = (record.door != Door::Refused).then_some(shared.upstream.name.as_str());
    let (mut response, fault) = match outcome {
        Ok(response) => (response, None),
        Err(fault) => {
            let advice = profile.and_then(|_| shared.advice_on(&fault));
            (audience.answer(&fault, profile, advice), Some(fault))
        }
    };
    if let Some(telling) = record.answered(response.status(), fault) {
        response = response.map(|body| Body::Told(Box::new((body, telling))));
    }
    response
}

async fn serve(
    parts: Box<Parts>,
    body: Body,
    peer: &Peer,
    shared: &Arc<Shared>,
    door: &mut Door,
) -> Result<Response<Body>, Fault> {
    // 2. guard: on the request as received, because rewriting would destroy what it judges.
    let visitor = guard::check(&parts, peer, &shared.door)?;
    *door = visitor.who.door();
    if own::is_ours(parts.uri.path()) {
        return Box::pin(own::answer(&parts, body, &visitor, shared)).await;
    }
    if let Err(fault) = shared.door.admits(visitor.who) {
        *door = Door::Refused;
        return if guard::wants_manifest(&parts) { Ok(own::manifest()) } else { Err(fault) };
    }

    // 9. upgrade, for a socket that has yet to prove itself: here, so that nobody unproven learns anything of the
    // steps below. They follow its proof.
    if visitor.who == Who::Unproven {
        return tunnel::ask_for_proof(parts, body, visitor.origin.to_owned(), shared);
    }
    let target = destination(&parts.method, &parts.uri, (visitor.socket, *door), &shared.upstream)?;

    // A person is told that the credential is refused, instead of getting a UI in which everything fails. Who
    // asks again means it: the server is asked again, once. Persons only, because each time may count towards a
    // lock-out.
    if is_person(&parts, &visitor) && auth_string_refused(shared).is_some() {
        Box::pin(probe(shared)).await;
        if let Some(refused) = auth_string_refused(shared) {
            return Err(refused);
        }
    }

    // 9. upgrade: leaves the straight path here, because a tunnel has no answer to rewrite.
    if let Some(socket) = visitor.socket {
        return Box::pin(tunnel::open(parts, body, (socket, *door), visitor.origin, &target, shared)).await;
    }
    // 4. policy, as far as the body decides: last, because it waits for the body.
    let body = policy::check_body(&parts, body, *door, &shared.upstream).await?;

    // 5. to 8., with a CSRF token of ours where a program brings none.
    if matches!(visitor.who, Who::Key | Who::SameUser) && csrf::lacks(&parts, &target) {
        return Box::pin(csrf::forward_with_token(parts, body, visitor.origin, &target, shared)).await;
    }
    forward(parts, body, visitor.origin, &target, shared).await
}

/// Steps 3 and 4: where a request leads, and whether it may.
pub(crate) fn destination(
    method: &Method,
    uri: &Uri,
    (socket, door): (Option<Socket>, Door),
    upstream: &Upstream,
) -> Result<Target, Fault> {
    // 3. route: after the guard, so that nobody outside learns where paths lead.
    let target = route::target(uri, upstream)?;

    // 4. policy: on the target, because that is what the server will see.
    policy::check(method, &target, socket, door, upstream)?;
    Ok(target)
}

/// Whether somebody who has shown session or key wants a page.
fn is_person(request: &Parts, visitor: &Visitor<'_>) -> bool {
    matches!(visitor.who, Who::Session(_) | Who::Key) && visitor.socket.is_none() && guard::navigates(request)
}

fn auth_string_refused(shared: &Shared) -> Option<Fault> {
    match &shared.status.borrow().health {
        Health::Failing(fault @ (Fault::PrefectCredentialWrong | Fault::AuthorizationConflict)) => Some(fault.clone()),
        Health::Unknown | Health::Up | Health::Failing(_) => None,
    }
}

/// Steps 5 to 8: there and back.
pub(crate) async fn forward(
    mut parts: Box<Parts>,
    body: Body,
    origin: &str,
    target: &Target,
    shared: &Shared,
) -> Result<Response<Body>, Fault> {
    let upstream = &shared.upstream;
    let head = parts.method == Method::HEAD;
    let question = Question::of(&parts.method, target);

    // An asset that was fetched before is not fetched again: here, because who asks has been let in, and nothing below
    // is needed but step 7.
    let asset = Asset::asked_for(&parts, &body, target, shared);
    if let Some(asset) = &asset
        && let Some(kept) = Box::pin(asset.kept(&parts.headers)).await
    {
        let (mut parts, body) = kept.into_parts();
        inbound::rewrite(&mut parts, origin, target, upstream);
        return Ok(Response::from_parts(parts, body));
    }

    // 5. outbound headers: strip first, insert last, so that no client can name away or double what is ours.
    outbound::rewrite(&mut parts, origin, target, shared);

    // 6. send. Whose a refusal is, its body alone may tell.
    let sent = Instant::now();
    let mut answer = send::send(&mut parts, body, &upstream.clients).await;
    let unclear = verdict::is_unclear(&answer, &parts.method, target);
    let words = if unclear { Box::pin(verdict::words(&mut answer, shared)).await } else { None };
    let answer = verdict::judge(answer, question, target, sent.elapsed(), shared)?;

    // 7. inbound headers; an asset is kept as the server sent it.
    let (mut parts, body) = answer.into_parts();
    let keeper = asset.and_then(|asset| asset.keep(&parts));
    inbound::rewrite(&mut parts, origin, target, upstream);

    // 8. rewrite the one body we own: after the headers, whose lengths and tags it changes.
    if target.is_settings && !head {
        return Box::pin(settings::rewrite(parts, body, origin, upstream)).await;
    }
    let body = match (question, keeper) {
        _ if let Some(words) = words => Body::from(words),
        (Question::Version, _) => verdict::read_version(&parts, body, shared),
        (Question::Other, Some(keeper)) => Body::Keeping(Box::new((body, keeper))),
        (Question::Other, None) => Body::Answer(body),
    };
    Ok(Response::from_parts(parts, body))
}

/// A probe takes no longer. More than a connection may take, so that what keeps it from standing is told as such.
pub(crate) const PROBE: Duration = Duration::from_secs(40);

/// Asks for the server's version, past the door. All that comes of it is in the status.
pub(crate) async fn probe(shared: &Shared) {
    /// The answer is a version; whatever is longer need not be read.
    const ENOUGH: usize = 64 * 1024;

    let target = route::api(&shared.upstream, verdict::VERSION, None);
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.headers.insert(http::header::ACCEPT, http::HeaderValue::from_static("application/json"));
    let origin = &target.base.origin;
    let asked = async {
        if let Ok(answer) = forward(Box::new(parts), Body::empty(), origin, &target, shared).await
            && let Err(error) = Limited::new(answer.into_body(), ENOUGH).collect().await
        {
            tracing::debug!(%error, "the probe's answer ended early");
        }
    };
    if tokio::time::timeout(PROBE, asked).await.is_err() {
        verdict::note(shared, Health::Failing(Fault::AnswerTimeout { seconds: PROBE.as_secs() }), None);
    }
}
