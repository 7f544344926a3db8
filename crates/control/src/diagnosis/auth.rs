//! Prefect's auth string: asked for, shown, and arrived.
//!
//! One header cannot hold two credentials, and a refusal does not say which it saw. What tells is a WebSocket: there
//! the auth string goes in a message, past whatever an edge does to headers.

use std::time::Duration;

use postern_gateway::{Fault, Remote, Secret};

use super::finding::Finding;
use super::prefect::Told;
use super::wire::Socket;
use super::{Case, Outcome, below};

pub(super) async fn check(case: &Case<'_>) -> Outcome {
    let remote = &case.subject.remote;
    match case.api.as_ref().map(Told::of) {
        Some(Told::Refused) => {}
        Some(Told::Version(_)) => return Outcome::Passed(accepted(case)),
        Some(Told::Fault(_) | Told::Elsewhere(_)) | None => return Outcome::Skipped("not looked at".to_owned()),
    }
    let open = case.anonymous.as_ref().is_some_and(|answer| Told::of(answer) == Told::Refused);
    let shown = match &remote.prefect {
        Some(_) => {
            let events = below(&case.api_url, "events/out");
            Some(case.wire.socket(&events, auth_string(remote).as_ref(), case.patience(), Duration::ZERO).await)
        }
        None => None,
    };
    Outcome::Failed("401, as Prefect says it".to_owned(), judge(remote, open, shown.as_ref()))
}

fn accepted(case: &Case<'_>) -> String {
    let holds = case.subject.remote.prefect.is_some();
    let asks = case.settings.as_ref().is_some_and(|settings| settings.auth);
    match (asks, holds) {
        (true, true) => "Prefect asks for its auth string, and accepts the profile's",
        (true, false) => "Prefect asks for its auth string, and the edge puts it in",
        (false, true) => "Prefect does not say that it asks for an auth string; the profile has one",
        (false, false) => "Prefect asks for nothing",
    }
    .to_owned()
}

/// `open`: whoever shows nothing gets as far as Prefect. `shown`: what came of the auth string on a socket.
fn judge(remote: &Remote, open: bool, shown: Option<&Socket>) -> Finding {
    let Some(prefect) = &remote.prefect else {
        return match &remote.edge {
            Some(_) if open => Finding::CredentialMisplaced,
            _ => Finding::Fault(Fault::PrefectCredentialMissing),
        };
    };
    let wrong = Finding::Fault(Fault::PrefectCredentialWrong);
    if shown == Some(&Socket::MessageRefused) {
        return wrong;
    }
    match &remote.edge {
        Some(edge) if !edge.equals(prefect) => {
            if open {
                Finding::CredentialMisplaced
            } else {
                Finding::AuthorizationConflict
            }
        }
        _ if shown == Some(&Socket::Open) => Finding::AuthorizationDropped,
        _ => wrong,
    }
}

/// `user:password`, as Prefect is given it in one piece.
pub(super) fn auth_string(remote: &Remote) -> Option<Secret> {
    remote
        .prefect
        .as_ref()
        .map(|credential| Secret::new(format!("{}:{}", credential.username, credential.password.expose())))
}
