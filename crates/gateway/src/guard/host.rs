//! The exact `Host` allowlist: what stops DNS rebinding.

use http::header::HOST;
use http::request::Parts;

use crate::fault::Fault;

/// The names this gateway answers to, each with its port, as origins: `http://…`.
#[derive(Debug)]
pub(crate) struct Names([String; 4]);

const SCHEME: &str = "http://";

impl Names {
    pub(crate) fn new(profile: &str, port: u16) -> Self {
        Self([
            format!("{SCHEME}127.0.0.1:{port}"),
            format!("{SCHEME}localhost:{port}"),
            format!("{SCHEME}[::1]:{port}"),
            format!("{SCHEME}{profile}.localhost:{port}"),
        ])
    }

    /// Our own spelling of a name of ours; browsers send lower case, others may not (RFC 9110, section 4.2.3).
    fn origin(&self, host: &str) -> Option<&str> {
        self.0.iter().map(String::as_str).find(|origin| origin[SCHEME.len()..].eq_ignore_ascii_case(host))
    }
}

/// Our own origin as the request names it, in our spelling.
pub(crate) fn check<'n>(request: &Parts, names: &'n Names) -> Result<&'n str, Fault> {
    let mut lines = request.headers.get_all(HOST).iter();
    let (Some(host), None) = (lines.next(), lines.next()) else {
        // RFC 9112, section 3.2: exactly one.
        return Err(Fault::Malformed("one Host header is needed"));
    };
    let host = host.to_str().map_err(|_| Fault::Malformed("Host has characters no host has"))?;
    if host.is_empty() || host.contains([',', '@', '/', '?', '#', '\\', ' ', '\t']) {
        return Err(Fault::Malformed("Host is not host:port"));
    }
    let origin = names.origin(host).ok_or(Fault::ForeignHost)?;
    // Absolute form: the authority decides (RFC 9112, section 3.2.2), so it must be the same name.
    if let Some(authority) = request.uri.authority()
        && !origin[SCHEME.len()..].eq_ignore_ascii_case(authority.as_str())
    {
        return Err(Fault::ForeignHost);
    }
    Ok(origin)
}
