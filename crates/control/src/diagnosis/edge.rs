//! What guards the server: which product, whether it lets the profile through, and what it lets through.

use http::StatusCode;
use http::header::WWW_AUTHENTICATE;
use postern_gateway::Fault;
use url::{Host, Url};

use super::finding::Finding;
use super::product::Product;
use super::recorded::{Answer, quoted};
use super::wire::Ask;
use super::{Case, Outcome, below};
use crate::profile::is_near;

/// One log line of Prefect's clients, and the most that they send at once (`logging.to_api.max_log_size`, `batch_size`).
pub(super) const LINE: u64 = 1_000_000;
const BATCH: u64 = 4_000_000;

pub(super) async fn check(case: &mut Case<'_>) -> Outcome {
    let version = below(&case.api_url, "admin/version");
    let ui = below(&case.ui, "");
    // A stranger's look and the profile's, at what programs ask and at what people open.
    let asked = tokio::join!(
        case.wire.ask(Ask::get(&version), case.patience()),
        case.wire.ask(Ask::get(&version).anonymous(), case.patience()),
        case.wire.ask(Ask::page(&ui), case.patience()),
    );
    let (api, anonymous, page) = (asked.0, asked.1.ok(), asked.2.ok());
    let api = match api {
        Ok(api) => api,
        Err(fault) => return Outcome::Failed(String::new(), lost(fault, case)),
    };
    let answers: Vec<&Answer> = [Some(&api), anonymous.as_ref(), page.as_ref()].into_iter().flatten().collect();
    let product = Product::of(&answers);
    // Who shows nothing in good answers, shows something in a bad one.
    let product = match product {
        Some(product) => Some(product),
        None => case.wire.nonsense(&case.api_url, case.patience()).await.and_then(|said| Product::of_refusal(&said)),
    };
    let evidence = evidence(product, anonymous.as_ref());
    let verdict = judge(&api, page.as_ref(), product.map(|(product, _)| product), Holds::of(case));
    case.product = product.map(|(product, _)| product);
    let limit = if verdict.is_none() { limit(case).await } else { None };
    case.api = Some(api);
    case.anonymous = anonymous;
    match (verdict, limit) {
        (Some(finding), _) => Outcome::Failed(evidence, finding),
        (None, Some(bytes)) if bytes <= LINE => Outcome::Failed(evidence, Finding::BodyLimit { bytes }),
        (None, Some(bytes)) => Outcome::Warned(evidence, Finding::BodyLimit { bytes }),
        (None, None) => Outcome::Passed(evidence),
    }
}

/// What the profile has to show.
#[derive(Clone, Copy, Debug, Default)]
struct Holds {
    edge: bool,
    headers: bool,
    certificate: bool,
}

impl Holds {
    fn of(case: &Case<'_>) -> Self {
        let remote = &case.subject.remote;
        Self {
            edge: remote.edge.is_some(),
            headers: !remote.headers.is_empty(),
            certificate: remote.tls.client.is_some(),
        }
    }
}

/// With TLS 1.3 a server says after the handshake that it wants a certificate, or another one.
fn lost(fault: Fault, case: &Case<'_>) -> Finding {
    let about_tls = matches!(fault, Fault::TlsFailed { .. } | Fault::ConnectionLost);
    match (about_tls && case.wire.seen.asked(), case.subject.remote.tls.client.is_some()) {
        (true, false) => Finding::ClientCertificateMissing,
        (true, true) => Finding::ClientCertificateRefused,
        (false, _) => Finding::Fault(fault),
    }
}

fn evidence(product: Option<(Product, &'static str)>, anonymous: Option<&Answer>) -> String {
    let product = product.map_or_else(
        || "nothing shows what stands in front, if anything does".to_owned(),
        |(product, by)| format!("{product}, by {by}"),
    );
    let asks = match anonymous {
        Some(answer) if answer.is_prefects_refusal() => "lets everybody through to Prefect".to_owned(),
        Some(answer) if answer.headers.contains_key(WWW_AUTHENTICATE) => {
            format!("asks for {}", quoted(answer.header(WWW_AUTHENTICATE)))
        }
        Some(answer) => match answer.redirect() {
            Some(to) => format!("sends strangers to {}", quoted(to.host_str().unwrap_or_default())),
            None => format!("answers strangers with {}", answer.status.as_u16()),
        },
        None => "does not answer strangers".to_owned(),
    };
    format!("{product}; {asks}")
}

/// Why the edge does not let the profile through, if it does not.
fn judge(api: &Answer, page: Option<&Answer>, product: Option<Product>, holds: Holds) -> Option<Finding> {
    use StatusCode as S;
    let fault = |fault| Some(Finding::Fault(fault));
    let provider = || product.map_or_else(|| "a login page".to_owned(), |product| product.to_string());
    let signs_in = product.is_some_and(Product::signs_in);
    let text = api.text();
    if api.status == S::NETWORK_AUTHENTICATION_REQUIRED {
        return Some(Finding::CaptivePortal { host: host(&api.url) });
    }
    if let Some(to) = api.redirect() {
        return redirected(api, &to, product);
    }
    match api.status {
        S::BAD_REQUEST if text.contains("SSL certificate") => {
            Some(if holds.certificate { Finding::ClientCertificateRefused } else { Finding::ClientCertificateMissing })
        }
        // nginx; and Go, which Traefik and Caddy are written in.
        S::BAD_REQUEST
            if text.contains("HTTP request was sent to HTTPS") || text.contains("HTTP request to an HTTPS") =>
        {
            fault(https(&api.url, &api.url))
        }
        S::UNAUTHORIZED if api.is_prefects_refusal() => None,
        S::UNAUTHORIZED | S::FORBIDDEN if signs_in => fault(Fault::SignInRequired { provider: provider() }),
        S::UNAUTHORIZED | S::PROXY_AUTHENTICATION_REQUIRED => {
            fault(if holds.edge { Fault::EdgeCredentialWrong } else { Fault::EdgeCredentialMissing })
        }
        // A login page where a version was due. Other pages are somebody's who is no Prefect.
        S::OK if api.is_html() && (signs_in || is_login(&text)) => {
            fault(Fault::SignInRequired { provider: provider() })
        }
        S::FORBIDDEN | S::PAYLOAD_TOO_LARGE | S::TOO_MANY_REQUESTS if api.json().is_none() => {
            let wrong = holds.headers && api.status == S::FORBIDDEN && product == Some(Product::Cloudflare);
            fault(if wrong { Fault::SignInRequired { provider: provider() } } else { refused(api) })
        }
        _ => {
            let login = page.and_then(Answer::redirect).filter(|_| signs_in && api.is_html());
            login.and_then(|to| fault(Fault::SignInRequired { provider: host(&to) }))
        }
    }
}

fn refused(api: &Answer) -> Fault {
    Fault::EdgeRefused { status: api.status.as_u16() }
}

/// The API sends nobody anywhere: who does is the edge, or the network. To the same question elsewhere on the host is
/// for who looks where the API is.
fn redirected(api: &Answer, to: &Url, product: Option<Product>) -> Option<Finding> {
    let from = &api.url;
    let same_host = to.host() == from.host();
    let signs_in = product.is_some_and(Product::signs_in);
    if same_host && from.scheme() == "http" && to.scheme() == "https" {
        return Some(Finding::Fault(https(from, to)));
    }
    if same_host && !signs_in {
        let provider = "a login page of its own".to_owned();
        let same_question = to.path().trim_end_matches('/').ends_with("/admin/version");
        return (!same_question).then_some(Finding::Fault(Fault::SignInRequired { provider }));
    }
    // Only plain http can be answered by somebody on the way; and nobody there signs in to a server near by.
    if from.scheme() == "http" && !is_near(from) && !signs_in {
        return Some(Finding::CaptivePortal { host: host(to) });
    }
    Some(Finding::Fault(Fault::SignInRequired { provider: host(to) }))
}

fn https(from: &Url, to: &Url) -> Fault {
    let port = to.port().map(|port| format!(":{port}")).unwrap_or_default();
    Fault::HttpsRequired { origin: from.origin().ascii_serialization(), instead: format!("https://{}{port}", host(to)) }
}

fn host(url: &Url) -> String {
    match url.host() {
        Some(Host::Ipv6(address)) => format!("[{address}]"),
        _ => quoted(url.host_str().unwrap_or("another place")),
    }
}

fn is_login(html: &str) -> bool {
    let html = html.to_ascii_lowercase();
    ["type=\"password\"", "type='password'", "type=password", "sign in", "log in", "single sign-on", "saml"]
        .iter()
        .any(|mark| html.contains(mark))
}

/// The smallest of the bodies that matter which is refused, if one is.
async fn limit(case: &Case<'_>) -> Option<u64> {
    let list = below(&case.api_url, "flows/filter");
    let refuses =
        async |bytes| case.wire.announce(&list, bytes, case.patience()).await == Some(StatusCode::PAYLOAD_TOO_LARGE);
    if !refuses(BATCH).await {
        return None;
    }
    Some(if refuses(LINE).await { LINE } else { BATCH })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::Layer;

    const API: &str = "https://prefect.example.com/api/admin/version";
    const LOGIN: &str = "<!doctype html><html><form><input type=\"password\"></form></html>";

    /// `product: layer/code`, from what the API's address says.
    fn said(url: &str, status: u16, headers: &[(&'static str, &str)], body: &str, holds: Holds) -> String {
        let api = Answer::recorded(url, status, headers, body);
        let product = Product::of(&[&api]).map(|(product, _)| product);
        let finding = judge(&api, None, product, holds);
        let name = product.map_or_else(|| "?".to_owned(), |product| product.to_string());
        let code = finding.as_ref().map_or("let through", Finding::code);
        let layer = finding.as_ref().map_or(Layer::None, Finding::layer);
        format!("{name}: {layer}/{code}")
    }

    /// What clouds were seen to answer, and say that they answer, to a program that has nothing to show.
    #[test]
    fn who_makes_people_sign_in_is_named() {
        let nothing = Holds::default();
        let html = ("content-type", "text/html; charset=utf-8");
        let said = |status, headers: &[(&'static str, &str)], body: &str| said(API, status, headers, body, nothing);
        let cases = [
            said(
                302,
                &[
                    ("server", "cloudflare"),
                    ("cf-ray", "8a"),
                    ("location", "https://acme.cloudflareaccess.com/cdn-cgi/access/login/prefect.example.com?kid=1"),
                ],
                "",
            ),
            said(
                403,
                &[("server", "cloudflare"), ("cf-ray", "8a"), ("cf-access-domain", "prefect.example.com"), html],
                "<html>Forbidden",
            ),
            said(
                200,
                &[("server", "cloudflare"), ("cf-ray", "8a"), ("set-cookie", "CF_AppSession=n1; path=/"), html],
                "<html>Sign in ・ Cloudflare Access acme.cloudflareaccess.com",
            ),
            said(401, &[("x-goog-iap-generated-response", "true"), html], "Invalid IAP credentials: empty token"),
            said(
                302,
                &[
                    ("x-goog-iap-generated-response", "true"),
                    ("location", "https://accounts.google.com/o/oauth2/v2/auth?client_id=1"),
                ],
                "",
            ),
            said(
                401,
                &[("content-type", "application/json"), ("set-cookie", "_oauth2_proxy=; Path=/; Max-Age=0")],
                "{}",
            ),
            said(
                403,
                &[html],
                "<html><form method=\"GET\" action=\"/oauth2/start\">Sign in with OpenID Connect</form>",
            ),
            said(302, &[("location", "https://auth.example.com/?rd=https%3A%2F%2Fprefect.example.com%2F&rm=GET")], ""),
            said(
                401,
                &[("set-cookie", "authelia_session=x; domain=example.com"), html],
                "<a href=\"https://auth.example.com/?rd=x\">401 Unauthorized</a>",
            ),
            said(
                302,
                &[
                    ("server", "awselb/2.0"),
                    ("location", "https://acme.auth.eu-west-1.amazoncognito.com/oauth2/authorize?client_id=1"),
                ],
                "",
            ),
            said(
                401,
                &[("server", "awselb/2.0"), html],
                "<html><head><title>401 Authorization Required</title></head>",
            ),
            said(
                302,
                &[
                    ("set-cookie", "AzureAppProxyAnalyticCookie_1=x"),
                    ("location", "https://login.microsoftonline.com/t/oauth2/authorize?client_id=1"),
                ],
                "",
            ),
            said(302, &[("location", "https://idp.example.org/saml2/sso?SAMLRequest=x")], ""),
            said(302, &[("location", "/login?next=/api/admin/version")], ""),
            said(200, &[html], LOGIN),
        ];
        insta::assert_snapshot!(cases.join("\n"), @r"
        Cloudflare Access: edge/sign_in_required
        Cloudflare Access: edge/sign_in_required
        Cloudflare Access: edge/sign_in_required
        Google IAP: edge/sign_in_required
        Google IAP: edge/sign_in_required
        oauth2-proxy: edge/sign_in_required
        oauth2-proxy: edge/sign_in_required
        Authelia: edge/sign_in_required
        Authelia: edge/sign_in_required
        AWS ALB: edge/sign_in_required
        AWS ALB: edge/sign_in_required
        Azure App Proxy: edge/sign_in_required
        ?: edge/sign_in_required
        ?: edge/sign_in_required
        ?: edge/sign_in_required
        ");
    }

    #[test]
    fn what_is_no_sign_in_is_told_apart() {
        let html = ("content-type", "text/html");
        let json = ("content-type", "application/json");
        let nothing = Holds::default();
        let edge = Holds { edge: true, ..nothing };
        let basic = ("www-authenticate", "Basic realm=\"Prefect\"");
        let plain = "http://prefect.example.com/api/admin/version";
        let near = "http://10.0.0.5/api/admin/version";
        let nginx = ("server", "nginx/1.22.1");
        let cases = [
            said(API, 401, &[nginx, basic, html], "<html>401", nothing),
            said(API, 401, &[nginx, basic, html], "<html>401", edge),
            said(API, 401, &[json], "{\"exception_message\":\"Unauthorized\"}", edge),
            said(API, 401, &[("www-authenticate", "Basic realm=\"traefik\"")], "401 Unauthorized\n", nothing),
            said(
                API,
                401,
                &[html, basic],
                "<html><body><h1>401 Unauthorized</h1>\nYou need a valid user and password to access this content.\n</body></html>\n",
                nothing,
            ),
            said(API, 403, &[nginx, html], "<html><center>403 Forbidden</center><hr><center>nginx", nothing),
            said(API, 400, &[nginx, html], "<html>400 No required SSL certificate was sent", nothing),
            said(
                API,
                400,
                &[nginx, html],
                "<html>400 The SSL certificate error",
                Holds { certificate: true, ..nothing },
            ),
            said(plain, 400, &[nginx, html], "<html>400 The plain HTTP request was sent to HTTPS port", nothing),
            said(plain, 400, &[], "Client sent an HTTP request to an HTTPS server.\n", nothing),
            said(plain, 301, &[nginx, ("location", "https://prefect.example.com/api/admin/version")], "", nothing),
            said(API, 301, &[("location", "/prefect/api/admin/version")], "", nothing),
            said(plain, 302, &[("location", "http://portal.hotel.example/login")], "", nothing),
            said(plain, 511, &[html], "<html>", nothing),
            said(near, 302, &[("location", "http://sso.corp/login")], "", nothing),
            said(API, 404, &[("content-type", "text/plain")], "404 page not found\n", nothing),
            said(API, 502, &[html, ("server", "Caddy")], "", nothing),
            said(
                API,
                503,
                &[html],
                "<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\n",
                nothing,
            ),
            said("https://host.tail1234.ts.net/api/admin/version", 200, &[json], "\"3.8.8\"", nothing),
            said(API, 200, &[json, ("server", "uvicorn")], "\"3.8.8\"", nothing),
        ];
        insta::assert_snapshot!(cases.join("\n"), @r"
        nginx: edge/edge_credential_missing
        nginx: edge/edge_credential_wrong
        ?: none/let through
        Traefik: edge/edge_credential_missing
        HAProxy: edge/edge_credential_missing
        nginx: edge/edge_refused
        nginx: tls/client_certificate_missing
        nginx: tls/client_certificate_refused
        nginx: edge/https_required
        ?: edge/https_required
        nginx: edge/https_required
        ?: none/let through
        ?: edge/captive_portal
        ?: edge/captive_portal
        ?: edge/sign_in_required
        Traefik: none/let through
        Caddy: none/let through
        HAProxy: none/let through
        Tailscale: none/let through
        ?: none/let through
        ");
    }
}
