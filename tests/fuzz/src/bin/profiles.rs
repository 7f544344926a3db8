//! profiles.toml: what can be read is the same after it was written again, in place and anew; and what cannot be read
//! is told with its line.
#![no_main]

// Control's own files: what else it is made of has nothing to do with them, and takes long to build.
#[path = "../../../../crates/control/src"]
#[allow(dead_code, unused_imports, reason = "the rest of control uses the rest of it")]
mod control {
    pub mod profile;
    pub mod text;
}

use control::{profile, text};
use libfuzzer_sys::fuzz_target;
use profile::file::{edit, parse};

fuzz_target!(|text: &str| {
    let profiles = match parse(text) {
        Ok((profiles, _)) => profiles,
        Err(remarks) => {
            assert!(!remarks.is_empty());
            let lines = text.split('\n').count();
            assert!(remarks.iter().all(|remark| (1..=lines).contains(&remark.line)), "{remarks:?}");
            // The file is left as it is.
            return;
        }
    };
    let read = |text: &str| parse(text).map(|(profiles, _)| profiles);
    let anew = edit("", &[], &profiles);
    assert_eq!(read(&anew).as_ref(), Ok(&profiles), "{anew}");
    let same = edit(text, &profiles, &profiles);
    assert_eq!(read(&same).as_ref(), Ok(&profiles), "{same}");

    // Without the last, and with its name changed.
    let Some((last, others)) = profiles.split_last() else { return };
    let removed = edit(text, &profiles, others);
    assert_eq!(read(&removed).as_deref(), Ok(others), "{removed}");
    let mut renamed = profiles.clone();
    if let Some(profile) = renamed.last_mut() {
        profile.name = format!("{} 2", last.name.chars().take(90).collect::<String>()).trim().to_owned();
    }
    let written = edit(text, &profiles, &renamed);
    assert_eq!(read(&written).as_ref(), Ok(&renamed), "{written}");
});
