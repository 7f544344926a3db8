//! Assigning loopback ports. Once assigned, a port is kept: settings of local programs name it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};

use crate::profile::Profile;

/// Next to Prefect's own 4200.
const FIRST: u16 = 4201;

/// The lowest from [`FIRST`] that no profile has and nobody listens on.
pub(super) fn free(profiles: &[Profile]) -> Option<u16> {
    (FIRST..=u16::MAX).find(|&port| {
        Profile::may_use_port(port) && profiles.iter().all(|profile| profile.port != port) && nobody_listens(port)
    })
}

/// On either loopback address: a gateway takes both. A system without IPv6 has one.
fn nobody_listens(port: u16) -> bool {
    let taken = |address: IpAddr| match TcpListener::bind((address, port)) {
        Ok(_) => false,
        Err(error) => error.kind() == io::ErrorKind::AddrInUse,
    };
    !taken(Ipv4Addr::LOCALHOST.into()) && !taken(Ipv6Addr::LOCALHOST.into())
}
