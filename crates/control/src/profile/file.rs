//! profiles.toml: from text to profiles, and a change to profiles back into the text.

mod edit;
mod read;
#[cfg(test)]
mod tests;

use std::fmt;

pub use edit::edit;
pub use read::parse;

use super::{Field, Remark, Written};

/// What there is to say about a line of the file: an error, or a warning.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileRemark {
    /// From 1.
    pub line: usize,
    /// The field's path below `[[profile]]`, or the file's; empty where it is no field's.
    pub field: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for FileRemark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, field, message } = self;
        if field.is_empty() { write!(f, "{line}: {message}") } else { write!(f, "{line}: {field}: {message}") }
    }
}

/// What two profiles may not share, by the place of the later one.
pub(crate) fn clashes<'w>(profiles: impl Iterator<Item = &'w Written>) -> Vec<(usize, Remark)> {
    let mut clashes = Vec::new();
    let mut earlier: Vec<&Written> = Vec::new();
    for (index, profile) in profiles.enumerate() {
        for Written { id, name, port, .. } in &earlier {
            let who = if name.is_empty() { id } else { name };
            if profile.id == *id && !id.is_empty() {
                let message = format!("The profile “{who}” has the id {id} already. Choose another.");
                clashes.push((index, Remark::new(Field::Id, message)));
            }
            if let Some(port) = port.filter(|_| profile.port == *port) {
                let message = format!("The profile “{who}” has port {port} already. Choose another.");
                clashes.push((index, Remark::new(Field::Port, message)));
            }
        }
        earlier.push(profile);
    }
    clashes
}
