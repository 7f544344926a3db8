//! WebSockets, which no dashboard opens and every worker does: a working UI proves nothing about them.

use std::time::Duration;

use postern_gateway::Fault;

use super::auth::auth_string;
use super::finding::Finding;
use super::version::Version;
use super::wire::Socket;
use super::{Case, Outcome, below};

/// The first that has the socket for events, and answers on it.
const SINCE: Version = Version([3, 0, 0]);

/// How long one is left without traffic. Prefect itself says something every 20 seconds, so that only what cuts before
/// that does harm; what cuts between the two is not seen.
const IDLE: Duration = Duration::from_secs(5);

pub(super) async fn check(case: &Case<'_>) -> Outcome {
    let version = case.version.as_deref().and_then(Version::of);
    if version.is_some_and(|version| version < SINCE) {
        return Outcome::Skipped("not looked at: Prefect 2 has no socket that says who may open it".to_owned());
    }
    let auth_string = auth_string(&case.subject.remote);
    let (events, idle) =
        (below(&case.api_url, "events/out"), if case.subject.thorough { IDLE } else { Duration::ZERO });
    judge(case.wire.socket(&events, auth_string.as_ref(), case.patience(), idle).await, idle)
}

fn judge(socket: Socket, idle: Duration) -> Outcome {
    let opened = "opened, and Prefect answers on it";
    match socket {
        Socket::Open if idle.is_zero() => Outcome::Passed(opened.to_owned()),
        Socket::Open => Outcome::Passed(format!("{opened}; still open after {} s without traffic", idle.as_secs())),
        Socket::Cut(after) => {
            let seconds = after.as_secs().max(1);
            Outcome::Failed(format!("{opened}; cut after {seconds} s without traffic"), Finding::SocketCut { seconds })
        }
        // Prefect's own server refuses a socket without its subprotocol before it opens.
        Socket::Refused { status: 403, prefects: true } => Outcome::Failed(
            "not opened: 403 without a word, as Prefect's server says it".to_owned(),
            Finding::SubprotocolDropped,
        ),
        Socket::Refused { status, prefects } => {
            let whose = if prefects { "; it arrived at Prefect as a plain request" } else { "" };
            Outcome::fault(format!("not opened: {status}{whose}"), Fault::SocketRefused { status })
        }
        Socket::NoSubprotocol => {
            Outcome::Failed("opened without a subprotocol".to_owned(), Finding::SubprotocolDropped)
        }
        Socket::MessageRefused => {
            Outcome::Failed("opened, and closed with 1008".to_owned(), Finding::AuthMessageRefused)
        }
        Socket::Silent => Outcome::Failed("opened, and nothing comes".to_owned(), Finding::SocketSilent),
        Socket::Broken(fault) => Outcome::fault("broke off", fault),
    }
}
