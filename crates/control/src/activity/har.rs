//! Exchanges as an HTTP Archive, version 1.2 (<http://www.softwareishard.com/blog/har-12-spec/>): what browsers'
//! developer tools read.
//!
//! Headers, cookies, queries and bodies are empty: they were never recorded. What the format has no field for begins
//! with an underscore, as it asks.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use http::StatusCode;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use crate::profile::Profile;
use crate::view::ExchangeView;

/// The archive, as JSON.
#[must_use]
pub fn archive(profile: &Profile, exchanges: &[ExchangeView]) -> String {
    let entries: Vec<Value> = exchanges.iter().map(|exchange| entry(profile, exchange)).collect();
    let log = json!({"log": {
        "version": "1.2",
        "creator": {"name": "Postern", "version": env!("CARGO_PKG_VERSION")},
        "entries": entries,
        "comment": "Headers, cookies, queries and bodies are left out.",
    }});
    format!("{log:#}\n")
}

fn entry(profile: &Profile, exchange: &ExchangeView) -> Value {
    let status = exchange.status.and_then(|status| StatusCode::from_u16(status).ok());
    json!({
        "startedDateTime": started(exchange.at_ms),
        "time": exchange.lasted_ms,
        "request": {
            "method": exchange.method,
            "url": format!("{}{}", profile.local_origin(), exchange.path),
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": [],
            "queryString": [],
            "headersSize": -1,
            "bodySize": exchange.received,
        },
        "response": {
            // As browsers say it of a request that nobody waited for.
            "status": exchange.status.unwrap_or(0),
            "statusText": status.and_then(|status| status.canonical_reason()).unwrap_or_default(),
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": [],
            "content": {"size": exchange.sent, "mimeType": "x-unknown"},
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": exchange.sent,
        },
        "cache": {},
        "timings": {"send": 0, "wait": exchange.took_ms, "receive": (exchange.lasted_ms - exchange.took_ms).max(0.0)},
        "_door": exchange.door,
        "_fault": exchange.fault.as_ref().map(|trouble| &trouble.code),
    })
}

fn started(at_ms: u64) -> String {
    let at = OffsetDateTime::UNIX_EPOCH + std::time::Duration::from_millis(at_ms);
    at.format(&Rfc3339).unwrap_or_default()
}

/// Writes an archive to a new file in `folder`, for this user only, and says which.
///
/// # Errors
/// When the system does not let us, and where a file of that name is there.
pub fn save(folder: &Path, profile: &Profile, archive: &str) -> io::Result<PathBuf> {
    let now = OffsetDateTime::from(SystemTime::now());
    let now =
        now.format(format_description!("[year][month][day]T[hour][minute][second]Z")).map_err(io::Error::other)?;
    let path = folder.join(format!("postern-{}-{now}.har", profile.id));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&path)?.write_all(archive.as_bytes())?;
    Ok(path)
}
