//! What there is to say about one field of a profile, for a file, a form and a command line alike.

use std::fmt;

/// A field of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "named as in profiles.toml")]
pub enum Field {
    Id,
    Name,
    Url,
    ApiUrl,
    Port,
    Color,
    ReadOnly,
    Connect,
    LocalPrograms,
    EdgeKind,
    EdgeUsername,
    PrefectUsername,
    /// The name of the header at this place in the list.
    Header(usize),
    CaFile,
    ClientCertFile,
    ClientKeyFile,
    Verify,
    Proxy,
}

impl Field {
    /// As written in profiles.toml, below `[[profile]]`.
    #[must_use]
    pub fn in_file(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Name => "name",
            Self::Url => "url",
            Self::ApiUrl => "api_url",
            Self::Port => "port",
            Self::Color => "color",
            Self::ReadOnly => "read_only",
            Self::Connect => "connect",
            Self::LocalPrograms => "local_programs",
            Self::EdgeKind => "edge.kind",
            Self::EdgeUsername => "edge.username",
            Self::PrefectUsername => "prefect.username",
            Self::Header(_) => "header.name",
            Self::CaFile => "tls.ca_file",
            Self::ClientCertFile => "tls.client_cert_file",
            Self::ClientKeyFile => "tls.client_key_file",
            Self::Verify => "tls.verify",
            Self::Proxy => "network.proxy",
        }
    }

    /// As in the manager's form ([`crate::view::Draft`]).
    #[must_use]
    pub fn in_form(self) -> String {
        match self {
            Self::Id => "id",
            Self::Name => "name",
            Self::Url => "url",
            Self::ApiUrl => "apiUrl",
            Self::Port => "port",
            Self::Color => "color",
            Self::ReadOnly => "readOnly",
            Self::Connect => "connect",
            Self::LocalPrograms => "localPrograms",
            Self::EdgeKind => "edge.kind",
            Self::EdgeUsername => "edge.username",
            Self::PrefectUsername => "prefect.username",
            Self::Header(index) => return format!("headers.{index}.name"),
            Self::CaFile => "caFile",
            Self::ClientCertFile => "clientCertFile",
            Self::ClientKeyFile => "clientKeyFile",
            Self::Verify => "verify",
            Self::Proxy => "proxy",
        }
        .to_owned()
    }

    /// As an option of `postern add` and `postern edit`.
    #[must_use]
    pub fn as_option(self) -> &'static str {
        match self {
            Self::Id => "--id",
            Self::Name => "--name",
            Self::Url => "--url",
            Self::ApiUrl => "--api-url",
            Self::Port => "--port",
            Self::Color => "--color",
            Self::ReadOnly => "--read-only",
            Self::Connect => "--connect",
            Self::LocalPrograms => "--local-programs",
            Self::EdgeKind => "--edge-token",
            Self::EdgeUsername => "--edge-username",
            Self::PrefectUsername => "--prefect-username",
            Self::Header(_) => "--header",
            Self::CaFile => "--ca-file",
            Self::ClientCertFile => "--client-cert-file",
            Self::ClientKeyFile => "--client-key-file",
            Self::Verify => "--no-verify",
            Self::Proxy => "--proxy",
        }
    }
}

/// What there is to say about one field: an error, or a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Which.
    pub field: Field,
    /// What is wrong and what to do, as whole sentences. Never the value of something that may hold a secret.
    pub message: String,
}

impl Remark {
    pub(crate) fn new(field: Field, message: impl Into<String>) -> Self {
        Self { field, message: message.into() }
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field.in_file(), self.message)
    }
}
