//! The one place that prints.
//!
//! Results go to standard output: text, or with `--json` one JSON value a line. Everything else goes to standard
//! error, so that `$(postern env prod)` gets what it asked for and nothing more.

use std::io::{self, Write};

use postern_control::view::Trouble;
use serde::Serialize;
use serde_json::json;

use crate::failure::Failure;

/// Where and how to print.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// The result: as JSON where that is asked for, else as `text` says it.
    pub(crate) fn result(&self, value: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), Failure> {
        if self.json {
            let line = serde_json::to_string(value).map_err(|error| Failure::system(error.into()))?;
            print(&mut io::stdout().lock(), &line)
        } else {
            print(&mut io::stdout().lock(), text().trim_end_matches('\n'))
        }
    }

    /// A line of a text that comes piece by piece, or for a shell; programs that read JSON have no use for it.
    pub(crate) fn line(&self, line: &str) -> Result<(), Failure> {
        if self.json { Ok(()) } else { print(&mut io::stdout().lock(), line) }
    }

    /// A word to a person; programs have no use for it.
    pub(crate) fn note(&self, text: &str) {
        if !self.json {
            tell(text);
        }
    }

    /// Something to see, that stops nothing.
    pub(crate) fn warning(&self, profile: &str, field: &str, message: &str) {
        if self.json {
            tell(&json!({"warning": {"profile": profile, "field": field, "message": message}}).to_string());
        } else {
            tell(&format!("postern: warning: {profile}: {field}: {message}"));
        }
    }

    /// What is wrong with a profile that is being served, or, without trouble, that nothing is any more.
    pub(crate) fn state(&self, profile: &str, trouble: Option<&Trouble>) {
        match (self.json, trouble) {
            (true, None) => tell(&json!({"event": "recovered", "profile": profile}).to_string()),
            (true, Some(Trouble { code, sentence, remedy })) => tell(
                &json!({"event": "fault", "profile": profile, "code": code, "sentence": sentence, "remedy": remedy})
                    .to_string(),
            ),
            (false, None) => tell(&format!("{profile}: all is well.")),
            (false, Some(Trouble { code, sentence, remedy })) => {
                tell(&format!("{profile}: {sentence}\n  {remedy} [{code}]"));
            }
        }
    }

    /// The command's bad end.
    pub(crate) fn trouble(&self, trouble: &Trouble) {
        let Trouble { code, sentence, remedy } = trouble;
        if self.json {
            tell(&json!({"error": {"code": code, "sentence": sentence, "remedy": remedy}}).to_string());
        } else {
            tell(&format!("postern: {sentence}\n  {remedy} [{code}]"));
        }
    }
}

/// Who closes the pipe has read enough; a full disk is an error.
fn print(to: &mut impl Write, text: &str) -> Result<(), Failure> {
    match writeln!(to, "{text}").and_then(|()| to.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::system(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn tell(text: &str) {
    // Nowhere is left to say that this cannot be said.
    drop(writeln!(io::stderr().lock(), "{text}"));
}
