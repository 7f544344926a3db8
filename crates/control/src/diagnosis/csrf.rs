//! Requests that are more than a look: whether a POST arrives, with Prefect's token where it asks for one. The POST
//! is a question for one flow.

use http::{HeaderName, HeaderValue, StatusCode};
use postern_gateway::Fault;

use super::finding::Finding;
use super::recorded::Answer;
use super::wire::Ask;
use super::{Case, Outcome, below};

const TOKEN: HeaderName = HeaderName::from_static("prefect-csrf-token");
const CLIENT: HeaderName = HeaderName::from_static("prefect-csrf-client");
pub(super) async fn check(case: &Case<'_>) -> Outcome {
    // A UUID of this run's own: a second token for the same client would end the first.
    let me = format!("90057e21-0000-4000-8000-{:012x}", getrandom::u64().unwrap_or_default() >> 16);
    let mut tokens = below(&case.api_url, "csrf-token");
    tokens.set_query(Some(&format!("client={me}")));
    let token = match case.wire.ask(Ask::get(&tokens), case.patience()).await {
        Ok(answer) if answer.status == StatusCode::OK => token(&answer),
        Ok(_) => None,
        Err(fault) => return Outcome::fault("asked for a token", fault),
    };
    let mut ask = Ask::post(&below(&case.api_url, "flows/filter"), "{\"limit\":1}");
    let asks = token.is_some();
    if let (Some(token), Ok(me)) = (token, HeaderValue::try_from(me)) {
        ask = ask.header(TOKEN, token).header(CLIENT, me);
    }
    match case.wire.ask(ask, case.patience()).await {
        Ok(answer) => judge(&answer, asks),
        Err(fault) => Outcome::fault("a POST got no answer", fault),
    }
}

fn token(answer: &Answer) -> Option<HeaderValue> {
    let mut token = HeaderValue::from_str(answer.json()?.get("token")?.as_str()?).ok()?;
    token.set_sensitive(true);
    Some(token)
}

fn judge(answer: &Answer, asks: bool) -> Outcome {
    let status = answer.status.as_u16();
    let detail = answer.json().and_then(|body| Some(body.get("detail")?.as_str()?.to_owned())).unwrap_or_default();
    let evidence =
        format!("{}; a POST gets {status}", if asks { "Prefect asks for tokens" } else { "no tokens asked for" });
    match answer.status {
        status if status.is_success() => Outcome::Passed(evidence),
        StatusCode::FORBIDDEN if detail.contains("CSRF") || detail.contains("client identifier") => {
            Outcome::Failed(evidence, Finding::CsrfDropped)
        }
        StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => Outcome::fault(evidence, Fault::ServerDown { status }),
        _ if answer.json().is_some() && answer.status.is_server_error() => {
            Outcome::fault(evidence, Fault::ServerFails { status })
        }
        // Prefect itself refuses nobody this whom it tells its version.
        _ => Outcome::fault(evidence, Fault::EdgeRefused { status }),
    }
}
