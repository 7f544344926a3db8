//! Everything that can go wrong with a request, as one enum.
//!
//! [`Fault`] says what happened; [`Fault::code`] is for programs, [`Fault::sentence`] and
//! [`Fault::remedy`] for people, [`Fault::status`] for HTTP, [`Fault::layer`] for the diagnosis.
//! `fault/answer.rs` is the one place that turns a fault into a response.

pub(crate) mod answer;

use http::StatusCode;

/// Why a request got no answer of the server's, or why the server's answer is no use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The request breaks HTTP's rules; the text names the rule.
    Malformed(&'static str),
    /// The head has too many bytes or headers.
    HeadTooLarge,
    /// The target is longer than any server takes.
    TargetTooLong,
    /// The head was not whole in time.
    HeadTimeout {
        /// How long was waited for it.
        seconds: u64,
    },
    /// A version of HTTP that the gateway does not speak.
    VersionRefused,
    /// `Expect` asks for something else than `100-continue`.
    ExpectationRefused,
    /// `Host` is none of our names: DNS rebinding, or a wrong port.
    ForeignHost,
    /// `Origin` is not ours.
    ForeignOrigin,
    /// The browser says another site caused this request.
    CrossSite,
    /// The process at the other end is another user's.
    OtherUser,
    /// No session, key or pass.
    NotLetIn,
    /// A key, but not this profile's.
    WrongKey,
    /// The pass was used before, or is over 30 s old.
    StalePass,
    /// The request's body stopped coming before its end.
    UploadStalled {
        /// How long was waited for more.
        seconds: u64,
    },
    /// The request's body broke off, or is none.
    UploadBroken,
    /// `CONNECT`, `TRACE` and the like.
    MethodRefused,
    /// An `Upgrade` to anything but a well-formed WebSocket.
    UpgradeRefused,
    /// Nothing lives at this path under `/.postern/`.
    NoSuchPath,
    /// The profile is read-only and this writes.
    ReadOnly {
        /// The profile's name.
        profile: String,
    },
    /// The profile is read-only and this asks for secrets, or may.
    SecretsRefused {
        /// The profile's name.
        profile: String,
        /// What is wrong with the request.
        reason: &'static str,
    },

    /// The server's name has no address.
    NameNotFound {
        /// The name looked up.
        host: String,
    },
    /// Nothing listens there, or a firewall said no.
    Unreachable {
        /// `host:port`.
        authority: String,
        /// The system's words.
        reason: String,
    },
    /// No connection within the time allowed.
    ConnectTimeout {
        /// `host:port`.
        authority: String,
    },
    /// The proxy on the way out refused or failed.
    ProxyFailed {
        /// The proxy's or system's words, without credentials.
        reason: String,
    },
    /// The certificate does not hold.
    CertificateRefused {
        /// Whose certificate.
        host: String,
        /// What is wrong with it.
        reason: String,
    },
    /// TLS failed for another reason.
    TlsFailed {
        /// With whom.
        host: String,
        /// What was said.
        reason: String,
    },
    /// The connection ended before an answer came.
    ConnectionLost,
    /// The server took too long to begin its answer.
    AnswerTimeout {
        /// How long was waited.
        seconds: u64,
    },
    /// The answer breaks HTTP's rules.
    InvalidAnswer {
        /// Which rule.
        reason: String,
    },
    /// The server did not accept the WebSocket.
    SocketRefused {
        /// Its status.
        status: u16,
    },
    /// `/ui-settings` is not what a Prefect server sends.
    NotPrefect {
        /// What came instead.
        reason: String,
    },
    /// The edge answers, and Prefect behind it does not.
    ServerDown {
        /// The edge's status.
        status: u16,
    },
    /// Prefect answers the plainest of questions with an error of its own.
    ServerFails {
        /// Its status.
        status: u16,
    },
    /// The edge answered the API with a page of its own.
    EdgeRefused {
        /// Its status.
        status: u16,
    },
    /// The edge sends whoever comes by http to https.
    HttpsRequired {
        /// The origin asked for: `http://…`.
        origin: String,
        /// The one to ask for: `https://…`.
        instead: String,
    },
    /// The edge wants a credential and the profile has none.
    EdgeCredentialMissing,
    /// The edge refuses the profile's credential.
    EdgeCredentialWrong,
    /// Prefect wants its auth string and the profile has none.
    PrefectCredentialMissing,
    /// Prefect refuses the profile's auth string.
    PrefectCredentialWrong,
    /// Prefect refuses the edge's credential, which goes in the header that Prefect's would.
    AuthorizationConflict,
    /// An identity provider wants a person to sign in.
    SignInRequired {
        /// Where it sends people.
        provider: String,
    },

    /// Something on this side failed; the text says what.
    Internal(&'static str),
}

/// What a closer look has found, for people; in place of a fault's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// What is wrong and where.
    pub sentence: String,
    /// What to do about it; what is to be typed is between backticks.
    pub remedy: String,
}

/// The layer that refuses, as in `postern doctor --json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// This side: the door.
    Door,
    /// The profile's own rules.
    Policy,
    /// Name resolution.
    Name,
    /// TCP.
    Tcp,
    /// The proxy on the way out.
    Proxy,
    /// TLS.
    Tls,
    /// What guards the server.
    Edge,
    /// The server itself.
    Prefect,
    /// Prefect's auth string.
    Auth,
    /// WebSockets.
    WebSocket,
}

impl Fault {
    /// A stable name for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.row().0
    }

    /// Who refuses.
    #[must_use]
    pub fn layer(&self) -> Layer {
        self.row().1
    }

    /// The status it is answered with.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.row().2
    }

    /// Whether it says something about the server, rather than about the request or this side.
    #[must_use]
    pub fn is_about_server(&self) -> bool {
        !matches!(self.layer(), Layer::Door | Layer::Policy)
    }

    /// Whether a credential is missing or refused: trying again by itself cannot help, and may lock an account.
    #[must_use]
    pub fn is_about_credential(&self) -> bool {
        matches!(
            self,
            Self::EdgeCredentialMissing
                | Self::EdgeCredentialWrong
                | Self::PrefectCredentialMissing
                | Self::PrefectCredentialWrong
                | Self::AuthorizationConflict
        )
    }

    fn row(&self) -> (&'static str, Layer, StatusCode) {
        use Layer as L;
        use StatusCode as S;
        match self {
            Self::Malformed(_) => ("malformed_request", L::Door, S::BAD_REQUEST),
            Self::HeadTooLarge => ("head_too_large", L::Door, S::REQUEST_HEADER_FIELDS_TOO_LARGE),
            Self::TargetTooLong => ("target_too_long", L::Door, S::URI_TOO_LONG),
            Self::HeadTimeout { .. } => ("head_timeout", L::Door, S::REQUEST_TIMEOUT),
            Self::VersionRefused => ("version_refused", L::Door, S::HTTP_VERSION_NOT_SUPPORTED),
            Self::ExpectationRefused => ("expectation_refused", L::Door, S::EXPECTATION_FAILED),
            Self::ForeignHost => ("foreign_host", L::Door, S::FORBIDDEN),
            Self::ForeignOrigin => ("foreign_origin", L::Door, S::FORBIDDEN),
            Self::CrossSite => ("cross_site", L::Door, S::FORBIDDEN),
            Self::OtherUser => ("other_user", L::Door, S::FORBIDDEN),
            Self::NotLetIn => ("not_let_in", L::Door, S::UNAUTHORIZED),
            Self::WrongKey => ("local_key_wrong", L::Door, S::UNAUTHORIZED),
            Self::StalePass => ("pass_stale", L::Door, S::FORBIDDEN),
            Self::UploadStalled { .. } => ("upload_stalled", L::Door, S::REQUEST_TIMEOUT),
            Self::UploadBroken => ("upload_broken", L::Door, S::BAD_REQUEST),
            Self::MethodRefused => ("method_refused", L::Door, S::METHOD_NOT_ALLOWED),
            Self::UpgradeRefused => ("upgrade_refused", L::Door, S::BAD_REQUEST),
            Self::NoSuchPath => ("no_such_path", L::Door, S::NOT_FOUND),
            Self::ReadOnly { .. } => ("read_only", L::Policy, S::FORBIDDEN),
            Self::SecretsRefused { .. } => ("secrets_refused", L::Policy, S::FORBIDDEN),
            Self::NameNotFound { .. } => ("name_not_found", L::Name, S::BAD_GATEWAY),
            Self::Unreachable { .. } => ("server_unreachable", L::Tcp, S::BAD_GATEWAY),
            Self::ConnectTimeout { .. } => ("connect_timeout", L::Tcp, S::GATEWAY_TIMEOUT),
            Self::ProxyFailed { .. } => ("proxy_failed", L::Proxy, S::BAD_GATEWAY),
            Self::CertificateRefused { .. } => ("certificate_refused", L::Tls, S::BAD_GATEWAY),
            Self::TlsFailed { .. } => ("tls_failed", L::Tls, S::BAD_GATEWAY),
            Self::ConnectionLost => ("connection_lost", L::Tcp, S::BAD_GATEWAY),
            Self::AnswerTimeout { .. } => ("answer_timeout", L::Prefect, S::GATEWAY_TIMEOUT),
            Self::InvalidAnswer { .. } => ("invalid_answer", L::Edge, S::BAD_GATEWAY),
            Self::SocketRefused { .. } => ("socket_refused", L::WebSocket, S::BAD_GATEWAY),
            Self::NotPrefect { .. } => ("not_prefect", L::Prefect, S::BAD_GATEWAY),
            Self::ServerDown { status } => ("server_down", L::Prefect, edge_status(*status)),
            Self::ServerFails { status } => ("server_fails", L::Prefect, edge_status(*status)),
            Self::EdgeRefused { status } => ("edge_refused", L::Edge, edge_status(*status)),
            Self::HttpsRequired { .. } => ("https_required", L::Edge, S::BAD_GATEWAY),
            Self::EdgeCredentialMissing => ("edge_credential_missing", L::Edge, S::UNAUTHORIZED),
            Self::EdgeCredentialWrong => ("edge_credential_wrong", L::Edge, S::UNAUTHORIZED),
            Self::PrefectCredentialMissing => ("prefect_credential_missing", L::Auth, S::UNAUTHORIZED),
            Self::PrefectCredentialWrong => ("prefect_credential_wrong", L::Auth, S::UNAUTHORIZED),
            Self::AuthorizationConflict => ("authorization_conflict", L::Auth, S::UNAUTHORIZED),
            Self::SignInRequired { .. } => ("sign_in_required", L::Edge, S::UNAUTHORIZED),
            Self::Internal(_) => ("internal", L::Door, S::INTERNAL_SERVER_ERROR),
        }
    }

    /// What happened and where, in one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::Malformed(rule) => format!("The request is not valid HTTP: {rule}."),
            Self::HeadTooLarge => "The request's head has over 100 headers, or over 64 KiB.".into(),
            Self::TargetTooLong => "The request's target is longer than 16 KiB.".into(),
            Self::HeadTimeout { seconds } => format!("The request's head was not whole after {seconds} seconds."),
            Self::VersionRefused => "The gateway speaks HTTP/1.1 and HTTP/1.0.".into(),
            Self::ExpectationRefused => "The gateway fulfils no expectation but 100-continue.".into(),
            Self::ForeignHost => "The request names a host that is not this gateway.".into(),
            Self::ForeignOrigin => "The request comes from a page on another origin.".into(),
            Self::CrossSite => "Another web site caused this request.".into(),
            Self::OtherUser => "This gateway belongs to another user of this machine.".into(),
            Self::NotLetIn => "Postern's gateway lets in only those who prove themselves.".into(),
            Self::WrongKey => "The key given is not this profile's local key.".into(),
            Self::StalePass => "This link was used before, or is over 30 seconds old.".into(),
            Self::UploadStalled { seconds } => {
                format!("Next to nothing of the request came in {seconds} seconds, and it was not at its end.")
            }
            Self::UploadBroken => "The request's body broke off before its end.".into(),
            Self::MethodRefused => "The gateway does not pass on this method.".into(),
            Self::UpgradeRefused => "The gateway upgrades to well-formed WebSockets only.".into(),
            Self::NoSuchPath => "The gateway has nothing at this path.".into(),
            Self::ReadOnly { profile } => {
                format!("“{profile}” is read-only in Postern, and this request would change something on the server.")
            }
            Self::SecretsRefused { profile, reason } => {
                format!("“{profile}” is read-only in Postern and shows no secrets: {reason}.")
            }
            Self::NameNotFound { host } => format!("The name {host} has no address."),
            Self::Unreachable { authority, reason } => {
                format!("The server at {authority} cannot be reached: {reason}.")
            }
            Self::ConnectTimeout { authority } => format!("The server at {authority} does not answer."),
            Self::ProxyFailed { reason } => format!("The proxy on the way to the server failed: {reason}."),
            Self::CertificateRefused { host, reason } => {
                format!("The certificate of {host} is not trusted: {reason}.")
            }
            Self::TlsFailed { host, reason } => format!("No secure connection to {host}: {reason}."),
            Self::ConnectionLost => "The server closed the connection before it answered.".into(),
            Self::AnswerTimeout { seconds } => {
                format!("The server took the request and gave no answer for {seconds} seconds.")
            }
            Self::InvalidAnswer { reason } => format!("The server's answer is not valid HTTP: {reason}."),
            Self::SocketRefused { status } => {
                format!("The server or its edge refused the WebSocket (status {status}).")
            }
            Self::NotPrefect { reason } => format!("What answers there is not a Prefect server: {reason}."),
            Self::ServerDown { status } => {
                format!("The server's edge answers, but the Prefect server behind it does not (status {status}).")
            }
            Self::ServerFails { status } => {
                format!("The Prefect server fails when it is asked for its version (status {status}).")
            }
            Self::EdgeRefused { status } => {
                format!("The server's edge answered with an error page of its own (status {status}).")
            }
            Self::HttpsRequired { origin, instead } => {
                format!("The server wants https: it sends everything for {origin} to {instead}.")
            }
            Self::EdgeCredentialMissing => {
                "The server's edge asks for a password or token, and Postern has none.".into()
            }
            Self::EdgeCredentialWrong => "The server's edge refuses the profile's credential.".into(),
            Self::PrefectCredentialMissing => "Prefect asks for its auth string, and Postern has none.".into(),
            Self::PrefectCredentialWrong => "Prefect refuses the profile's auth string.".into(),
            Self::AuthorizationConflict => {
                "Prefect refuses the edge's credential, which goes in the one Authorization header that both read."
                    .into()
            }
            Self::SignInRequired { provider } => format!("The server's edge sends you to {provider} to sign in."),
            Self::Internal(what) => format!("Postern failed: {what}."),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Malformed(_)
            | Self::HeadTooLarge
            | Self::TargetTooLong
            | Self::HeadTimeout { .. }
            | Self::VersionRefused
            | Self::ExpectationRefused
            | Self::UploadStalled { .. }
            | Self::UploadBroken
            | Self::UpgradeRefused
            | Self::MethodRefused
            | Self::NoSuchPath => "Check the program that sent it.",
            Self::ForeignHost => "Use the address that Postern shows for this profile.",
            Self::ForeignOrigin | Self::CrossSite => {
                "Open the dashboard from Postern instead of from a link on another site."
            }
            Self::OtherUser => "Start a gateway of your own, with your own credentials.",
            Self::NotLetIn => {
                "Open the dashboard from Postern's tray menu. Programs use the settings that `postern env` prints."
            }
            Self::WrongKey => "Take the current settings from `postern env`.",
            Self::StalePass => "Open the dashboard from Postern's tray menu again.",
            Self::ReadOnly { .. } if cfg!(target_os = "linux") => {
                "To write, turn read-only off in the profile; or, in Postern's own window of this dashboard, press “Allow changes…”."
            }
            Self::ReadOnly { .. } => "To write, turn read-only off in the profile.",
            Self::SecretsRefused { .. } => {
                "Leave `include_secrets` out, or turn read-only off in the profile if you mean to see secrets."
            }
            Self::NameNotFound { .. } => "Check the address for typing errors, and whether a VPN must be on.",
            Self::Unreachable { .. } | Self::ConnectTimeout { .. } => {
                "Check that the server runs, that address and port are right, and whether a VPN must be on."
            }
            Self::ProxyFailed { .. } => "Check the proxy setting of the profile or of the system.",
            Self::CertificateRefused { .. } => {
                "If a private CA signed it, give the CA's file in the profile; otherwise ask who runs the server."
            }
            Self::TlsFailed { .. } => {
                "Check that the address really speaks https, and whether it wants a client certificate."
            }
            Self::ConnectionLost | Self::InvalidAnswer { .. } => {
                "Try again; if it stays so, look into the server's and its edge's log."
            }
            Self::AnswerTimeout { .. } | Self::ServerDown { .. } | Self::ServerFails { .. } => {
                "Ask who runs the server to look whether Prefect and its database are up."
            }
            Self::EdgeRefused { .. } => "Look into the edge's log: its rules or limits refuse this request.",
            Self::Internal(_) => "Try again; if it stays so, restart Postern and report it.",
            Self::SocketRefused { .. } => {
                "The edge must pass WebSockets on: in nginx, `proxy_http_version 1.1` and the `Upgrade` and `Connection` headers."
            }
            Self::NotPrefect { .. } => "Check the address: it must be where the Prefect UI is.",
            Self::HttpsRequired { .. } => {
                "Change the profile's `url` (and `api_url`, where it has one) to begin with that: it is a line in profiles.toml, and the address in the manager."
            }
            Self::EdgeCredentialMissing => "Add the edge's user name and password, or its token, to the profile.",
            Self::EdgeCredentialWrong => "Enter the edge's user name and password again.",
            Self::PrefectCredentialMissing => "Add Prefect's auth string to the profile.",
            Self::PrefectCredentialWrong => "Enter Prefect's auth string again.",
            Self::AuthorizationConflict => {
                "Have the edge put Prefect's auth string there when it passes a request on, or give both the same user name and password. If no edge asks for one, leave the edge's credential out of the profile."
            }
            Self::SignInRequired { .. } => {
                "Ask who runs the server for a service token, and add its headers to the profile."
            }
        }
    }
}

/// The edge's own status is kept, for programs that tell 413 from 502.
fn edge_status(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY)
}
