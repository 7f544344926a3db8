//! The network this machine is in: which addresses it has, and on Linux which ways lead where.
//!
//! Linux says when to look again, over netlink: rtnetlink(7). Elsewhere it is looked at every few seconds. Either way
//! what is seen is compared: containers that come and go make much noise and no difference.

use tokio::sync::Notify;

#[cfg(target_os = "linux")]
pub(super) async fn watch(changed: &Notify) {
    if let Err(error) = linux::watch(changed).await {
        tracing::warn!(%error, "another network is not noticed");
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) async fn watch(changed: &Notify) {
    let mut look = tokio::time::interval(std::time::Duration::from_secs(3));
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut before = sources();
    loop {
        look.tick().await;
        let now = sources();
        if now != before {
            changed.notify_one();
            before = now;
        }
    }
}

/// The addresses that this machine would send from, to the world and to private networks: to connect a UDP socket
/// looks for the way, and sends nothing.
#[cfg(not(target_os = "linux"))]
fn sources() -> Vec<Option<std::net::IpAddr>> {
    use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};

    // Addresses of documentation (RFC 5737, RFC 3849), and one in each of the networks of RFC 1918 and RFC 4193.
    const TO: [&str; 6] = ["192.0.2.1", "2001:db8::1", "10.255.255.1", "172.31.255.1", "192.168.255.1", "fd00::1"];
    let source = |to: &str| {
        let any = if to.contains(':') { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind((any as std::net::IpAddr, 0)).ok()?;
        socket.connect((to, 9)).ok()?;
        socket.local_addr().ok().map(|from| from.ip())
    };
    TO.into_iter().map(source).collect()
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeSet;
    use std::fs;
    use std::io;
    use std::os::fd::AsRawFd as _;

    use nix::ifaddrs::getifaddrs;
    use nix::libc;
    use nix::net::if_::InterfaceFlags;
    use nix::sys::socket::{AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, socket};
    use tokio::net::UnixDatagram;
    use tokio::sync::Notify;

    pub(super) async fn watch(changed: &Notify) -> io::Result<()> {
        let kernel = subscribe()?;
        let mut before = Network::now()?;
        loop {
            // That there is something to read is all that is of interest. Too much at once, and some of it is lost; that
            // something has changed is not.
            match kernel.recv(&mut [0; 8192]).await {
                Err(error) if error.raw_os_error() != Some(libc::ENOBUFS) => return Err(error),
                Ok(_) | Err(_) => {}
            }
            while kernel.try_recv(&mut [0; 8192]).is_ok() {}
            let now = Network::now()?;
            if now != before {
                changed.notify_one();
                before = now;
            }
        }
    }

    /// To the runtime a socket that hands over datagrams is like another.
    fn subscribe() -> io::Result<UnixDatagram> {
        const WANTED: libc::c_int =
            libc::RTMGRP_LINK | libc::RTMGRP_IPV4_IFADDR | libc::RTMGRP_IPV6_IFADDR | libc::RTMGRP_IPV4_ROUTE;
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(AddressFamily::Netlink, SockType::Datagram, flags, SockProtocol::NetlinkRoute)?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, WANTED.unsigned_abs()))?;
        UnixDatagram::from_std(socket.into())
    }

    /// What is compared.
    #[derive(Debug, PartialEq, Eq)]
    struct Network {
        /// With the names of their interfaces, where a cable is plugged in.
        addresses: BTreeSet<String>,
        /// The main table of IPv4, as the kernel prints it.
        routes: String,
    }

    impl Network {
        fn now() -> io::Result<Self> {
            let lives = InterfaceFlags::IFF_UP | InterfaceFlags::IFF_RUNNING;
            let interfaces = getifaddrs()?.filter(|one| one.flags.contains(lives));
            let addresses = interfaces.filter_map(|one| {
                let address = one.address?;
                // Every interface makes one for itself.
                let leads_somewhere = address.as_sockaddr_in().is_some()
                    || address.as_sockaddr_in6().is_some_and(|address| !address.ip().is_unicast_link_local());
                leads_somewhere.then(|| format!("{} {address}", one.interface_name))
            });
            Ok(Self { addresses: addresses.collect(), routes: fs::read_to_string("/proc/net/route")? })
        }
    }

    #[cfg(test)]
    mod tests {
        use std::process::Command;
        use std::time::Duration;

        use tokio::time::timeout;

        use super::*;

        /// Says that the network is the test's own, which it may change.
        const OWN: &str = "POSTERN_TEST_OWN_NETWORK";

        #[tokio::test]
        async fn an_address_and_a_way_that_come_and_go_are_another_network() {
            if std::env::var_os(OWN).is_none() {
                // Itself once more.
                let mut alone = Command::new("unshare");
                alone.args(["--map-root-user", "--net"]).arg(std::env::current_exe().unwrap()).env(OWN, "1");
                let (_, module) = module_path!().split_once("::").unwrap();
                alone.arg("--exact");
                alone.arg(format!("{module}::an_address_and_a_way_that_come_and_go_are_another_network"));
                let output = alone.output().unwrap();
                let said = String::from_utf8_lossy(&output.stdout);
                assert!(output.status.success() && said.contains("1 passed"), "{said}{:?}", output.stderr);
                return;
            }
            let ip = |arguments: &str| {
                let status = Command::new("ip").args(arguments.split(' ')).status().unwrap();
                assert!(status.success(), "ip {arguments}");
            };
            ip("link set lo up");
            let changed = Notify::new();
            let told = async {
                // Its first look comes before it first waits.
                tokio::task::yield_now().await;
                for (arguments, tells) in [
                    ("addr add 10.9.8.7/32 dev lo", true),
                    ("addr add fe80::7/64 dev lo", false),
                    ("addr add fd00::7/64 dev lo nodad", true),
                    ("route add 10.1.0.0/16 dev lo", true),
                    ("route del 10.1.0.0/16 dev lo", true),
                    ("addr del fd00::7/64 dev lo", true),
                    ("link set lo down", true),
                ] {
                    ip(arguments);
                    let patience = Duration::from_millis(if tells { 10_000 } else { 300 });
                    assert_eq!(timeout(patience, changed.notified()).await.is_ok(), tells, "{arguments}");
                }
            };
            tokio::select! {
                biased;
                ended = watch(&changed) => panic!("{ended:?}"),
                () = told => {}
            }
        }
    }
}
