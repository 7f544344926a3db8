//! Prefect's settings as text, to those that mean something to a profile of ours.

use std::borrow::Cow;
use std::path::Path;

use postern_gateway::Secret;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Spot, dotenv};
use crate::view::Trouble;

/// A setting. None of these has changed its name from Prefect 2.14 to 3.8; some came later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    ApiUrl,
    AuthString,
    ApiKey,
    CertFile,
    SkipVerify,
    CustomHeaders,
    UiUrl,
    /// The server's own: a client does not show it.
    ServerAuthString,
    ProfilesPath,
    Home,
    Profile,
}

impl Name {
    const ALL: [Self; 11] = [
        Self::ApiUrl,
        Self::AuthString,
        Self::ApiKey,
        Self::CertFile,
        Self::SkipVerify,
        Self::CustomHeaders,
        Self::UiUrl,
        Self::ServerAuthString,
        Self::ProfilesPath,
        Self::Home,
        Self::Profile,
    ];

    /// The keys that lead there in `prefect.toml`.
    fn path(self) -> &'static [&'static str] {
        match self {
            Self::ApiUrl => &["api", "url"],
            Self::AuthString => &["api", "auth_string"],
            Self::ApiKey => &["api", "key"],
            Self::CertFile => &["api", "ssl_cert_file"],
            Self::SkipVerify => &["api", "tls_insecure_skip_verify"],
            Self::CustomHeaders => &["client", "custom_headers"],
            Self::UiUrl => &["ui_url"],
            Self::ServerAuthString => &["server", "api", "auth_string"],
            Self::ProfilesPath => &["profiles_path"],
            Self::Home => &["home"],
            Self::Profile => &["profile"],
        }
    }

    /// `PREFECT_API_URL`
    pub(super) fn variable(self) -> String {
        format!("PREFECT_{}", self.path().join("_").to_uppercase())
    }

    /// Prefect takes variables in any case.
    fn of(variable: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.variable().eq_ignore_ascii_case(variable))
    }
}

/// A setting's value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// Each may be a secret, an address too.
    Text(Secret),
    /// Headers.
    Pairs(Vec<(String, Secret)>),
}

/// A setting, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Setting {
    pub(super) name: Name,
    pub(super) value: Value,
    pub(super) spot: Spot,
}

impl Setting {
    /// Nobody means an empty one.
    fn new(name: Name, value: Value, spot: Spot) -> Option<Self> {
        let empty = match &value {
            Value::Text(text) => text.expose().trim().is_empty(),
            Value::Pairs(pairs) => pairs.is_empty(),
        };
        (!empty).then_some(Self { name, value, spot })
    }
}

/// One of Prefect's profiles.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) spot: Spot,
    pub(super) settings: Vec<Setting>,
}

/// A file that is no use, or a line of it.
pub(super) fn broken(file: &Path, line: usize, problem: &str) -> Trouble {
    let sentence = format!("{}, line {line}: {problem}.", file.display());
    Trouble::new("settings_invalid", sentence, "Correct it and look again; nothing of it was taken over.")
}

/// Variables.
pub(super) fn environment(variables: &[(String, Secret)]) -> Vec<Setting> {
    let setting = |(variable, value): &(String, Secret)| {
        let name = Name::of(variable)?;
        Setting::new(name, Value::Text(value.clone()), Spot::Variable(name.variable()))
    };
    variables.iter().filter_map(setting).collect()
}

/// `.env`: lines that cannot be read are told, as far as they are about a setting, and the others count.
pub(super) fn dotenv(file: &Path, text: &str, troubles: &mut Vec<Trouble>) -> Vec<Setting> {
    let mut settings: Vec<Setting> = Vec::new();
    for dotenv::Entry { line, key, value } in dotenv::entries(text) {
        let Some(name) = Name::of(key) else { continue };
        match value {
            Ok(value) => {
                // The last one counts.
                settings.retain(|setting| setting.name != name);
                settings.extend(Setting::new(name, Value::Text(value), at(file, line)));
            }
            Err(problem) => troubles.push(broken(file, line, &format!("{key} {problem}"))),
        }
    }
    settings
}

/// `prefect.toml`; `pyproject.toml` with `within` the table that is Prefect's.
pub(super) fn table(file: &Path, text: &str, within: &[&str], troubles: &mut Vec<Trouble>) -> Vec<Setting> {
    let Some(document) = document(file, text, troubles) else { return Vec::new() };
    let setting = |name: Name| {
        let (last, tables) = name.path().split_last()?;
        let tables = within.iter().chain(tables);
        let table = tables.copied().try_fold(document.get_ref(), |table, key| table.get(key)?.get_ref().as_table())?;
        let value = table.get(*last)?;
        Setting::new(name, read(value)?, at(file, line_of(text, value)))
    };
    Name::ALL.into_iter().filter_map(setting).collect()
}

/// `profiles.toml`: the name of the active one, and all of them.
pub(super) fn profiles(file: &Path, text: &str, troubles: &mut Vec<Trouble>) -> (Option<String>, Vec<Named>) {
    let Some(document) = document(file, text, troubles) else { return (None, Vec::new()) };
    let document = document.get_ref();
    let active = document.get("active").and_then(|active| active.get_ref().as_str()).map(str::to_owned);
    let tables = document.get("profiles").and_then(|profiles| profiles.get_ref().as_table());
    let named = |(key, value): (&Spanned<Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
        let setting = |(key, value): (&Spanned<Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
            let name = Name::of(key.get_ref())?;
            Setting::new(name, read(value)?, at(file, line_of(text, value)))
        };
        let settings = value.get_ref().as_table()?.iter().filter_map(setting).collect();
        Some(Named { name: key.get_ref().to_string(), spot: at(file, line_of(text, key)), settings })
    };
    let mut profiles: Vec<Named> = tables.into_iter().flat_map(|table| table.iter()).filter_map(named).collect();
    profiles.sort_by(|one, other| one.spot.cmp(&other.spot));
    (active, profiles)
}

fn document<'t>(file: &Path, text: &'t str, troubles: &mut Vec<Trouble>) -> Option<Spanned<DeTable<'t>>> {
    match DeTable::parse(text) {
        Ok(document) => Some(document),
        Err(error) => {
            let line = line(text, error.span().unwrap_or_default().start);
            troubles.push(broken(file, line, &format!("not valid TOML: {}", error.message())));
            None
        }
    }
}

/// Whatever can be one; truth and numbers as they are written.
fn read(value: &Spanned<DeValue<'_>>) -> Option<Value> {
    let text = match value.get_ref() {
        DeValue::String(text) => text.as_ref(),
        DeValue::Integer(number) => number.as_str(),
        DeValue::Boolean(truth) => {
            if *truth {
                "true"
            } else {
                "false"
            }
        }
        DeValue::Table(table) => {
            let pair = |(key, value): (&Spanned<Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
                Some((key.get_ref().to_string(), Secret::new(value.get_ref().as_str()?)))
            };
            return Some(Value::Pairs(table.iter().filter_map(pair).collect()));
        }
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Array(_) => return None,
    };
    Some(Value::Text(Secret::new(text)))
}

fn at(file: &Path, line: usize) -> Spot {
    Spot::Line { file: file.to_owned(), line }
}

fn line_of<T>(text: &str, value: &Spanned<T>) -> usize {
    line(text, value.span().start)
}

fn line(text: &str, place: usize) -> usize {
    let before = text.as_bytes().get(..place).unwrap_or_default();
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}
