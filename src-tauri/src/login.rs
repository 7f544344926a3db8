//! Starting with the session: XDG autostart, a LaunchAgent, a value in the registry. What the system has is the truth;
//! nothing about it is kept elsewhere, so that a person may change it there.

#[cfg(target_os = "linux")]
pub(crate) use linux::{set, starts};
#[cfg(not(target_os = "linux"))]
pub(crate) use others::{set, starts};

/// Shows nothing but the icon.
const ARGUMENT: &str = "--hidden";

#[cfg(target_os = "linux")]
mod linux {
    use std::env;
    use std::error::Error;
    use std::path::{Path, PathBuf};
    use std::{fs, io};

    use tauri::{AppHandle, Manager as _};

    use super::ARGUMENT;

    /// Whether Postern starts with the session.
    ///
    /// # Errors
    /// When the system does not say.
    pub(crate) fn starts(app: &AppHandle) -> Result<bool, Box<dyn Error>> {
        Ok(match fs::read_to_string(file(app)?) {
            Ok(entry) => is_on(&entry),
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error.into()),
        })
    }

    /// Has Postern start with the session, or no more.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn set(app: &AppHandle, wanted: bool) -> Result<(), Box<dyn Error>> {
        let file = file(app)?;
        if wanted {
            // An AppImage runs from a place that is gone when it ends.
            let image = env::var_os("APPIMAGE").map(PathBuf::from);
            let program = image.map_or_else(|| env::current_exe().map(lasting), Ok)?;
            fs::create_dir_all(file.parent().unwrap_or(Path::new("/")))?;
            fs::write(file, entry(&program.to_string_lossy()))?;
        } else if let Err(error) = fs::remove_file(file)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error.into());
        }
        Ok(())
    }

    fn file(app: &AppHandle) -> tauri::Result<PathBuf> {
        Ok(app.path().config_dir()?.join("autostart/postern.desktop"))
    }

    /// proc(5): of a program that was upgraded since it started, the kernel says ` (deleted)`. What lies there now is meant.
    fn lasting(program: PathBuf) -> PathBuf {
        program.to_str().and_then(|path| path.strip_suffix(" (deleted)")).map(PathBuf::from).unwrap_or(program)
    }

    /// Desktops that let a person turn it off do so in the file.
    fn is_on(entry: &str) -> bool {
        !entry.lines().any(|line| {
            let line = line.replace(' ', "").to_ascii_lowercase();
            line == "hidden=true" || line == "x-gnome-autostart-enabled=false"
        })
    }

    /// Desktop Entry Specification, “The Exec key”: quoted, then written as any string is. Where what “TryExec” names is
    /// gone, the entry is passed over.
    fn entry(program: &str) -> String {
        let mut quoted = String::new();
        for letter in program.chars() {
            match letter {
                '"' | '`' | '$' => quoted.extend(["\\\\", &String::from(letter)]),
                '\\' => quoted.push_str("\\\\\\\\"),
                '%' => quoted.push_str("%%"),
                other => quoted.push(other),
            }
        }
        let named = program.replace('\\', "\\\\");
        format!(
            "[Desktop Entry]\nType=Application\nName=Postern\nComment=Doors to your Prefect servers, in the tray\n\
             TryExec={named}\nExec=\"{quoted}\" {ARGUMENT}\nIcon=postern\nTerminal=false\nX-GNOME-Autostart-enabled=true\n"
        )
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_program_is_started_wherever_it_lies() {
            for (program, exec, tried) in [
                ("/usr/bin/postern", r#"Exec="/usr/bin/postern" --hidden"#, "TryExec=/usr/bin/postern"),
                ("/my apps/50%", r#"Exec="/my apps/50%%" --hidden"#, "TryExec=/my apps/50%"),
                (r#"/a"b$c`d\e"#, r#"Exec="/a\\"b\\$c\\`d\\\\e" --hidden"#, r#"TryExec=/a"b$c`d\\e"#),
            ] {
                for wanted in [exec, tried] {
                    assert!(entry(program).lines().any(|line| line == wanted), "{}", entry(program));
                }
                assert!(is_on(&entry(program)));
            }
        }

        #[test]
        fn a_program_that_was_upgraded_lies_where_it_lay() {
            for path in ["/usr/bin/postern-desktop (deleted)", "/usr/bin/postern-desktop"] {
                assert_eq!(lasting(path.into()), Path::new("/usr/bin/postern-desktop"));
            }
        }

        #[test]
        fn what_the_desktop_turned_off_is_off() {
            for line in ["Hidden=true", "Hidden = true", "X-GNOME-Autostart-enabled=false"] {
                assert!(!is_on(&format!("[Desktop Entry]\n{line}\n")), "{line}");
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod others {
    use std::env;
    use std::error::Error;

    use auto_launch::{AutoLaunch, AutoLaunchBuilder};
    use tauri::AppHandle;

    use super::ARGUMENT;

    pub(crate) fn starts(_app: &AppHandle) -> Result<bool, Box<dyn Error>> {
        Ok(entry()?.is_enabled()?)
    }

    pub(crate) fn set(_app: &AppHandle, wanted: bool) -> Result<(), Box<dyn Error>> {
        let entry = entry()?;
        Ok(if wanted { entry.enable()? } else { entry.disable()? })
    }

    fn entry() -> Result<AutoLaunch, Box<dyn Error>> {
        let program = env::current_exe()?;
        let program = program.to_string_lossy();
        let mut builder = AutoLaunchBuilder::new();
        // Windows reads a line, in which a space ends the program, and has one for each user and one for all.
        #[cfg(windows)]
        let program = format!("\"{program}\"");
        #[cfg(windows)]
        builder.set_windows_enable_mode(auto_launch::WindowsEnableMode::CurrentUser);
        builder.set_app_name("Postern").set_app_path(&program).set_args(&[ARGUMENT]);
        Ok(builder.build()?)
    }
}
