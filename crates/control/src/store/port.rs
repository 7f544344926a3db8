//! Assigning loopback ports. Once assigned, a port is kept: settings of local programs name it.

use std::net::{Ipv4Addr, TcpListener};

use crate::profile::Profile;

/// Next to Prefect's own 4200.
const FIRST: u16 = 4201;

/// The lowest from [`FIRST`] that no profile has and nobody listens on.
pub(super) fn free(profiles: &[Profile]) -> Option<u16> {
    (FIRST..=u16::MAX).find(|&port| {
        Profile::may_use_port(port)
            && profiles.iter().all(|profile| profile.port != port)
            && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
    })
}
