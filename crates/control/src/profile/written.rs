//! A profile as a person wrote it: text, not yet valid. The same for a file, a form and a command line.

use postern_gateway::{LocalPrograms, Proxy};
use url::Url;

use super::{Color, Connect, Edge, Field, Profile, ProfileId, Remark, TlsFiles, check};
use crate::text::capitalised;

/// A profile as written. What is `None` or empty was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields of profiles.toml; Profile explains them")]
pub struct Written {
    /// Left out only before it is added: made from the name.
    pub id: String,
    /// Left out: the address's host.
    pub name: String,
    pub url: String,
    pub api_url: String,
    /// Left out only before it is added: assigned.
    pub port: Option<i64>,
    pub color: String,
    pub read_only: bool,
    /// Left out: `always`.
    pub connect: String,
    /// Left out: `key`.
    pub local_programs: String,
    pub edge: Option<WrittenEdge>,
    pub prefect_username: Option<String>,
    pub headers: Vec<String>,
    pub ca_file: String,
    pub client_cert_file: String,
    pub client_key_file: String,
    /// Left out: `true`.
    pub verify: bool,
    /// Left out: `system`.
    pub proxy: String,
}

impl Default for Written {
    fn default() -> Self {
        Self {
            id: String::new(),
            name: String::new(),
            url: String::new(),
            api_url: String::new(),
            port: None,
            color: String::new(),
            read_only: false,
            connect: String::new(),
            local_programs: String::new(),
            edge: None,
            prefect_username: None,
            headers: Vec::new(),
            ca_file: String::new(),
            client_cert_file: String::new(),
            client_key_file: String::new(),
            verify: true,
            proxy: String::new(),
        }
    }
}

/// What the edge asks for, as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WrittenEdge {
    /// `basic` or `bearer`.
    pub kind: String,
    /// With `basic` only.
    pub username: String,
}

impl WrittenEdge {
    /// A user name and a password.
    #[must_use]
    pub fn basic(username: &str) -> Self {
        Self { kind: "basic".to_owned(), username: username.to_owned() }
    }

    /// A token.
    #[must_use]
    pub fn bearer() -> Self {
        Self { kind: "bearer".to_owned(), username: String::new() }
    }
}

impl Written {
    /// The valid profile, or everything that is wrong with it.
    ///
    /// # Errors
    /// One remark for each thing wrong.
    pub fn check(&self) -> Result<Profile, Vec<Remark>> {
        let mut remarks = Vec::new();
        let mut note = |field, message: String| remarks.push(Remark::new(field, message));

        let id = ProfileId::parse(&self.id)
            .map_err(|invalid| note(Field::Id, format!("{}.", capitalised(&invalid.to_string()))))
            .ok();
        let url = check::server_url(&self.url).map_err(|message| note(Field::Url, message)).ok();
        let api_url = check::optional(&self.api_url, check::server_url)
            .map_err(|message| note(Field::ApiUrl, message))
            .unwrap_or_default();
        let fallback = url.as_ref().and_then(Url::host_str).unwrap_or_default();
        let name = if self.name.trim().is_empty() { fallback } else { self.name.trim() }.to_owned();
        if let Err(message) = check::name(&name) {
            note(Field::Name, message);
        }
        let port = check::port(self.port).map_err(|message| note(Field::Port, message)).ok();
        let color = check::optional(&self.color, |text| check::one_of(text, &Color::ALL, Color::as_str))
            .map_err(|message| note(Field::Color, message))
            .unwrap_or_default();
        let connect = check::optional(&self.connect, |text| check::one_of(text, &Connect::ALL, Connect::as_str))
            .map_err(|message| note(Field::Connect, message))
            .unwrap_or_default();
        let local_programs =
            check::optional(&self.local_programs, |text| check::one_of(text, &LOCAL_PROGRAMS, local_programs_as_str))
                .map_err(|message| note(Field::LocalPrograms, message))
                .unwrap_or_default();
        let edge = self.edge.as_ref().and_then(|edge| match edge.kind.as_str() {
            "basic" => {
                if let Err(message) = check::username(&edge.username) {
                    note(Field::EdgeUsername, message);
                }
                Some(Edge::Basic { username: edge.username.clone() })
            }
            "bearer" if edge.username.is_empty() => Some(Edge::Bearer),
            "bearer" => {
                note(Field::EdgeUsername, "A bearer token has no user name. Remove it, or use kind \"basic\".".into());
                None
            }
            _ => {
                note(Field::EdgeKind, "Must be \"basic\" or \"bearer\".".into());
                None
            }
        });
        if let Some(Err(message)) = self.prefect_username.as_deref().map(check::username) {
            note(Field::PrefectUsername, message);
        }
        let authorized = self.edge.is_some() || self.prefect_username.is_some();
        let mut headers = Vec::new();
        for (index, name) in self.headers.iter().enumerate() {
            match check::header(name, authorized) {
                Ok(name) if headers.contains(&name) => {
                    note(Field::Header(index), format!("{name} is here twice. Remove one of them."));
                }
                Ok(name) => headers.push(name),
                Err(message) => note(Field::Header(index), message),
            }
        }
        // Their order means nothing; one order makes equal profiles equal.
        headers.sort_by(|one, other| one.as_str().cmp(other.as_str()));
        let tls = TlsFiles {
            ca: check::file(&self.ca_file),
            client_cert: check::file(&self.client_cert_file),
            client_key: check::file(&self.client_key_file),
            verify: self.verify,
        };
        if tls.client_key.is_some() && tls.client_cert.is_none() {
            note(
                Field::ClientKeyFile,
                "There is a client key but no client certificate. Give the certificate's file as well.".into(),
            );
        }
        let proxy = check::proxy(&self.proxy).map_err(|message| note(Field::Proxy, message)).unwrap_or_default();

        match (id, url, port) {
            (Some(id), Some(url), Some(port)) if remarks.is_empty() => Ok(Profile {
                id,
                name,
                url,
                api_url,
                port,
                color,
                read_only: self.read_only,
                connect: connect.unwrap_or_default(),
                local_programs: local_programs.unwrap_or_default(),
                edge,
                prefect_username: self.prefect_username.clone(),
                headers,
                tls,
                proxy,
            }),
            _ => Err(remarks),
        }
    }
}

/// What a person would have to write for this profile.
impl From<&Profile> for Written {
    fn from(profile: &Profile) -> Self {
        let path = |path: &Option<std::path::PathBuf>| {
            path.as_ref().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default()
        };
        Self {
            id: profile.id.to_string(),
            name: profile.name.clone(),
            url: without_slash(profile.url.as_str()),
            api_url: profile.api_url.as_ref().map(|url| without_slash(url.as_str())).unwrap_or_default(),
            port: Some(profile.port.into()),
            color: profile.color.map(Color::as_str).unwrap_or_default().to_owned(),
            read_only: profile.read_only,
            connect: profile.connect.as_str().to_owned(),
            local_programs: local_programs_as_str(profile.local_programs).to_owned(),
            edge: profile.edge.as_ref().map(|edge| match edge {
                Edge::Basic { username } => WrittenEdge::basic(username),
                Edge::Bearer => WrittenEdge::bearer(),
            }),
            prefect_username: profile.prefect_username.clone(),
            headers: profile.headers.iter().map(ToString::to_string).collect(),
            ca_file: path(&profile.tls.ca),
            client_cert_file: path(&profile.tls.client_cert),
            client_key_file: path(&profile.tls.client_key),
            verify: profile.tls.verify,
            proxy: match &profile.proxy {
                Proxy::System => "system".to_owned(),
                Proxy::None => "none".to_owned(),
                Proxy::Via(uri) => without_slash(&uri.to_string()),
            },
        }
    }
}

/// As people write an address: `https://prefect.example.com`, not `https://prefect.example.com/`.
fn without_slash(address: &str) -> String {
    address.strip_suffix('/').unwrap_or(address).to_owned()
}

const LOCAL_PROGRAMS: [LocalPrograms; 3] = [LocalPrograms::Key, LocalPrograms::Open, LocalPrograms::Off];

fn local_programs_as_str(choice: LocalPrograms) -> &'static str {
    match choice {
        LocalPrograms::Key => "key",
        LocalPrograms::Open => "open",
        LocalPrograms::Off => "off",
    }
}
