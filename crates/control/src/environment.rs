//! What local programs are given, so that they go through the gateway: what `postern env` prints.
//!
//! Only the local key is in it, which is worthless off this machine; nothing of the server's own credential.
//! `NO_PROXY` is extended, never replaced: Python's HTTP clients send loopback traffic to `HTTP_PROXY` unless it
//! says otherwise, and whatever else it says has to stay true.

pub(crate) mod quote;

use std::fmt;
use std::str::FromStr;

use postern_gateway::{LOCAL_USER, LocalPrograms, Secret};

use crate::profile::{Profile, ProfileId};
use crate::view::Trouble;

/// The language the settings are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// bash, zsh and every other POSIX shell: `eval "$(postern env prod)"`
    Bash,
    /// `postern env prod --shell fish | source`
    Fish,
    /// `postern env prod --shell powershell | Out-String | Invoke-Expression`
    PowerShell,
    /// A file of `NAME=value` lines.
    Dotenv,
}

impl Shell {
    /// What makes an evaluation of our output fail, where it has nothing else to say.
    #[must_use]
    pub fn failure(self) -> Option<&'static str> {
        match self {
            Self::Bash | Self::Fish => Some("false"),
            Self::PowerShell => Some("throw 'postern env failed'"),
            Self::Dotenv => None,
        }
    }
}

impl Default for Shell {
    fn default() -> Self {
        if cfg!(windows) { Self::PowerShell } else { Self::Bash }
    }
}

impl FromStr for Shell {
    type Err = UnknownShell;

    fn from_str(text: &str) -> Result<Self, UnknownShell> {
        match text {
            "bash" => Ok(Self::Bash),
            "fish" => Ok(Self::Fish),
            "powershell" => Ok(Self::PowerShell),
            "dotenv" => Ok(Self::Dotenv),
            _ => Err(UnknownShell),
        }
    }
}

/// The text names no shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a shell is bash, fish, powershell or dotenv")]
pub struct UnknownShell;

/// The profile lets no local program in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The profile {id} lets no local programs in (local_programs = \"off\").")]
pub struct LocalProgramsOff {
    /// Whose.
    pub id: ProfileId,
}

impl LocalProgramsOff {
    /// The same, to be shown.
    #[must_use]
    pub fn trouble(&self) -> Trouble {
        Trouble {
            code: "local_programs_off".to_owned(),
            sentence: self.to_string(),
            remedy: format!("Allow them with `postern edit {} --local-programs key`, or in the manager.", self.id),
        }
    }
}

/// The settings of one profile for local programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    id: ProfileId,
    /// In the order they are written.
    variables: Vec<(&'static str, Secret)>,
}

impl Environment {
    /// What programs need to go through the profile's gateway.
    ///
    /// # Errors
    /// When the profile lets none in.
    pub fn of(profile: &Profile, local_key: &Secret) -> Result<Self, LocalProgramsOff> {
        if profile.local_programs == LocalPrograms::Off {
            return Err(LocalProgramsOff { id: profile.id.clone() });
        }
        Ok(Self {
            id: profile.id.clone(),
            variables: vec![
                ("PREFECT_API_URL", Secret::new(profile.local_api_url())),
                ("PREFECT_API_AUTH_STRING", Secret::new(format!("{LOCAL_USER}:{}", local_key.expose()))),
                // For clients that know no auth string (2.x, 3.0): they send this as a bearer token. Those that do
                // prefer the auth string.
                ("PREFECT_API_KEY", local_key.clone()),
                // Links that the Prefect CLI prints open in a browser: its session is for this name.
                ("PREFECT_UI_URL", Secret::new(profile.browser_origin())),
            ],
        })
    }

    /// The variables, without `NO_PROXY`.
    pub fn variables(&self) -> impl Iterator<Item = (&'static str, &Secret)> {
        self.variables.iter().map(|(name, value)| (*name, value))
    }

    /// The settings as text. `no_proxy` is what the environment has now: only [`Shell::Dotenv`], which cannot
    /// look for itself, needs it.
    #[must_use]
    pub fn render(&self, shell: Shell, no_proxy: Option<&str>) -> Secret {
        let mut text = zeroize::Zeroizing::new(format!("{}\n{ADVICE}", Heading(&self.id)));
        let mut line = |name: &str, value: &str| text.push_str(&quote::assign(shell, name, value));
        for (name, value) in &self.variables {
            line(name, value.expose());
        }
        match shell {
            Shell::Bash => text.push_str(BASH_NO_PROXY),
            Shell::Fish => text.push_str(FISH_NO_PROXY),
            Shell::PowerShell => text.push_str(POWERSHELL_NO_PROXY),
            Shell::Dotenv => {
                let value = extended(no_proxy.unwrap_or_default());
                line("NO_PROXY", &value);
                line("no_proxy", &value);
            }
        }
        Secret::new(std::mem::take(&mut *text))
    }
}

struct Heading<'a>(&'a ProfileId);

impl fmt::Display for Heading<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "# Prefect through Postern, profile {}.", self.0)
    }
}

const ADVICE: &str = "\
# For programs on this machine only. A worker copies these settings into the jobs it starts: where jobs run on
# other machines (Docker, Kubernetes, cloud), give those the server's own address in the work pool's job variables.
";

/// `NO_PROXY` with loopback in it. `*` alone covers everything, and means nothing within a list.
fn extended(no_proxy: &str) -> String {
    if no_proxy == "*" {
        return no_proxy.to_owned();
    }
    let mut hosts: Vec<&str> = no_proxy.split(',').map(str::trim).filter(|host| !host.is_empty()).collect();
    for host in LOOPBACK {
        if !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    hosts.join(",")
}

const LOOPBACK: [&str; 2] = ["127.0.0.1", "localhost"];

/// Where only one of the two spellings is set, it also starts the other: programs that prefer the other would
/// not see it any more.
const BASH_NO_PROXY: &str = r#"NO_PROXY="${NO_PROXY:-${no_proxy-}}"
no_proxy="${no_proxy:-$NO_PROXY}"
for _postern in 127.0.0.1 localhost; do
  case ",$NO_PROXY," in ',*,' | *",$_postern,"*) ;; *) NO_PROXY="${NO_PROXY:+$NO_PROXY,}$_postern" ;; esac
  case ",$no_proxy," in ',*,' | *",$_postern,"*) ;; *) no_proxy="${no_proxy:+$no_proxy,}$_postern" ;; esac
done
unset _postern
export NO_PROXY no_proxy
"#;

const FISH_NO_PROXY: &str = r#"test -n "$NO_PROXY"; or set -gx NO_PROXY "$no_proxy"
test -n "$no_proxy"; or set -gx no_proxy "$NO_PROXY"
for _postern in NO_PROXY no_proxy
    for _postern_host in 127.0.0.1 localhost
        set -l hosts (string split --no-empty , -- "$$_postern")
        contains -- $_postern_host $hosts; or test "$hosts" = '*'
        or set -gx $_postern (string join , -- $hosts $_postern_host)
    end
end
set -e _postern
set -e _postern_host
"#;

const POWERSHELL_NO_PROXY: &str = r#"if (-not $env:NO_PROXY) { $env:NO_PROXY = $env:no_proxy }
if (-not $env:no_proxy) { $env:no_proxy = $env:NO_PROXY }
if ($env:NO_PROXY -ne '*') { $env:NO_PROXY = (@("$env:NO_PROXY" -split ',' | Where-Object { $_ }) + '127.0.0.1', 'localhost' | Select-Object -Unique) -join ',' }
if ($env:no_proxy -ne '*') { $env:no_proxy = (@("$env:no_proxy" -split ',' | Where-Object { $_ }) + '127.0.0.1', 'localhost' | Select-Object -Unique) -join ',' }
"#;

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;
    use crate::profile::Written;

    fn profile(local_programs: &str) -> Profile {
        Written {
            id: "prod".to_owned(),
            url: "https://prefect.example.com".to_owned(),
            port: Some(4201),
            local_programs: local_programs.to_owned(),
            ..Written::default()
        }
        .check()
        .unwrap()
    }

    fn environment(key: &str) -> Environment {
        Environment::of(&profile("key"), &Secret::new(key)).unwrap()
    }

    /// What a POSIX shell has in its environment after reading the settings.
    fn after_shell(shell: &str, settings: &str, before: &[(&str, &str)], name: &str) -> String {
        let script = format!("set -eu\n{settings}\nprintf %s \"${name}\"");
        let output =
            Command::new(shell).arg("-c").arg(script).env_clear().envs(before.iter().copied()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn each_shell_in_its_own_words() {
        let environment = environment("k'1");
        insta::assert_snapshot!(environment.render(Shell::Bash, None).expose(), @r#"
        # Prefect through Postern, profile prod.
        # For programs on this machine only. A worker copies these settings into the jobs it starts: where jobs run on
        # other machines (Docker, Kubernetes, cloud), give those the server's own address in the work pool's job variables.
        export PREFECT_API_URL='http://127.0.0.1:4201/api'
        export PREFECT_API_AUTH_STRING='postern:k'\''1'
        export PREFECT_API_KEY='k'\''1'
        export PREFECT_UI_URL='http://prod.localhost:4201'
        NO_PROXY="${NO_PROXY:-${no_proxy-}}"
        no_proxy="${no_proxy:-$NO_PROXY}"
        for _postern in 127.0.0.1 localhost; do
          case ",$NO_PROXY," in ',*,' | *",$_postern,"*) ;; *) NO_PROXY="${NO_PROXY:+$NO_PROXY,}$_postern" ;; esac
          case ",$no_proxy," in ',*,' | *",$_postern,"*) ;; *) no_proxy="${no_proxy:+$no_proxy,}$_postern" ;; esac
        done
        unset _postern
        export NO_PROXY no_proxy
        "#);
        insta::assert_snapshot!(environment.render(Shell::Fish, None).expose(), @r#"
        # Prefect through Postern, profile prod.
        # For programs on this machine only. A worker copies these settings into the jobs it starts: where jobs run on
        # other machines (Docker, Kubernetes, cloud), give those the server's own address in the work pool's job variables.
        set -gx PREFECT_API_URL 'http://127.0.0.1:4201/api'
        set -gx PREFECT_API_AUTH_STRING 'postern:k\'1'
        set -gx PREFECT_API_KEY 'k\'1'
        set -gx PREFECT_UI_URL 'http://prod.localhost:4201'
        test -n "$NO_PROXY"; or set -gx NO_PROXY "$no_proxy"
        test -n "$no_proxy"; or set -gx no_proxy "$NO_PROXY"
        for _postern in NO_PROXY no_proxy
            for _postern_host in 127.0.0.1 localhost
                set -l hosts (string split --no-empty , -- "$$_postern")
                contains -- $_postern_host $hosts; or test "$hosts" = '*'
                or set -gx $_postern (string join , -- $hosts $_postern_host)
            end
        end
        set -e _postern
        set -e _postern_host
        "#);
        insta::assert_snapshot!(environment.render(Shell::PowerShell, None).expose(), @r#"
        # Prefect through Postern, profile prod.
        # For programs on this machine only. A worker copies these settings into the jobs it starts: where jobs run on
        # other machines (Docker, Kubernetes, cloud), give those the server's own address in the work pool's job variables.
        $env:PREFECT_API_URL = 'http://127.0.0.1:4201/api'
        $env:PREFECT_API_AUTH_STRING = 'postern:k''1'
        $env:PREFECT_API_KEY = 'k''1'
        $env:PREFECT_UI_URL = 'http://prod.localhost:4201'
        if (-not $env:NO_PROXY) { $env:NO_PROXY = $env:no_proxy }
        if (-not $env:no_proxy) { $env:no_proxy = $env:NO_PROXY }
        if ($env:NO_PROXY -ne '*') { $env:NO_PROXY = (@("$env:NO_PROXY" -split ',' | Where-Object { $_ }) + '127.0.0.1', 'localhost' | Select-Object -Unique) -join ',' }
        if ($env:no_proxy -ne '*') { $env:no_proxy = (@("$env:no_proxy" -split ',' | Where-Object { $_ }) + '127.0.0.1', 'localhost' | Select-Object -Unique) -join ',' }
        "#);
        insta::assert_snapshot!(environment.render(Shell::Dotenv, Some("corp.example.com")).expose(), @r"
        # Prefect through Postern, profile prod.
        # For programs on this machine only. A worker copies these settings into the jobs it starts: where jobs run on
        # other machines (Docker, Kubernetes, cloud), give those the server's own address in the work pool's job variables.
        PREFECT_API_URL=http://127.0.0.1:4201/api
        PREFECT_API_AUTH_STRING='postern:k\'1'
        PREFECT_API_KEY='k\'1'
        PREFECT_UI_URL=http://prod.localhost:4201
        NO_PROXY=corp.example.com,127.0.0.1,localhost
        no_proxy=corp.example.com,127.0.0.1,localhost
        ");
    }

    #[test]
    fn a_profile_without_local_programs_says_so() {
        assert!(Environment::of(&profile("open"), &Secret::new("k")).is_ok());
        let off = Environment::of(&profile("off"), &Secret::new("k")).unwrap_err();
        insta::assert_snapshot!(format!("{} {}", off.trouble().sentence, off.trouble().remedy), @r#"The profile prod lets no local programs in (local_programs = "off"). Allow them with `postern edit prod --local-programs key`, or in the manager."#);
    }

    #[test]
    fn no_proxy_is_extended_and_nothing_in_it_is_lost() {
        let both = [("NO_PROXY", "a.example.com"), ("no_proxy", "b.example.com")];
        for (before, upper, lower) in [
            (&[][..], "127.0.0.1,localhost", "127.0.0.1,localhost"),
            (&both[..], "a.example.com,127.0.0.1,localhost", "b.example.com,127.0.0.1,localhost"),
            (&both[..1], "a.example.com,127.0.0.1,localhost", "a.example.com,127.0.0.1,localhost"),
            (&both[1..], "b.example.com,127.0.0.1,localhost", "b.example.com,127.0.0.1,localhost"),
            (&[("NO_PROXY", "localhost,x")], "localhost,x,127.0.0.1", "localhost,x,127.0.0.1"),
            (&[("NO_PROXY", "127.0.0.1,localhost")], "127.0.0.1,localhost", "127.0.0.1,localhost"),
            (&[("NO_PROXY", "notlocalhost")], "notlocalhost,127.0.0.1,localhost", "notlocalhost,127.0.0.1,localhost"),
            (&[("NO_PROXY", "*")], "*", "*"),
        ] {
            let settings = environment("k").render(Shell::Bash, None);
            for shell in ["bash", "sh"] {
                assert_eq!(after_shell(shell, settings.expose(), before, "NO_PROXY"), upper, "{before:?}");
                assert_eq!(after_shell(shell, settings.expose(), before, "no_proxy"), lower, "{before:?}");
            }
            if let [(_, only)] = before {
                assert_eq!(extended(only), upper);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_shell_reads_every_key_as_it_is(key in "[^\\x00\\r]{0,40}") {
            let settings = environment(&key).render(Shell::Bash, None);
            let read = after_shell("bash", settings.expose(), &[], "PREFECT_API_AUTH_STRING");
            prop_assert_eq!(read, format!("postern:{key}"));
        }
    }
}
