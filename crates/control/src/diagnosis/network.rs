//! Names, TCP and the proxy on the way out.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::future::join_all;
use postern_gateway::{Fault, Proxy};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use url::{Host, Url};

use super::finding::Finding;
use super::recorded::quoted;
use super::{Case, Outcome, uri};

/// Resolvers give up later than anybody waits.
const NAME: Duration = Duration::from_secs(6);
/// Of an address beside others.
const BESIDE: Duration = Duration::from_secs(4);

pub(super) async fn name(case: &Case<'_>) -> Outcome {
    let mut evidence = Vec::new();
    for place in case.places() {
        let Some(Host::Domain(host)) = place.host() else {
            evidence.push(format!("{} is an address, not a name", place.host_str().unwrap_or_default()));
            continue;
        };
        if let Some(proxy) = case.wire.way.proxy(&uri(place)) {
            evidence.push(format!("{host} is looked up by the proxy {}", proxy.host().unwrap_or_default()));
            continue;
        }
        match addresses(place).await {
            Some(found) => evidence.push(format!("{host} is {}", listed(&found))),
            None => return Outcome::fault(evidence.join("; "), Fault::NameNotFound { host: host.to_owned() }),
        }
    }
    Outcome::Passed(evidence.join("; "))
}

async fn addresses(place: &Url) -> Option<Vec<SocketAddr>> {
    let host = match place.host()? {
        Host::Domain(name) => name.to_owned(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    };
    let looked_up = timeout(NAME, lookup_host((host, place.port_or_known_default()?))).await.ok()?.ok()?;
    let mut found: Vec<SocketAddr> = Vec::new();
    for address in looked_up {
        if !found.contains(&address) {
            found.push(address);
        }
    }
    (!found.is_empty()).then_some(found)
}

fn listed(addresses: &[SocketAddr]) -> String {
    const SHOWN: usize = 6;
    let mut listed: Vec<String> = addresses.iter().take(SHOWN).map(|address| address.ip().to_string()).collect();
    if addresses.len() > SHOWN {
        listed.push(format!("and {} more", addresses.len() - SHOWN));
    }
    listed.join(", ")
}

pub(super) async fn tcp(case: &Case<'_>) -> Outcome {
    let mut evidence = Vec::new();
    let mut silent = Vec::new();
    for place in case.places() {
        let to = uri(place);
        if let Some(proxy) = case.wire.way.proxy(&to) {
            evidence.push(format!("the proxy {} connects to {}", proxy.host().unwrap_or_default(), authority(place)));
            continue;
        }
        // As a request would; and each address on its own, for a request is content with the first.
        let (dialled, each) = tokio::join!(timeout(case.patience(), case.wire.way.dial(&to)), each(place));
        match dialled {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => return Outcome::fault(evidence.join("; "), fault),
            Err(_) => {
                return Outcome::fault(evidence.join("; "), Fault::ConnectTimeout { authority: authority(place) });
            }
        }
        evidence.push(format!("{} takes connections", authority(place)));
        silent.extend(odd(&each));
    }
    let silent: Vec<String> = silent.iter().map(ToString::to_string).collect();
    if silent.is_empty() {
        return Outcome::Passed(evidence.join("; "));
    }
    evidence.push(format!("but not at {}", silent.join(", ")));
    Outcome::Warned(evidence.join("; "), Finding::AddressesSilent(silent))
}

/// The addresses that take no connection though others of their kind do. Where none of a kind does, this machine may
/// have no way to that kind; and on loopback, servers choose one of the two.
fn odd(each: &[(IpAddr, bool)]) -> Vec<IpAddr> {
    let works = |kind: bool| each.iter().any(|(address, reached)| *reached && address.is_ipv6() == kind);
    let odd = each.iter().filter(|(address, reached)| !reached && works(address.is_ipv6()) && !address.is_loopback());
    odd.map(|(address, _)| *address).collect()
}

fn authority(place: &Url) -> String {
    format!("{}:{}", place.host_str().unwrap_or_default(), place.port_or_known_default().unwrap_or_default())
}

async fn each(place: &Url) -> Vec<(IpAddr, bool)> {
    let reach = async |address: SocketAddr| {
        let reached = timeout(BESIDE, TcpStream::connect(address)).await;
        (address.ip(), reached.is_ok_and(|opened| opened.is_ok()))
    };
    join_all(addresses(place).await.unwrap_or_default().into_iter().map(reach)).await
}

pub(super) async fn proxy(case: &Case<'_>) -> Outcome {
    let setting = &case.subject.remote.proxy;
    let mut evidence = Vec::new();
    for place in case.places() {
        let to = uri(place);
        let Some(proxy) = case.wire.way.proxy(&to) else { continue };
        let at = proxy.authority().map_or_else(String::new, |authority| authority.host().to_owned());
        let port = proxy.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
        let scheme = proxy.scheme_str().unwrap_or("http");
        evidence.push(format!("{scheme}://{at}{port}, from {}", from(setting, place)));
        let dialled = timeout(case.patience(), case.wire.way.dial(&to)).await;
        let silent = || Fault::ProxyFailed { reason: format!("{at}: it does not answer") };
        if let Err(fault) = dialled.unwrap_or_else(|_| Err(silent())) {
            return Outcome::fault(evidence.join("; "), fault);
        }
    }
    if evidence.is_empty() {
        return Outcome::Passed(straight(setting).to_owned());
    }
    Outcome::Passed(evidence.join("; "))
}

fn straight(setting: &Proxy) -> &'static str {
    match setting {
        Proxy::None => "none: the profile says so",
        Proxy::System | Proxy::Via(_) => "none on the way there",
    }
}

/// Who says that there is a proxy.
fn from(setting: &Proxy, place: &Url) -> String {
    if matches!(setting, Proxy::Via(_)) {
        return "the profile".to_owned();
    }
    let own = format!("{}_proxy", place.scheme());
    let variables = [own.to_uppercase(), own, "ALL_PROXY".to_owned(), "all_proxy".to_owned()];
    let set = variables.into_iter().find(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    set.map_or_else(|| "the system's settings".to_owned(), |name| format!("the variable {}", quoted(&name)))
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_address_is_odd_beside_others_of_its_kind_only() {
        let odd = |each: &[(&str, bool)]| -> Vec<String> {
            let each: Vec<_> = each.iter().map(|(address, reached)| (address.parse().unwrap(), *reached)).collect();
            super::odd(&each).iter().map(ToString::to_string).collect()
        };
        let none: [&str; 0] = [];
        assert_eq!(odd(&[("192.0.2.1", true), ("192.0.2.2", false)]), ["192.0.2.2"]);
        assert_eq!(odd(&[("192.0.2.1", true), ("2001:db8::1", false)]), none);
        assert_eq!(odd(&[("2001:db8::1", true), ("192.0.2.1", true), ("2001:db8::2", false)]), ["2001:db8::2"]);
        assert_eq!(odd(&[("127.0.0.1", true), ("127.0.0.2", false)]), none);
        assert_eq!(odd(&[("192.0.2.1", false), ("192.0.2.2", false)]), none);
    }
}
