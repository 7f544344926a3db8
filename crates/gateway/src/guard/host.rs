//! The exact `Host` allowlist: what stops DNS rebinding.

use http::Request;
use http::header::HOST;

use crate::fault::Fault;

/// The names this gateway answers to, each with its port.
#[derive(Debug)]
pub(crate) struct Names([String; 4]);

impl Names {
    pub(crate) fn new(profile: &str, port: u16) -> Self {
        Self([
            format!("127.0.0.1:{port}"),
            format!("localhost:{port}"),
            format!("[::1]:{port}"),
            format!("{profile}.localhost:{port}"),
        ])
    }

    /// Our own spelling of a name of ours; browsers send lower case, others may not (RFC 9110, section 4.2.3).
    fn own(&self, host: &str) -> Option<&str> {
        self.0.iter().find(|name| name.eq_ignore_ascii_case(host)).map(String::as_str)
    }
}

/// The name of ours that the request is for, in our spelling.
pub(crate) fn check<'n, B>(request: &Request<B>, names: &'n Names) -> Result<&'n str, Fault> {
    let mut lines = request.headers().get_all(HOST).iter();
    let (Some(host), None) = (lines.next(), lines.next()) else {
        // RFC 9112, section 3.2: exactly one.
        return Err(Fault::Malformed("one Host header is needed"));
    };
    let host = host.to_str().map_err(|_| Fault::Malformed("Host has characters no host has"))?;
    if host.is_empty() || host.contains([',', '@', '/', '?', '#', '\\', ' ', '\t']) {
        return Err(Fault::Malformed("Host is not host:port"));
    }
    let own = names.own(host).ok_or(Fault::ForeignHost)?;
    // Absolute form: the authority decides (RFC 9112, section 3.2.2), so it must be the same name.
    if let Some(authority) = request.uri().authority()
        && !own.eq_ignore_ascii_case(authority.as_str())
    {
        return Err(Fault::ForeignHost);
    }
    Ok(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(uri: &str, hosts: &[&str]) -> Result<String, u16> {
        let mut request = Request::builder().uri(uri);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        check(&request.body(()).unwrap(), &Names::new("prod", 4201))
            .map(str::to_owned)
            .map_err(|fault| fault.status().as_u16())
    }

    #[test]
    fn only_our_exact_names_and_port_are_let_through() {
        for host in ["127.0.0.1:4201", "localhost:4201", "LOCALHOST:4201", "[::1]:4201", "prod.localhost:4201"] {
            assert_eq!(verdict("/", &[host]), Ok(host.to_ascii_lowercase()), "{host}");
        }
        for host in [
            "evil.com",
            "evil.com:4201",
            "localhost.evil.com:4201",
            "127.0.0.1.nip.io:4201",
            "127a0b0c1:4201",
            "0.0.0.0:4201",
            "2130706433:4201",
            "[::ffff:127.0.0.1]:4201",
            "127.0.0.1:4202",
            "127.0.0.1",
            "localhost",
            "localhost.:4201",
            "127.0.0.1:04201",
            "other.localhost:4201",
            "127.0.0.1:4201:4201",
        ] {
            assert_eq!(verdict("/", &[host]), Err(403), "{host}");
        }
    }

    #[test]
    fn a_missing_double_or_odd_host_is_malformed() {
        for hosts in [
            &[][..],
            &[""],
            &["127.0.0.1:4201", "127.0.0.1:4201"],
            &["127.0.0.1:4201,evil.com"],
            &["user@127.0.0.1:4201"],
            &["127.0.0.1:4201/x"],
        ] {
            assert_eq!(verdict("/", hosts), Err(400), "{hosts:?}");
        }
    }

    #[test]
    fn absolute_form_must_name_us_too() {
        assert!(verdict("http://127.0.0.1:4201/x", &["127.0.0.1:4201"]).is_ok());
        assert_eq!(verdict("http://evil.com/x", &["127.0.0.1:4201"]), Err(403));
        assert_eq!(verdict("http://user@127.0.0.1:4201/x", &["127.0.0.1:4201"]), Err(403));
    }
}
