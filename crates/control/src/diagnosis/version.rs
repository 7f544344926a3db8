//! What is known of the server's version: whether it can be attacked, and whether the client that is installed here
//! goes with it.

use std::env;
use std::path::Path;

use super::finding::Finding;
use super::{Case, Outcome};

/// Ways past Prefect's authentication, and the first version that has none: as of 2026-11-22.
const KNOWN: [(&str, Version); 3] = [
    // Any path that ends in `health` or `ready` is exempt: GHSA-c635-393c-hcx2, published 2026-06-02.
    ("CVE-2026-3514", Version([3, 6, 22])),
    // The same exemption, reported apart: GHSA-6rr6-v7cj-mxpg, published 2026-05-04.
    ("CVE-2026-7722", Version([3, 6, 22])),
    // The socket `/api/events/in` asks nobody: GHSA-6rcx-55r6-jx65, published 2026-05-04.
    ("CVE-2026-7723", Version([3, 6, 14])),
];
/// What the ones above are fixed in, all of them.
const FIXED: &str = "3.6.22";

/// Its three numbers; what may follow them is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(pub(super) [u64; 3]);

impl Version {
    pub(super) fn of(text: &str) -> Option<Self> {
        let mut parts = text.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().ok());
        Some(Self([parts.next()??, parts.next()??, parts.next()??]))
    }
}

pub(super) fn check(case: &Case<'_>) -> Outcome {
    let Some(server) = &case.version else {
        return Outcome::Skipped("not looked at: the server does not tell its version".to_owned());
    };
    judge(server, installed().as_deref())
}

fn judge(server: &str, client: Option<&str>) -> Outcome {
    let evidence = match client {
        Some(client) => format!("server {server}, client installed here {client}"),
        None => format!("server {server}, no client on PATH"),
    };
    let Some(version) = Version::of(server) else { return Outcome::Passed(evidence) };
    let known: Vec<&str> = KNOWN.iter().filter(|(_, fixed)| version < *fixed).map(|(name, _)| *name).collect();
    if !known.is_empty() {
        return Outcome::Warned(evidence, Finding::Vulnerable { version: server.to_owned(), fixed: FIXED, known });
    }
    match client {
        Some(client) if Version::of(client).is_some_and(|client| client.0[0] != version.0[0]) => {
            Outcome::Warned(evidence, Finding::ClientApart { client: client.to_owned(), server: server.to_owned() })
        }
        _ => Outcome::Passed(evidence),
    }
}

/// The Prefect that a shell would start, by the name of its package's folder: starting it takes seconds.
pub(crate) fn installed() -> Option<String> {
    let program = if cfg!(windows) { "prefect.exe" } else { "prefect" };
    let found = env::split_paths(&env::var_os("PATH")?).map(|dir| dir.join(program)).find(|path| path.is_file())?;
    let home = found.canonicalize().ok()?.parent()?.parent()?.to_owned();
    let libraries = [home.join("Lib")].into_iter().chain(folders(&home.join("lib")));
    libraries.flat_map(|library| folders(&library.join("site-packages"))).find_map(|package| {
        let name = package.file_name()?.to_str()?.to_owned();
        Some(name.strip_prefix("prefect-")?.strip_suffix(".dist-info")?.to_owned())
    })
}

fn folders(path: &Path) -> impl Iterator<Item = std::path::PathBuf> + use<> {
    path.read_dir().into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_known_for_what_was_fixed_after_it() {
        let said = |(server, client): (&str, Option<&str>)| match judge(server, client) {
            Outcome::Warned(_, Finding::Vulnerable { known, .. }) => format!("{server}: {}", known.join(" ")),
            Outcome::Warned(_, Finding::ClientApart { client, .. }) => format!("{server}: not with {client}"),
            Outcome::Passed(_) => format!("{server}: well"),
            Outcome::Warned(..) | Outcome::Failed(..) | Outcome::Skipped(_) => format!("{server}: something else"),
        };
        let cases = [
            ("2.20.26", None),
            ("3.6.13", None),
            ("3.6.14", None),
            ("3.6.22.dev3", None),
            ("3.6.22", None),
            ("3.10.0", Some("3.8.8")),
            ("3.8.8", Some("2.20.26")),
            ("unknown", Some("3.8.8")),
        ];
        insta::assert_snapshot!(cases.map(said).join("\n"), @r"
        2.20.26: CVE-2026-3514 CVE-2026-7722 CVE-2026-7723
        3.6.13: CVE-2026-3514 CVE-2026-7722 CVE-2026-7723
        3.6.14: CVE-2026-3514 CVE-2026-7722
        3.6.22.dev3: well
        3.6.22: well
        3.10.0: well
        3.8.8: not with 2.20.26
        unknown: well
        ");
    }
}
