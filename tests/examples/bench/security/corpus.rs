//! What is sent, as data: templates, filled in for each contender.
//!
//! - `{host}` is the contender's own address, `{auth}` the header lines that its clients show, `{id}` a word that is found
//!   again in what the server saw.
//! - `{inner}` is a request that hides in a body, `{innerhex}` its length in hexadecimal, `{len}` the length of the body.

mod payloads;
mod probes;

use std::fmt;
use std::sync::LazyLock;

/// One that is sent.
#[derive(Debug)]
pub(crate) struct Case {
    class: &'static str,
    /// What is odd about it.
    note: String,
    head: String,
    body: String,
    /// Read in two ways, it is two requests, or one with another body.
    pub(crate) severe: bool,
    pub(crate) expect: Expect,
}

/// What should become of a probe.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expect {
    /// Refused or ignored; the server sees nothing of it.
    Refused,
    /// Refused with one of these statuses.
    Status(&'static [u16]),
    /// Forwarded as one plain request, and answered.
    Passed,
    /// Forwarded with this in it, and answered.
    With(&'static str),
    /// If it is forwarded, then without this.
    Without(&'static str),
    /// So many good answers.
    Answers(usize),
    /// Refused, or forwarded so that it has one reading only.
    Unambiguous,
}

const INNER: &str = "GET /{id}-inner HTTP/1.1\r\nHost: {host}\r\n\r\n";

impl Case {
    fn payload(class: &'static str, severe: bool, note: impl Into<String>, head: &str, body: &str) -> Self {
        let expect = Expect::Unambiguous;
        Self { class, note: note.into(), head: head.to_owned(), body: body.to_owned(), severe, expect }
    }

    fn probe(class: &'static str, note: impl Into<String>, expect: Expect, head: &str, body: &str) -> Self {
        Self { class, note: note.into(), head: head.to_owned(), body: body.to_owned(), severe: false, expect }
    }

    /// Tells payloads and probes apart in an id.
    pub(crate) fn kind(&self) -> char {
        if matches!(self.expect, Expect::Unambiguous) { 's' } else { 'p' }
    }

    pub(crate) fn bytes(&self, host: &str, headers: &str, id: &str) -> Vec<u8> {
        let fill = |text: &str| text.replace("{host}", host).replace("{auth}", headers).replace("{id}", id);
        let inner = fill(INNER);
        let hex = format!("{:x}", inner.len());
        let body = fill(&self.body).replace("{innerhex}", &hex).replace("{inner}", &inner);
        let head = fill(&self.head).replace("{len}", &body.len().to_string());
        [head, body].concat().into_bytes()
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.class, self.note.escape_debug())
    }
}

pub(crate) fn payloads() -> &'static [Case] {
    static ALL: LazyLock<Vec<Case>> = LazyLock::new(payloads::all);
    &ALL
}

pub(crate) fn probes() -> &'static [Case] {
    static ALL: LazyLock<Vec<Case>> = LazyLock::new(probes::all);
    &ALL
}
