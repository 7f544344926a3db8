//! The system's table of TCP sockets: whose a connection is, and which program has a port.
//!
//! Linux: sock_diag(7), and where that is closed (it may be, in containers) `/proc/net/tcp` and `tcp6` (proc(5)). Other
//! systems tell nothing here, and callers must take nothing for a no.

#[cfg(target_os = "linux")]
mod diag;

#[cfg(target_os = "linux")]
pub(crate) use linux::{own_user, owner, program_on};

#[cfg(not(target_os = "linux"))]
pub(crate) use elsewhere::{own_user, owner, program_on};

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
    use std::os::unix::fs::MetadataExt;

    use super::diag;

    /// `TCP_LISTEN` in the kernel's `tcp_states.h`.
    const LISTEN: &str = "0A";

    struct Row<'t> {
        local: SocketAddr,
        remote: SocketAddr,
        state: &'t str,
        uid: u32,
        inode: &'t str,
    }

    fn rows(table: &str) -> impl Iterator<Item = Row<'_>> {
        table.lines().skip(1).filter_map(|line| {
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            Some(Row {
                local: address(fields.get(1)?)?,
                remote: address(fields.get(2)?)?,
                state: fields.get(3)?,
                uid: fields.get(7)?.parse().ok()?,
                inode: fields.get(9)?,
            })
        })
    }

    /// `0100007F:1069`: the address as 32-bit words in the machine's order, the port in hex.
    fn address(text: &str) -> Option<SocketAddr> {
        let (ip, port) = text.split_once(':')?;
        let word = |at: usize| Some(u32::from_str_radix(ip.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
        let ip = if ip.len() == 8 {
            IpAddr::V4(Ipv4Addr::from(word(0)?))
        } else {
            let mut octets = [0u8; 16];
            for (i, chunk) in octets.chunks_exact_mut(4).enumerate() {
                chunk.copy_from_slice(&word(i * 8)?);
            }
            IpAddr::V6(Ipv6Addr::from(octets)).to_canonical()
        };
        Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
    }

    fn tables() -> impl Iterator<Item = String> {
        ["/proc/net/tcp", "/proc/net/tcp6"].into_iter().filter_map(|path| fs::read_to_string(path).ok())
    }

    /// The user whose socket `local` is, connected to `remote`.
    pub(crate) fn owner(local: SocketAddr, remote: SocketAddr) -> Option<u32> {
        diag::owner(local, remote).unwrap_or_else(|error| {
            tracing::trace!(%error, "sock_diag");
            listed_owner(local, remote)
        })
    }

    /// The same, from the tables.
    fn listed_owner(local: SocketAddr, remote: SocketAddr) -> Option<u32> {
        tables().find_map(|table| {
            rows(&table).find(|row| row.local == local && row.remote == remote && row.inode != "0").map(|row| row.uid)
        })
    }

    /// The user this process runs as.
    pub(crate) fn own_user() -> Option<u32> {
        fs::metadata("/proc/self").ok().map(|meta| meta.uid())
    }

    /// `name (pid 123)` of the program that listens there; `None` when it lets this user not look into it.
    pub(crate) fn program_on(address: SocketAddr) -> Option<String> {
        let inodes: Vec<String> = tables()
            .flat_map(|table| {
                rows(&table)
                    .filter(|row| row.state == LISTEN && row.local.port() == address.port())
                    .filter(|row| row.local.ip() == address.ip() || row.local.ip().is_unspecified())
                    .map(|row| format!("socket:[{}]", row.inode))
                    .collect::<Vec<_>>()
            })
            .collect();
        let processes = fs::read_dir("/proc").ok()?.filter_map(Result::ok);
        for process in processes.filter(|entry| entry.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit)) {
            let Ok(descriptors) = fs::read_dir(process.path().join("fd")) else { continue };
            let has = descriptors
                .filter_map(|fd| fs::read_link(fd.ok()?.path()).ok())
                .any(|link| inodes.iter().any(|inode| link.as_os_str() == inode.as_str()));
            if has {
                let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
                return Some(format!("{} (pid {})", name.trim(), process.file_name().to_string_lossy()));
            }
        }
        None
    }

    #[cfg(test)]
    mod tests {
        use std::net::{TcpListener, TcpStream};

        use super::*;

        #[test]
        fn the_kernels_spelling_of_addresses_is_read() {
            assert_eq!(address("0100007F:1069"), Some("127.0.0.1:4201".parse().unwrap()));
            assert_eq!(address("00000000000000000000000001000000:1069"), Some("[::1]:4201".parse().unwrap()));
            assert_eq!(address("0100007F"), None);
            assert_eq!(address("01:1"), None);
        }

        #[test]
        fn this_program_is_found_behind_its_sockets() {
            assert!(own_user().is_some());
            for (listen, connect) in [
                ("127.0.0.1:0", "127.0.0.1"),
                // A client that takes IPv4 for a part of IPv6.
                ("127.0.0.1:0", "::ffff:127.0.0.1"),
                ("[::1]:0", "::1"),
            ] {
                let listener = TcpListener::bind(listen).unwrap();
                let local = listener.local_addr().unwrap();
                let client = TcpStream::connect((connect.parse::<IpAddr>().unwrap(), local.port())).unwrap();
                let (accepted, remote) = listener.accept().unwrap();
                assert_eq!(diag::owner(remote, local).unwrap(), own_user(), "{connect}");
                assert_eq!(listed_owner(remote, local), own_user(), "{connect}");
                let program = program_on(local).unwrap();
                assert!(program.ends_with(&format!("(pid {})", std::process::id())), "{program}");

                // The connection stands until both sides have ended it, and belongs to nobody.
                drop(client);
                assert_eq!((diag::owner(remote, local).unwrap(), listed_owner(remote, local)), (None, None));
                drop(accepted);
                // Nor is who listens there taken for it.
                assert_eq!(diag::owner(local, remote).unwrap(), None);
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use std::net::SocketAddr;

    pub(crate) fn owner(_local: SocketAddr, _remote: SocketAddr) -> Option<u32> {
        None
    }

    pub(crate) fn own_user() -> Option<u32> {
        None
    }

    pub(crate) fn program_on(_address: SocketAddr) -> Option<String> {
        None
    }
}
