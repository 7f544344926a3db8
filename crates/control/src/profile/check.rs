//! The rules for each field of a profile. Messages say what is wrong and what to do; they never repeat an
//! address or a value, which may have a password in it by mistake.

use std::net::IpAddr;
use std::path::PathBuf;

use http::HeaderName;
use postern_gateway::{Proxy, header_may_be_set};
use url::{Host, Url};

use super::{Field, Profile, Remark};

type Checked<T> = Result<T, String>;

/// What was left out stays out.
pub(super) fn optional<T>(text: &str, check: impl FnOnce(&str) -> Checked<T>) -> Checked<Option<T>> {
    if text.trim().is_empty() { Ok(None) } else { check(text).map(Some) }
}

/// One of a few words.
pub(super) fn one_of<T: Copy>(text: &str, all: &[T], as_str: impl Fn(T) -> &'static str) -> Checked<T> {
    all.iter().copied().find(|&choice| as_str(choice) == text).ok_or_else(|| {
        let words: Vec<String> = all.iter().map(|&choice| format!("\"{}\"", as_str(choice))).collect();
        format!("Must be one of {}.", words.join(", "))
    })
}

pub(super) fn file(text: &str) -> Option<PathBuf> {
    (!text.is_empty()).then(|| PathBuf::from(text))
}

/// Names stand in menus and titles: one line, and nothing that turns text around to look like another name.
pub(super) fn name(text: &str) -> Checked<()> {
    const LONGEST: usize = 100;
    let turns = |c| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if text.chars().any(|c| c.is_control() || turns(c)) {
        Err("Has a line break or another invisible control character in it. Type the name again.".into())
    } else if text.chars().count() > LONGEST {
        Err(format!("Is longer than {LONGEST} characters. Shorten it."))
    } else {
        Ok(())
    }
}

/// RFC 7617, section 2: no colon in the user name, no control character in either half.
pub(super) fn username(text: &str) -> Checked<()> {
    if text.is_empty() {
        Err("Is empty. Give the user name, without the password.".into())
    } else if text.contains(':') {
        Err("A user name cannot have a colon in it. Give the part before the colon here; \
             the part after it is the password and belongs in the vault."
            .into())
    } else if text.chars().any(char::is_control) {
        Err("Has a control character in it. Type the user name again.".into())
    } else {
        Ok(())
    }
}

/// Where a server is: `http` or `https`, a host, perhaps a port and a base path; nothing else.
pub(super) fn server_url(text: &str) -> Checked<Url> {
    let text = text.trim();
    if text.is_empty() {
        return Err("Is empty. Give the address of the Prefect UI, like https://prefect.example.com.".into());
    }
    let mut url = match Url::parse(text) {
        Ok(url) if url.has_host() || text.contains("://") => url,
        Ok(_) | Err(url::ParseError::RelativeUrlWithoutBase) => {
            return Err("Is no web address. Begin it with https:// (or http:// where the server has no TLS).".into());
        }
        Err(problem) => return Err(format!("Is no web address: {problem}. Type it again.")),
    };
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("Must begin with https:// or http://, not {}://.", url.scheme()));
    }
    if has_userinfo(&url, text) {
        return Err("Has a user name or password in it. Remove everything up to the @; user names have fields \
                    of their own, and passwords belong in the vault."
            .into());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("Has a ? or # part. Remove it; give only the address under which the server's pages begin.".into());
    }
    if url.port() == Some(0) {
        return Err("Has port 0, on which nothing can listen. Give the server's port.".into());
    }
    // A base path is the same with and without a slash at its end; one form makes equal profiles equal.
    let base = url.path().trim_end_matches('/').to_owned();
    url.set_path(&base);
    Ok(url)
}

/// `https://@host` has an empty userinfo, which [`Url`] forgets.
fn has_userinfo(url: &Url, text: &str) -> bool {
    let after_scheme = text.split_once(':').map_or(text, |(_, rest)| rest).trim_start_matches(['/', '\\']);
    let authority = after_scheme.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    !url.username().is_empty() || url.password().is_some() || authority.contains('@')
}

/// Loopback ports are TCP ports, but not those that browsers refuse to open.
pub(super) fn port(port: Option<i64>) -> Checked<u16> {
    /// The "bad ports" above 1023: <https://fetch.spec.whatwg.org/#port-blocking>.
    const REFUSED_BY_BROWSERS: [u16; 19] = [
        1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697,
        10080,
    ];
    let Some(port) = port else {
        return Err("Is missing. Give a free port between 1024 and 65535.".into());
    };
    match u16::try_from(port) {
        Ok(port) if REFUSED_BY_BROWSERS.contains(&port) => {
            Err(format!("Browsers refuse to open port {port}. Choose another."))
        }
        Ok(port @ 1024..) => Ok(port),
        Ok(_) | Err(_) => Err(format!("{port} is not a port between 1024 and 65535. Choose one of those.")),
    }
}

/// A further header's name, where it is a profile's to set.
pub(super) fn header(text: &str, authorized: bool) -> Checked<HeaderName> {
    let name: HeaderName = text
        .trim()
        .parse()
        .map_err(|_| "Is no header name. Header names have letters, digits and hyphens, and no colon.".to_owned())?;
    match header_refusal(&name, authorized) {
        Some(why) => Err(format!("{name} may not be set, because it {why}. Remove it from the profile.")),
        None => Ok(name),
    }
}

/// Why a header is not a profile's to set: "it …".
pub(crate) fn header_refusal(name: &HeaderName, authorized: bool) -> Option<&'static str> {
    match name.as_str() {
        "host" | "content-length" | "content-type" | "content-encoding" | "expect" | "origin" | "referer" => {
            Some("belongs to each single request")
        }
        "cookie" => Some("is kept by the gateway, which holds the server's cookies itself"),
        // RFC 9110, section 7.6.1, and what older software takes for hop-by-hop.
        "connection" | "keep-alive" | "te" | "trailer" | "transfer-encoding" | "upgrade" | "http2-settings" => {
            Some("is hop-by-hop: it never goes further than one connection")
        }
        "user-agent" | "prefect-csrf-token" | "prefect-csrf-client" => Some("is set by Prefect's own clients"),
        "authorization" if authorized => Some("is already made from the profile's user name or token"),
        other if other.starts_with("proxy-") => Some("is hop-by-hop: it never goes further than one connection"),
        other if other.starts_with("sec-") => Some("is set by browsers and WebSocket clients only"),
        other if other.starts_with("postern-") => Some("is Postern's own"),
        _ if !header_may_be_set(name) => Some("belongs to HTTP itself"),
        _ => None,
    }
}

/// `system`, `none`, `http://…` or `socks5://…`.
pub(super) fn proxy(text: &str) -> Checked<Proxy> {
    const FORMS: &str = "Must be \"system\", \"none\", or a proxy like http://proxy.example.com:3128 or \
                         socks5://127.0.0.1:1080.";
    match text.trim() {
        "" | "system" => Ok(Proxy::System),
        "none" => Ok(Proxy::None),
        address => {
            let url = Url::parse(address).map_err(|_| FORMS.to_owned())?;
            if !matches!(url.scheme(), "http" | "socks5") || !url.has_host() {
                return Err(FORMS.into());
            }
            if has_userinfo(&url, address) {
                return Err(
                    "Has a user name or password in it, which there is no place for. Remove everything up to the @, \
                            and use a proxy that lets this machine in without."
                        .into(),
                );
            }
            if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
                return Err("Has something after the host and port. Remove it.".into());
            }
            let authority = url.port().map_or_else(
                || url.host_str().unwrap_or_default().to_owned(),
                |port| format!("{}:{port}", url.host_str().unwrap_or_default()),
            );
            format!("{}://{authority}", url.scheme()).parse().map(Proxy::Via).map_err(|_| FORMS.to_owned())
        }
    }
}

/// What is allowed but should be seen.
pub(super) fn warnings(profile: &Profile) -> Vec<Remark> {
    let mut warnings = Vec::new();
    for (field, url) in [(Field::Url, Some(&profile.url)), (Field::ApiUrl, profile.api_url.as_ref())] {
        if url.is_some_and(|url| url.scheme() == "http" && !is_near(url)) {
            warnings.push(Remark::new(
                field,
                "Goes over plain http to a host that is neither this machine nor in a private network: everyone on \
                 the way can read the password. Use https, or reach the server through a VPN.",
            ));
        }
    }
    if !profile.tls.verify {
        warnings.push(Remark::new(
            Field::Verify,
            "The server's certificate is not checked: anyone on the way can pose as the server and take the \
             password. Give the certificate's CA as tls.ca_file instead.",
        ));
    }
    warnings
}

/// This machine, or a private network.
pub(crate) fn is_near(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => is_private(address.into()),
        Some(Host::Ipv6(address)) => is_private(address.into()),
        // A name without a dot, or under a name that public DNS does not have (RFC 6761, 6762, 8375, ICANN's `.internal`).
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            !name.contains('.')
                || ["localhost", "local", "internal", "home.arpa", "lan", "intranet", "corp", "home"]
                    .iter()
                    .any(|private| name.strip_suffix(private).is_some_and(|rest| rest.ends_with('.')))
        }
        None => false,
    }
}

fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, ..] = address.octets();
            // RFC 6598: shared addresses, as VPNs hand out.
            let shared = a == 100 && (64..128).contains(&b);
            address.is_loopback() || address.is_private() || address.is_link_local() || shared
        }
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local(),
    }
}
