//! Asks the kernel for one socket: sock_diag(7). Its tables in `/proc` list all there are, so that each look costs the
//! more the more connections there are, on this machine and not only ours.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr};

use nix::libc::{AF_INET, AF_INET6, ENOENT, IPPROTO_TCP, NLM_F_REQUEST, NLMSG_ERROR};
use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, socket};

/// `SOCK_DIAG_BY_FAMILY` in `linux/sock_diag.h`.
const BY_FAMILY: u16 = 20;
/// Bytes of a `struct nlmsghdr`, and of a `struct inet_diag_req_v2` and `struct inet_diag_msg` (`linux/inet_diag.h`).
const HEADER: usize = 16;
const QUESTION: usize = 56;
const ANSWER: usize = 72;

/// The user whose socket `local` is, connected to `remote`; `None` where there is none.
///
/// # Errors
/// Where the kernel does not answer such questions.
pub(super) fn owner(local: SocketAddr, remote: SocketAddr) -> io::Result<Option<u32>> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkSockDiag)?;
    let mut kernel = File::from(socket);
    kernel.write_all(&question(local, remote))?;
    // It has answered by then: a question is dealt with where it is written.
    let mut answer = [0; 512];
    let length = kernel.read(&mut answer)?;
    read(answer.get(..length).unwrap_or_default(), local, remote)
}

fn question(local: SocketAddr, remote: SocketAddr) -> Vec<u8> {
    let family = if local.is_ipv4() { AF_INET } else { AF_INET6 };
    let mut bytes = Vec::with_capacity(HEADER + QUESTION);
    bytes.extend(((HEADER + QUESTION) as u32).to_ne_bytes());
    bytes.extend(BY_FAMILY.to_ne_bytes());
    bytes.extend((NLM_F_REQUEST as u16).to_ne_bytes());
    // Sequence number and sender: there is one question only.
    bytes.extend([0; 8]);
    bytes.extend([family as u8, IPPROTO_TCP as u8, 0, 0]);
    // In any state.
    bytes.extend([0xff; 4]);
    bytes.extend(local.port().to_be_bytes());
    bytes.extend(remote.port().to_be_bytes());
    bytes.extend(words(local.ip()));
    bytes.extend(words(remote.ip()));
    // On any interface, with any cookie.
    bytes.extend([0; 4]);
    bytes.extend([0xff; 8]);
    bytes
}

/// An address in the 16 bytes that there are for it.
fn words(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => {
            let mut words = [0; 16];
            words[..4].copy_from_slice(&ip.octets());
            words
        }
        IpAddr::V6(ip) => ip.octets(),
    }
}

fn read(answer: &[u8], local: SocketAddr, remote: SocketAddr) -> io::Result<Option<u32>> {
    let unheard = || io::Error::from(io::ErrorKind::InvalidData);
    let word = |at: usize| -> Option<u32> { Some(u32::from_ne_bytes(answer.get(at..at + 4)?.try_into().ok()?)) };
    let half = |at: usize| -> Option<[u8; 2]> { answer.get(at..at + 2)?.try_into().ok() };
    let kind = half(4).map(u16::from_ne_bytes).ok_or_else(unheard)?;
    if i32::from(kind) == NLMSG_ERROR {
        let code = word(HEADER).ok_or_else(unheard)?.cast_signed().saturating_neg();
        return if code == ENOENT { Ok(None) } else { Err(io::Error::from_raw_os_error(code)) };
    }
    if kind != BY_FAMILY || answer.len() < HEADER + ANSWER {
        return Err(unheard());
    }
    // Where there is no such connection, it may have found who listens on the port.
    let ports = [half(HEADER + 4), half(HEADER + 6)].map(|port| port.map(u16::from_be_bytes));
    let is_it = ports == [Some(local.port()), Some(remote.port())];
    // One that no process has any more has no inode.
    let (uid, inode) = (word(HEADER + 64), word(HEADER + 68));
    Ok(uid.filter(|_| is_it && inode != Some(0)))
}
