//! `postern list` and `postern show`: what there is, and which secrets are saved. Never a secret.

use postern_control::profile::{Profile, ProfileId, Slot, Written};
use postern_control::vault::VaultError;
use serde::Serialize;

use super::Context;
use crate::failure::Failure;

pub(super) async fn list(context: &Context) -> Result<(), Failure> {
    let store = context.store()?;
    let mut secrets = Secrets::default();
    let mut rows = Vec::new();
    for profile in store.profiles() {
        rows.push((profile, secrets.of(profile, context).await));
    }
    let values: Vec<Row<'_>> = rows.iter().map(|(profile, saved)| Row::of(profile, saved)).collect();
    context.output.result(&values, || {
        if !rows.is_empty() {
            return table(&rows);
        }
        format!("No profiles yet in {}. `postern add --url …` adds one.", context.folders.config().display())
    })?;
    secrets.explain(context);
    Ok(())
}

pub(super) async fn show(context: &Context, id: &ProfileId) -> Result<(), Failure> {
    let profile = context.profile(id)?;
    let mut secrets = Secrets::default();
    let saved = secrets.of(&profile, context).await;
    context.output.result(&Row::of(&profile, &saved), || text(&profile, &saved))?;
    secrets.explain(context);
    context.warn_about(&profile);
    Ok(())
}

/// Slots, and whether each is filled; `None` where the vault does not say.
type Saved = Vec<(Slot, Option<bool>)>;

/// What the vault says, asked again for no profile once it cannot answer.
#[derive(Default)]
struct Secrets {
    silent: Option<VaultError>,
}

impl Secrets {
    async fn of(&mut self, profile: &Profile, context: &Context) -> Saved {
        if self.silent.is_none() {
            match context.vault.filled(profile).await {
                Ok(filled) => return filled.into_iter().map(|(slot, there)| (slot, Some(there))).collect(),
                Err(error) => self.silent = Some(error),
            }
        }
        profile.slots().into_iter().map(|slot| (slot, None)).collect()
    }

    /// Profiles can be shown without the vault; why it says nothing is told beside.
    fn explain(&self, context: &Context) {
        if let Some(error) = &self.silent {
            context.output.note(&format!("postern: {error}\n  {} [{}]", error.remedy(), error.code()));
        }
    }
}

/// A profile as JSON: these names stay.
#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    name: &'a str,
    url: String,
    api_url: Option<String>,
    port: u16,
    color: Option<&'static str>,
    read_only: bool,
    connect: String,
    local_programs: String,
    edge: Option<EdgeRow>,
    prefect: Option<PrefectRow<'a>>,
    headers: Vec<String>,
    tls: TlsRow,
    proxy: String,
    local_api_url: String,
    secrets: Vec<SecretRow>,
}

#[derive(Serialize)]
struct EdgeRow {
    kind: String,
    username: Option<String>,
}

#[derive(Serialize)]
struct PrefectRow<'a> {
    username: &'a str,
}

#[derive(Serialize)]
struct TlsRow {
    ca_file: Option<String>,
    client_cert_file: Option<String>,
    client_key_file: Option<String>,
    verify: bool,
}

#[derive(Serialize)]
struct SecretRow {
    slot: String,
    saved: Option<bool>,
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

impl<'a> Row<'a> {
    fn of(profile: &'a Profile, saved: &Saved) -> Self {
        let written = Written::from(profile);
        Self {
            id: profile.id.as_str(),
            name: &profile.name,
            url: written.url,
            api_url: some(written.api_url),
            port: profile.port,
            color: profile.color.map(postern_control::profile::Color::as_str),
            read_only: profile.read_only,
            connect: written.connect,
            local_programs: written.local_programs,
            edge: written.edge.map(|edge| EdgeRow { kind: edge.kind, username: some(edge.username) }),
            prefect: profile.prefect_username.as_deref().map(|username| PrefectRow { username }),
            headers: written.headers,
            tls: TlsRow {
                ca_file: some(written.ca_file),
                client_cert_file: some(written.client_cert_file),
                client_key_file: some(written.client_key_file),
                verify: profile.tls.verify,
            },
            proxy: written.proxy,
            local_api_url: profile.local_api_url(),
            secrets: saved.iter().map(|(slot, saved)| SecretRow { slot: slot.to_string(), saved: *saved }).collect(),
        }
    }
}

fn table(rows: &[(&Profile, Saved)]) -> String {
    let mut lines = vec![["ID", "NAME", "URL", "PORT", "SECRETS"].map(str::to_owned)];
    lines.extend(rows.iter().map(|(profile, saved)| {
        let written = Written::from(*profile);
        [written.id, written.name, written.url, profile.port.to_string(), summary(saved)]
    }));
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default();
    let widths = [width(0), width(1), width(2), width(3)];
    let mut table = String::new();
    for [id, name, url, port, secrets] in &lines {
        let [w0, w1, w2, w3] = widths;
        let line = format!("{id:w0$}  {name:w1$}  {url:w2$}  {port:w3$}  {secrets}");
        table.push_str(line.trim_end());
        table.push('\n');
    }
    table
}

fn summary(saved: &Saved) -> String {
    let missing: Vec<String> = saved
        .iter()
        .filter(|(slot, saved)| *saved == Some(false) && !slot.is_optional())
        .map(|(slot, _)| slot.to_string())
        .collect();
    if saved.is_empty() {
        "none needed".to_owned()
    } else if saved.iter().any(|(_, saved)| saved.is_none()) {
        "unknown".to_owned()
    } else if missing.is_empty() {
        "saved".to_owned()
    } else {
        format!("missing: {}", missing.join(", "))
    }
}

fn text(profile: &Profile, saved: &Saved) -> String {
    let written = Written::from(profile);
    let mut lines = vec![format!("{} ({})", written.name, written.id)];
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            lines.push(format!("  {name:16} {value}"));
        }
    };
    line("address", &written.url);
    line("API address", &written.api_url);
    line("for programs", &profile.local_api_url());
    line("color", &written.color);
    line("read-only", if profile.read_only { "yes" } else { "" });
    line("connect", &written.connect);
    line("local programs", &written.local_programs);
    if let Some(edge) = &written.edge {
        line("edge", &format!("{} {}", edge.kind, edge.username));
    }
    line("Prefect user", written.prefect_username.as_deref().unwrap_or_default());
    line("headers", &written.headers.join(", "));
    line("CA file", &written.ca_file);
    line("client cert", &written.client_cert_file);
    line("client key", &written.client_key_file);
    line("certificate", if written.verify { "" } else { "NOT CHECKED" });
    line("proxy", if written.proxy == "system" { "" } else { &written.proxy });
    for (slot, saved) in saved {
        let state = match saved {
            Some(true) => "saved",
            Some(false) if slot.is_optional() => "none",
            Some(false) => "missing",
            None => "unknown",
        };
        line("secret", &format!("{slot}: {state}"));
    }
    lines.join("\n")
}
