//! From a draft to a change that can be stored; or, field by field, what is in the way.

use super::{Draft, EdgeDraft, FieldError, PrefectDraft, SaveErrors, SecretInput, shares_edge};
use crate::change::{Change, SecretChange};
use crate::profile::{Color, Profile, ProfileId, Slot, Written, WrittenEdge, file};
use crate::store::StoreError;
use crate::text::capitalised;

/// Checks all that can be checked without file and vault. `profiles` are those there are.
///
/// # Errors
/// Everything that is wrong with it, field by field.
pub(crate) fn prepare(draft: &Draft, profiles: &[&Profile]) -> Result<Change, SaveErrors> {
    let before = match &draft.id {
        None => None,
        Some(id) => match profiles.iter().find(|profile| profile.id.as_str() == id) {
            Some(before) => Some(*before),
            None => return Err(StoreError::NoSuchProfile(id.clone()).into()),
        },
    };
    let mut errors = Vec::new();
    let written = written(draft, before, profiles, &mut errors);

    // The store assigns a new profile's port; here any that is free will do.
    let free =
        || (1024..=u16::MAX).find(|port| Profile::may_use_port(*port) && profiles.iter().all(|p| p.port != *port));
    let complete = Written { port: written.port.or_else(|| free().map(i64::from)), ..written.clone() };
    if let Err(remarks) = complete.check() {
        errors.extend(remarks.into_iter().map(FieldError::from));
    }
    let others = profiles.iter().filter(|profile| before.is_none_or(|before| before.id != profile.id));
    let all: Vec<Written> = others.map(|profile| Written::from(*profile)).chain([complete]).collect();
    let clashes = file::clashes(all.iter()).into_iter().filter(|(at, _)| at + 1 == all.len());
    errors.extend(clashes.map(|(_, remark)| FieldError::from(remark)));

    let secrets = Secrets { before, changes: Vec::new(), errors }.of(draft);
    if secrets.errors.is_empty() {
        Ok(Change::Put { before: before.cloned().map(Box::new), written: Box::new(written), secrets: secrets.changes })
    } else {
        Err(SaveErrors { errors: secrets.errors })
    }
}

fn written(draft: &Draft, before: Option<&Profile>, profiles: &[&Profile], errors: &mut Vec<FieldError>) -> Written {
    let edge_username = match &draft.edge {
        EdgeDraft::Basic { username, .. } => Some(username.clone()),
        EdgeDraft::None | EdgeDraft::Bearer { .. } => None,
    };
    let prefect_username = match &draft.prefect {
        PrefectDraft::None => None,
        PrefectDraft::Own { username, .. } => Some(username.clone()),
        PrefectDraft::SameAsEdge if edge_username.is_some() => edge_username.clone(),
        PrefectDraft::SameAsEdge => {
            let message = "The edge has no user name and password to take over. Enter Prefect's own, or none.";
            errors.push(FieldError::new("prefect", message));
            None
        }
    };
    Written {
        id: before.map_or_else(|| new_id(draft, profiles), |before| before.id.clone()).to_string(),
        name: draft.name.clone(),
        url: draft.url.clone(),
        api_url: draft.api_url.clone(),
        port: draft.port.map(i64::from).or_else(|| before.map(|before| before.port.into())),
        color: draft.color.map(Color::as_str).unwrap_or_default().to_owned(),
        read_only: draft.read_only,
        connect: draft.connect.as_str().to_owned(),
        local_programs: draft.local_programs.as_str().to_owned(),
        edge: match &draft.edge {
            EdgeDraft::None => None,
            EdgeDraft::Basic { username, .. } => Some(WrittenEdge::basic(username)),
            EdgeDraft::Bearer { .. } => Some(WrittenEdge::bearer()),
        },
        prefect_username,
        headers: draft.headers.iter().map(|header| header.name.clone()).collect(),
        ca_file: draft.ca_file.trim().to_owned(),
        client_cert_file: draft.client_cert_file.trim().to_owned(),
        client_key_file: draft.client_key_file.trim().to_owned(),
        verify: draft.verify,
        proxy: draft.proxy.clone(),
    }
}

/// From the name, else from the address's host.
fn new_id(draft: &Draft, profiles: &[&Profile]) -> ProfileId {
    let taken: Vec<ProfileId> = profiles.iter().map(|profile| profile.id.clone()).collect();
    let host = || url::Url::parse(draft.url.trim()).ok().and_then(|url| url.host_str().map(str::to_owned));
    let name = if draft.name.trim().is_empty() { host().unwrap_or_default() } else { draft.name.clone() };
    ProfileId::from_name(&name, &taken)
}

/// Gathers what goes into the vault.
struct Secrets<'d> {
    before: Option<&'d Profile>,
    changes: Vec<SecretChange>,
    errors: Vec<FieldError>,
}

impl Secrets<'_> {
    fn of(mut self, draft: &Draft) -> Self {
        match &draft.edge {
            EdgeDraft::None => {}
            EdgeDraft::Basic { password, .. } => self.take("edge.password", Slot::EdgePassword, password),
            EdgeDraft::Bearer { token } => self.take("edge.token", Slot::EdgeToken, token),
        }
        match (&draft.prefect, &draft.edge) {
            (PrefectDraft::Own { password, .. }, _) => self.take("prefect.password", Slot::PrefectPassword, password),
            (PrefectDraft::SameAsEdge, EdgeDraft::Basic { password, .. }) => self.share(password),
            (PrefectDraft::SameAsEdge, EdgeDraft::None | EdgeDraft::Bearer { .. }) | (PrefectDraft::None, _) => {}
        }
        for (index, header) in draft.headers.iter().enumerate() {
            // A name that is none is an error of its own field already.
            if let Ok(name) = header.name.trim().parse() {
                self.take(&format!("headers.{index}.value"), Slot::Header(name), &header.value);
            }
        }
        if !draft.client_cert_file.trim().is_empty() {
            if draft.client_key_file.trim().is_empty() {
                self.take("clientKey", Slot::ClientKey, &draft.client_key);
            }
            self.take("clientKeyPassword", Slot::ClientKeyPassword, &draft.client_key_password);
        }
        self
    }

    fn take(&mut self, field: &str, slot: Slot, input: &SecretInput) {
        match input {
            SecretInput::Set(secret) if secret.is_empty() => {
                self.errors.push(FieldError::new(field, "Is empty. Enter the value."));
            }
            SecretInput::Set(secret) => match slot.check(secret) {
                Ok(()) => self.changes.push(SecretChange::Set(slot, secret.clone())),
                Err(unfit) => {
                    let message = format!("{}. Enter it again.", capitalised(unfit.problem));
                    self.errors.push(FieldError::new(field, message));
                }
            },
            SecretInput::Keep if slot.is_optional() || self.had(&slot) => {}
            SecretInput::Keep => {
                self.errors.push(FieldError::new(field, "Nothing is saved here yet. Enter the value."));
            }
        }
    }

    /// Prefect's password is the edge's. Where it was so before, and the edge's stays, there is nothing to do.
    fn share(&mut self, password: &SecretInput) {
        match password {
            // What is wrong with it is the edge field's error.
            SecretInput::Set(secret) if Slot::PrefectPassword.check(secret).is_ok() => {
                self.changes.push(SecretChange::Set(Slot::PrefectPassword, secret.clone()));
            }
            SecretInput::Set(_) => {}
            SecretInput::Keep if self.before.is_some_and(shares_edge) => {}
            SecretInput::Keep => self.changes.push(SecretChange::Copy(Slot::EdgePassword, Slot::PrefectPassword)),
        }
    }

    fn had(&self, slot: &Slot) -> bool {
        self.before.is_some_and(|before| before.slots().contains(slot))
    }
}
