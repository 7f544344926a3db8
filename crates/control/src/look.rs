//! A look at a server that is being set up, or that fails: its diagnosis, run live.
//!
//! 1. What a form has is checked by what checks it when it is saved ([`prepare`]). Nothing is saved here: secrets
//!    that were typed are in a vault of their own, in memory, for as long as the look lasts.
//! 2. An address as people paste it may mean several places ([`address`]). They are tried in turn only with nothing
//!    to show: a credential goes to one place alone.
//! 3. What a look comes to says what is to be asked next ([`Ask`]), and nothing that the server does not ask for.

pub(crate) mod address;
mod suggest;
#[cfg(test)]
mod tests;

use postern_gateway::Secret;
use serde::Serialize;
use ts_rs::TS;
use url::Url;

pub(crate) use self::suggest::{named, suggest};
use crate::change::{Change, SecretChange};
use crate::diagnosis::{Check, Layer, Report, Subject, diagnose};
use crate::folders::Folders;
use crate::profile::{Profile, ProfileId, Slot, Written};
use crate::resolve::{self, FileKind, ResolveError};
use crate::vault::{Vault, VaultError};
use crate::view::{Draft, EdgeDraft, FieldError, PrefectDraft, SaveErrors, prepare};

/// A look: how far it is, or what it came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// Tells it from others of the same server.
    pub number: u64,
    /// Those that have ended, in their order.
    pub checks: Vec<Check>,
    /// `None` while it is under way.
    pub end: Option<End>,
}

impl Look {
    /// One that begins.
    pub(crate) fn new(number: u64) -> Self {
        Self { number, checks: Vec::new(), end: None }
    }

    /// Goes on with what it was told.
    pub(crate) fn take(&mut self, news: News) {
        match news {
            News::Again => self.checks.clear(),
            News::Check(check) => self.checks.push(*check),
            News::End(end) => self.end = Some(end),
        }
    }
}

/// What a look came to.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// Something has to be put right first: nobody was asked.
    Unfit(SaveErrors),
    /// Somebody answered, or nobody did.
    Seen {
        /// The address of the UI that was looked at.
        url: Url,
        /// All that was found.
        report: Box<Report>,
    },
}

/// What is heard of a look under way.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// Another place that the address may mean: what was said of the one before no longer holds.
    Again,
    /// A check has ended.
    Check(Box<Check>),
    /// All have.
    End(End),
}

/// What a server asks for: questions that a form has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// User name and password of the edge, or its token.
    Edge,
    /// Prefect's auth string.
    Prefect,
    /// Further headers.
    Headers,
    /// The certificate of a CA that the system does not know.
    Ca,
    /// A client certificate.
    ClientCertificate,
    /// The way out.
    Proxy,
}

impl Ask {
    /// What would help, of what a form can give.
    #[must_use]
    pub fn of(report: &Report) -> &'static [Self] {
        match report.code.as_str() {
            "edge_credential_missing" | "edge_credential_wrong" => &[Self::Edge],
            "prefect_credential_missing" | "prefect_credential_wrong" | "auth_message_refused" => &[Self::Prefect],
            "authorization_conflict" | "edge_credential_misplaced" => &[Self::Edge, Self::Prefect],
            "sign_in_required" if report.server.edge.as_deref() == Some("Cloudflare Access") => &[Self::Headers],
            "sign_in_required" => &[Self::Edge, Self::Headers],
            "edge_refused" => &[Self::Headers],
            _ if report.wants_ca => &[Self::Ca],
            "client_certificate_missing" | "client_certificate_refused" => &[Self::ClientCertificate],
            _ if report.layer == Layer::Proxy => &[Self::Proxy],
            _ => &[],
        }
    }
}

/// One place to look at, and what there is to show it.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    profile: Box<Profile>,
    /// Not in the vault yet.
    typed: Vec<SecretChange>,
    /// Whose secrets are in the vault already.
    kept: Option<ProfileId>,
}

impl Plan {
    /// The profile as it is saved.
    pub(crate) fn saved(profile: &Profile) -> Self {
        Self { profile: Box::new(profile.clone()), typed: Vec::new(), kept: Some(profile.id.clone()) }
    }
}

/// The places that what a form has may mean, the likeliest first; never none.
///
/// # Errors
/// What is wrong with it, field by field.
pub(crate) fn plans(draft: &Draft, profiles: &[&Profile]) -> Result<Vec<Plan>, SaveErrors> {
    // A saved address is what somebody meant.
    let mut places = if draft.id.is_some() { vec![draft.url.clone()] } else { address::candidates(&draft.url) };
    if shows_something(draft) {
        places.truncate(1);
    }
    places.into_iter().map(|url| plan(&Draft { url, ..draft.clone() }, profiles)).collect()
}

fn plan(draft: &Draft, profiles: &[&Profile]) -> Result<Plan, SaveErrors> {
    let (before, mut written, typed) = match prepare(draft, profiles)? {
        Change::Put { before, written, secrets } => (before, *written, secrets),
        // No form removes.
        Change::Remove { id } => return Err(crate::store::StoreError::NoSuchProfile(id.to_string()).into()),
    };
    // Nobody listens there.
    written.port = written.port.or(Some(1024));
    let profile = Written::check(&written)
        .map_err(|remarks| SaveErrors { errors: remarks.into_iter().map(FieldError::from).collect() })?;
    Ok(Plan { profile: Box::new(profile), typed, kept: before.map(|before| before.id) })
}

/// Whether a server sees anything but that it is asked.
fn shows_something(draft: &Draft) -> bool {
    draft.edge != EdgeDraft::None
        || draft.prefect != PrefectDraft::None
        || !draft.headers.is_empty()
        || !draft.client_cert_file.trim().is_empty()
}

/// Looks at one after the other, as long as another may do better. `tell` hears of each check when it has ended.
///
/// Takes less than 30 seconds for each.
pub(crate) async fn look(plans: Vec<Plan>, folders: &Folders, vault: &Vault, tell: impl Fn(News) + Send + Sync) -> End {
    let mut first = None;
    for plan in plans {
        if first.is_some() {
            tell(News::Again);
        }
        let end = match look_at(&plan, folders, vault, &tell).await {
            Ok(report) => End::Seen { url: plan.profile.url.clone(), report: Box::new(report) },
            Err(error) => End::Unfit(unfit(&error)),
        };
        match &end {
            End::Seen { report, .. } if is_elsewhere(report) => {}
            End::Seen { .. } | End::Unfit(_) => return end,
        }
        // Where none does, what is said is about what was meant most likely.
        first.get_or_insert(end);
    }
    first.unwrap_or_else(|| End::Unfit(SaveErrors { errors: Vec::new() }))
}

/// Whether it may be there under the address's other scheme.
fn is_elsewhere(report: &Report) -> bool {
    report.layer == Layer::Tcp || matches!(report.code.as_str(), "https_not_spoken" | "https_required" | "tls_failed")
}

async fn look_at(
    plan: &Plan,
    folders: &Folders,
    vault: &Vault,
    tell: &(impl Fn(News) + Send + Sync),
) -> Result<Report, ResolveError> {
    let secrets = gather(plan, vault).await?;
    let remote = resolve::remote(&plan.profile, folders, &secrets).await?;
    // No command is told to who has the form before them, and who types waits for no more than they must.
    let subject = Subject { profile: None, remote, thorough: false };
    Ok(diagnose(&subject, |check| tell(News::Check(Box::new(check.clone())))).await)
}

/// What was typed, and for the rest what is saved.
async fn gather(plan: &Plan, vault: &Vault) -> Result<Vault, VaultError> {
    let saved = async |slot: &Slot| match &plan.kept {
        Some(id) => vault.get(id, slot).await,
        None => Ok(None),
    };
    let secrets = Vault::memory();
    let id = &plan.profile.id;
    for slot in plan.profile.slots() {
        let typed = plan.typed.iter().find(|change| change.slot() == &slot);
        let secret: Option<Secret> = match typed {
            Some(SecretChange::Set(_, secret)) => Some(secret.clone()),
            Some(SecretChange::Copy(from, _)) => saved(from).await?,
            None => saved(&slot).await?,
        };
        if let Some(secret) = secret {
            secrets.set(id, &slot, secret).await?;
        }
    }
    Ok(secrets)
}

/// At its field, where it has one.
fn unfit(error: &ResolveError) -> SaveErrors {
    let field = |what: &FileKind| match what {
        FileKind::Ca => "caFile",
        FileKind::ClientCertificate => "clientCertFile",
        FileKind::ClientKey => "clientKeyFile",
    };
    let (field, said) = match error {
        ResolveError::File { what, source, .. } => (field(what), format!("Cannot be read: {source}.")),
        ResolveError::Certificate { what, problem, .. } => (field(what), format!("Cannot be used: {problem}.")),
        ResolveError::SecretMissing { .. } | ResolveError::Vault(_) => return SaveErrors::whole(&error.trouble()),
    };
    SaveErrors { errors: vec![FieldError::new(field, format!("{} {}", said, error.remedy()))] }
}
