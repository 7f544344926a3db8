//! Requests that are more than a look: whether a POST arrives, with Prefect's token where it asks for one. The POST
//! is a question for one flow.

use http::{HeaderName, HeaderValue, StatusCode};
use postern_gateway::Fault;

use super::edge;
use super::finding::Finding;
use super::product::Product;
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
    let asks = token.is_some();
    let shown = token.zip(HeaderValue::try_from(me).ok());
    let post = async |blanks: u64| {
        // They mean nothing to who reads it.
        let blanks = " ".repeat(usize::try_from(blanks).unwrap_or_default());
        let body = format!("{{\"limit\":1}}{blanks}");
        let mut ask = Ask::post(&below(&case.api_url, "flows/filter"), body);
        if let Some((token, me)) = &shown {
            ask = ask.header(TOKEN, token.clone()).header(CLIENT, me.clone());
        }
        case.wire.ask(ask, case.patience()).await
    };
    let outcome = match post(0).await {
        Ok(answer) => judge(&answer, asks),
        Err(fault) => Outcome::fault("a POST got no answer", fault),
    };
    let Outcome::Passed(evidence) = outcome else { return outcome };
    // Caddy finds a body too large when it has read so much of it, and some versions of it blame Prefect then.
    if case.subject.thorough
        && case.product == Some(Product::Caddy)
        && let Ok(Answer { status: StatusCode::PAYLOAD_TOO_LARGE | StatusCode::BAD_GATEWAY, .. }) =
            post(edge::LINE).await
    {
        return Outcome::Failed(
            format!("{evidence}; none of 1 MB gets through"),
            Finding::BodyLimit { bytes: edge::LINE },
        );
    }
    Outcome::Passed(evidence)
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
