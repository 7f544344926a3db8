//! What there is to find, as one enum: a gateway's faults, and what only a closer look can tell.

use postern_gateway::{Fault, Remote};
use url::Url;

use super::fix::{self, Fix};
use super::product::Product;
use super::{Layer, Place, shown};
use crate::view::Trouble;

/// Something that is wrong, or should be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// What a gateway says too.
    Fault(Fault),
    /// Credentials over plain http, to somewhere far.
    PlainHttp,
    /// Some of the name's addresses take no connection.
    AddressesSilent(Vec<String>),
    /// As the fault says, and why exactly.
    Certificate {
        fault: Fault,
        problem: Problem,
    },
    CertificateEnds {
        days: u64,
    },
    /// The profile says not to look at it.
    Unverified,
    /// http is spoken where https was asked for.
    TlsNotSpoken,
    ClientCertificateMissing,
    ClientCertificateRefused,
    /// A network that wants a person to sign in before it lets anything through.
    CaptivePortal {
        host: String,
    },
    /// A body of that many bytes is not let through; warned of where only Prefect's largest are meant.
    BodyLimit {
        bytes: u64,
    },
    /// The auth string is right, and its header does not arrive.
    AuthorizationDropped,
    /// What is asked for below the base path arrives with it, and Prefect knows none.
    BasePathKept {
        base: String,
    },
    /// The UI is elsewhere; and the API, where it is not below that.
    BasePathWrong {
        found: Url,
        api: Option<Url>,
    },
    /// The UI is there, the API elsewhere.
    ApiElsewhere {
        found: Url,
    },
    /// The UI is there, and the edge has no way to the API.
    ApiNotPassedOn {
        says: Option<String>,
    },
    /// Prefect's API is there without a UI.
    NoUi,
    /// Browsers are sent to an API where it is not.
    ApiUrlWrong {
        says: String,
        is: Url,
    },
    /// One header, two that want their own credential in it.
    AuthorizationConflict,
    /// Nothing in front of Prefect asks for the edge's credential.
    CredentialMisplaced,
    /// Prefect asks for tokens, and they do not arrive.
    CsrfDropped,
    /// The upgrade arrives without `prefect`.
    SubprotocolDropped,
    /// The socket opens, and the auth message is refused.
    AuthMessageRefused,
    /// The socket opens, and no answer to the auth message comes.
    SocketSilent,
    /// The socket is ended when nothing is said on it.
    SocketCut {
        seconds: u64,
    },
    /// `word`: of this machine's clock.
    ClockSkew {
        seconds: u64,
        word: &'static str,
    },
    Vulnerable {
        version: String,
        fixed: &'static str,
        known: Vec<&'static str>,
    },
    /// Of different major versions.
    ClientApart {
        client: String,
        server: String,
    },
}

/// What is wrong with a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    Expired,
    NotYet,
    /// The names it is for.
    OtherName(String),
    SelfSigned,
    /// Who signed it.
    Unknown(String),
    Other,
}

/// For whom a remedy is.
pub(super) struct At<'a> {
    /// The profile's id.
    pub(super) profile: Option<&'a str>,
    pub(super) product: Option<Product>,
    pub(super) remote: &'a Remote,
}

impl At<'_> {
    /// What to do, and the command that does it where there is a profile.
    fn edit(&self, what: &str, options: &str) -> String {
        self.profile.map_or_else(|| what.to_owned(), |id| format!("{what} (`postern edit {id} {options}`)"))
    }

    fn enter(&self, what: &str, slot: &str) -> String {
        self.profile.map_or_else(|| what.to_owned(), |id| format!("{what} (`postern secret set {id} {slot}`)"))
    }

    fn url(&self, url: &str) -> String {
        self.edit(&format!("Use the address {url}"), &format!("--url {url}"))
    }

    fn fix(&self, fix: Fix) -> String {
        fix::lines(fix, self.product)
    }
}

impl Finding {
    pub(super) fn trouble(&self, at: &At<'_>) -> Trouble {
        Trouble::new(self.code(), self.sentence(), self.remedy(at))
    }

    /// Whether everything works all the same.
    pub(super) fn is_warning(&self) -> bool {
        matches!(self, Self::CertificateEnds { .. } | Self::Unverified)
    }

    /// Stable, for programs.
    pub(super) fn code(&self) -> &'static str {
        self.row().0
    }

    /// Who refuses.
    pub(super) fn layer(&self) -> Layer {
        self.row().1
    }

    /// Where the server is that was looked for at `remote`'s addresses, where that was found out.
    pub(super) fn place(&self, remote: &Remote) -> Option<Place> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is about the place that was looked at")]
        match self {
            Self::BasePathWrong { found, api } => Some(Place { url: shown(found), api_url: api.as_ref().map(shown) }),
            Self::ApiElsewhere { found } => Some(Place { url: shown(&remote.url), api_url: Some(shown(found)) }),
            // Who says so may be anybody on the way: the same host, and nothing that is less safe.
            Self::Fault(Fault::HttpsRequired { instead, .. }) if remote.api_url.is_none() => {
                Some(Place { url: secure(instead, remote), api_url: None })
            }
            _ => None,
        }
    }

    /// Whether another CA would do; none helps against a date or a name.
    pub(super) fn wants_ca(&self) -> bool {
        let Self::Certificate { problem, .. } = self else { return false };
        matches!(problem, Problem::SelfSigned | Problem::Unknown(_) | Problem::Other)
    }

    fn row(&self) -> (&'static str, Layer) {
        use Layer as L;
        match self {
            Self::Fault(fault) | Self::Certificate { fault, .. } => (fault.code(), fault.layer().into()),
            Self::PlainHttp => ("plain_http", L::Url),
            Self::AddressesSilent(_) => ("addresses_silent", L::Tcp),
            Self::CertificateEnds { .. } => ("certificate_ends", L::Tls),
            Self::Unverified => ("certificate_unverified", L::Tls),
            Self::TlsNotSpoken => ("https_not_spoken", L::Tls),
            Self::ClientCertificateMissing => ("client_certificate_missing", L::Tls),
            Self::ClientCertificateRefused => ("client_certificate_refused", L::Tls),
            Self::CaptivePortal { .. } => ("captive_portal", L::Edge),
            Self::BodyLimit { .. } => ("body_limit", L::Edge),
            Self::AuthorizationDropped => ("authorization_dropped", L::Edge),
            Self::BasePathKept { .. } => ("base_path_kept", L::Edge),
            Self::BasePathWrong { .. } => ("base_path_wrong", L::Prefect),
            Self::ApiElsewhere { .. } => ("api_elsewhere", L::Prefect),
            Self::ApiNotPassedOn { .. } => ("api_not_passed_on", L::Edge),
            Self::NoUi => ("no_ui", L::Prefect),
            Self::ApiUrlWrong { .. } => ("api_url_wrong", L::Prefect),
            Self::AuthorizationConflict => ("authorization_conflict", L::Auth),
            Self::CredentialMisplaced => ("edge_credential_misplaced", L::Auth),
            Self::CsrfDropped => ("csrf_token_dropped", L::Csrf),
            Self::SubprotocolDropped => ("subprotocol_dropped", L::Websocket),
            Self::AuthMessageRefused => ("auth_message_refused", L::Websocket),
            Self::SocketSilent => ("socket_silent", L::Websocket),
            Self::SocketCut { .. } => ("socket_cut", L::Websocket),
            Self::ClockSkew { .. } => ("clock_skew", L::Clock),
            Self::Vulnerable { .. } => ("known_vulnerability", L::Version),
            Self::ClientApart { .. } => ("client_version", L::Version),
        }
    }

    /// What happened and where.
    fn sentence(&self) -> String {
        match self {
            Self::Fault(fault) | Self::Certificate { fault, .. } => fault.sentence(),
            Self::PlainHttp => "The password goes over plain http, across a network where others can read it.".into(),
            Self::AddressesSilent(silent) => {
                format!("The server's name leads to addresses that take no connection too: {}.", silent.join(", "))
            }
            Self::CertificateEnds { days: 0 } => "The server's certificate ends within a day.".into(),
            Self::CertificateEnds { days } => format!("The server's certificate ends in {} days.", days + 1),
            Self::Unverified => "The server's certificate is not checked, as the profile says.".into(),
            Self::TlsNotSpoken => "The address says https, and what answers there speaks plain http.".into(),
            Self::ClientCertificateMissing => {
                "The server lets in only who shows a client certificate, and Postern has none.".into()
            }
            Self::ClientCertificateRefused => "The server refuses the profile's client certificate.".into(),
            Self::CaptivePortal { host } => {
                format!("The network that this machine is in answers in the server's place, from {host}.")
            }
            Self::BodyLimit { bytes } => {
                format!(
                    "The server's edge refuses requests of {} MB, as Prefect's clients send them.",
                    bytes / 1_000_000
                )
            }
            Self::AuthorizationDropped => {
                "The server's edge drops the Authorization header: Prefect accepts the auth string on a WebSocket, \
                 and never sees it elsewhere."
                    .into()
            }
            Self::BasePathKept { base } => {
                format!("The server's edge passes {base} on to Prefect, which serves nothing below it.")
            }
            Self::BasePathWrong { found, .. } => format!("Prefect's UI is not there, but at {}.", shown(found)),
            Self::ApiElsewhere { found } => format!("Prefect's API is not there, but at {}.", shown(found)),
            Self::ApiNotPassedOn { .. } => {
                "Prefect's UI is there, but the server's edge has no way to the API for what the UI asks.".into()
            }
            Self::NoUi => "Prefect's API is there, and no UI with it.".into(),
            Self::ApiUrlWrong { says, .. } => {
                format!("Prefect tells browsers that its API is at {says}, where this machine does not see it.")
            }
            Self::AuthorizationConflict => {
                "The server's edge and Prefect each want a credential of their own in the one Authorization header: \
                 the edge takes its one, and passes it on to Prefect, which refuses it."
                    .into()
            }
            Self::CredentialMisplaced => {
                "Nothing in front of Prefect asks for the profile's edge credential, and it is sent to Prefect in \
                 place of the auth string."
                    .into()
            }
            Self::CsrfDropped => {
                "Prefect asks for a token against cross-site request forgery, and does not see the one that is sent."
                    .into()
            }
            Self::SubprotocolDropped => {
                "WebSockets arrive at Prefect without their subprotocol “prefect”, so that it closes them.".into()
            }
            Self::AuthMessageRefused => {
                "Prefect opens the WebSocket and then refuses the auth string in its first message.".into()
            }
            Self::SocketSilent => {
                "The WebSocket opens, and Prefect's answer to its first message does not come.".into()
            }
            Self::SocketCut { seconds } => {
                format!("The server's edge cuts WebSockets on which nothing is said for {}.", spoken(*seconds))
            }
            Self::ClockSkew { seconds, word } => {
                format!("This machine's clock is {} {word} the server's.", spoken(*seconds))
            }
            Self::Vulnerable { version, fixed, known } => {
                format!("Prefect {version} can be used past its authentication ({}); {fixed} cannot.", known.join(", "))
            }
            Self::ClientApart { client, server } => {
                format!(
                    "The Prefect installed here is {client}, and the server's is {server}: they do not understand each other."
                )
            }
        }
    }

    /// What to do about it: for who has the profile first, else the lines for that edge.
    fn remedy(&self, at: &At<'_>) -> String {
        match self {
            Self::Fault(fault) => fault_remedy(fault, at),
            Self::PlainHttp => "Use https, or reach the server through a VPN.".into(),
            Self::AddressesSilent(_) => {
                "Take them out of the name's DNS entry, or let the server listen there: whoever gets one of them \
                 first waits."
                    .into()
            }
            Self::Certificate { problem, fault } => match problem {
                Problem::Expired => {
                    "Whoever runs the server has to renew it: `certbot renew` and a reload of the edge, where that \
                     is how it came."
                        .into()
                }
                Problem::NotYet => "Set this machine's clock; if it is right, the server's was wrong when it was made.".into(),
                Problem::OtherName(names) => format!(
                    "Use an address with a name that it is for ({names}), or have one made for the name in the address."
                ),
                Problem::SelfSigned => {
                    at.edit("Get that certificate from who runs the server, and give it as CA file", "--ca-file FILE") + "."
                }
                Problem::Unknown(issuer) => format!(
                    "{}. If {issuer} is no CA of your organisation's, the server leaves out the certificates between: \
                     what it shows must be the full chain.",
                    at.edit("Get the certificate of the CA that signed it, and give it as CA file", "--ca-file FILE")
                ),
                Problem::Other => fault.remedy().to_owned(),
            },
            Self::CertificateEnds { .. } => "Whoever runs the server should see why it has not been renewed.".into(),
            Self::Unverified => {
                at.edit("Have it checked, and give its CA's certificate as CA file", "--verify --ca-file FILE") + "."
            }
            Self::TlsNotSpoken => {
                let plain = shown(&at.remote.url).replacen("https", "http", 1);
                format!("{}, or have TLS put in front of it.", at.url(&plain))
            }
            Self::ClientCertificateMissing => {
                at.edit(
                    "Give the client certificate that whoever runs the server issued you, as PEM, .p12 or .pfx",
                    "--client-cert-file FILE",
                ) + "."
            }
            Self::ClientCertificateRefused => {
                "Ask who runs the server for one that the edge's CA signed (nginx: `ssl_client_certificate`) and that has not ended."
                    .into()
            }
            Self::CaptivePortal { .. } => "Open any http page in a browser, sign in to the network, and try again.".into(),
            Self::BodyLimit { .. } => at.fix(Fix::Body),
            Self::AuthorizationDropped => at.fix(Fix::Authorization),
            Self::BasePathKept { .. } => at.fix(Fix::BasePath),
            Self::BasePathWrong { found, api: None } => at.url(&shown(found)) + ".",
            Self::BasePathWrong { found, api: Some(api) } => {
                let (url, api) = (shown(found), shown(api));
                at.edit(
                    &format!("Use the address {url}, and {api} as the API's"),
                    &format!("--url {url} --api-url {api}"),
                ) + "."
            }
            Self::ApiElsewhere { found } => {
                at.edit("Give that as the API's address", &format!("--api-url {}", shown(found))) + "."
            }
            Self::ApiNotPassedOn { says } => {
                let hint = says.as_ref().map(|says| format!(" Prefect itself says that it is at {says}: if that is so, give it as the API's address."));
                format!("{}{}", at.fix(Fix::Api), hint.unwrap_or_default())
            }
            Self::NoUi => {
                "Programs work; for a dashboard, set `PREFECT_SERVER_UI_ENABLED=true` on the server, and let the edge \
                 pass on more than `/api`."
                    .into()
            }
            Self::ApiUrlWrong { is, .. } => format!(
                "Nothing to do for Postern, which corrects it. For other browsers, start the server with \
                 `PREFECT_SERVER_UI_API_URL={}` (setting `server.ui.api_url`).",
                shown(is)
            ),
            Self::AuthorizationConflict => at.fix(Fix::Conflict),
            Self::CredentialMisplaced => {
                let has_auth_string = at.remote.prefect.is_some();
                if has_auth_string {
                    at.edit("Leave the edge's credential out", "--no-edge") + "."
                } else {
                    at.edit("Give it as Prefect's auth string instead", "--no-edge --prefect-username NAME") + "."
                }
            }
            Self::CsrfDropped => at.fix(Fix::Csrf),
            Self::SubprotocolDropped => at.fix(Fix::Subprotocol),
            Self::AuthMessageRefused => {
                if at.remote.prefect.is_some() {
                    at.enter("Enter Prefect's auth string again", "prefect-password") + "."
                } else {
                    "The edge puts Prefect's credential into requests, and cannot put it into that message: ".to_owned()
                        + &at.edit("give Prefect's auth string too", "--prefect-username NAME")
                        + "."
                }
            }
            Self::SocketSilent => at.fix(Fix::Upgrade),
            Self::SocketCut { .. } => at.fix(Fix::Idle),
            Self::ClockSkew { .. } => {
                "Set the clock that is wrong: `timedatectl set-ntp true` keeps a Linux machine's right.".into()
            }
            Self::Vulnerable { fixed, .. } => format!(
                "Update the server to {fixed} or later. Until then, its edge's authentication is what protects it: \
                 leave no path out of it."
            ),
            Self::ClientApart { server, .. } => {
                let major = server.split('.').next().unwrap_or_default();
                format!("Install a client of the server's major version: `pip install \"prefect>={major},<{}\"`.", major.parse::<u64>().unwrap_or_default() + 1)
            }
        }
    }
}

/// Sharper than what a page can say that does not know the edge.
fn fault_remedy(fault: &Fault, at: &At<'_>) -> String {
    #[expect(clippy::wildcard_enum_match_arm, reason = "for the rest, the fault's own words")]
    match fault {
        Fault::SocketRefused { .. } => at.fix(Fix::Upgrade),
        Fault::ServerDown { status: 504 } => at.fix(Fix::Timeout),
        Fault::ServerDown { .. } => at.fix(Fix::Upstream),
        Fault::EdgeRefused { status: 413 } => at.fix(Fix::Body),
        Fault::HttpsRequired { instead, .. } => at.url(&secure(instead, at.remote)) + ".",
        Fault::EdgeCredentialWrong if is_bearer(at.remote) => {
            at.enter("Enter the edge's token again", "edge-token") + "."
        }
        Fault::EdgeCredentialWrong => at.enter("Enter the edge's user name and password again", "edge-password") + ".",
        Fault::EdgeCredentialMissing => {
            at.edit("Give the edge's user name and password, or its token", "--edge-username NAME") + "."
        }
        Fault::PrefectCredentialWrong => at.enter("Enter Prefect's auth string again", "prefect-password") + ".",
        Fault::PrefectCredentialMissing => {
            at.edit("Give Prefect's auth string, its user name and its password", "--prefect-username NAME") + "."
        }
        Fault::SignInRequired { .. } => {
            let how = fix::sign_in(at.product, !at.remote.headers.is_empty());
            at.profile.map_or_else(|| how.clone(), |id| how.replace(" ID ", &format!(" {id} ")))
        }
        _ => fault.remedy().to_owned(),
    }
}

fn secure(origin: &str, remote: &Remote) -> String {
    format!("{origin}{}", remote.url.path().trim_end_matches('/'))
}

fn is_bearer(remote: &Remote) -> bool {
    matches!(remote.edge, Some(postern_gateway::EdgeCredential::Bearer(_)))
}

fn spoken(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} seconds"),
        120..7200 => format!("{} minutes", seconds / 60),
        7200..172_800 => format!("{} hours", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
