//! Links: to a page of a server's, or to a server that may be added.

use super::{Effect, Lead, Phase, ShellRequest, State, Window};
use crate::link::{InvalidLink, Lead as To, Link};
use crate::view::Trouble;

impl State {
    pub(super) fn follow(&mut self, link: Result<Link, InvalidLink>, effects: &mut Vec<Effect>) {
        if self.phase != Phase::Running {
            return;
        }
        let trouble = match link.map(|link| link.lead(&self.profiles())) {
            Ok(To::Page { id, to }) => {
                // The first page is wherever an open window is.
                let window = if to == "/" { Window::Dashboard } else { Window::DashboardAt(to) };
                return self.open(id, window, effects);
            }
            // Who follows a link has not said yet that Postern may ask there: that is for the form.
            Ok(To::Unknown(address)) if self.file_trouble.is_none() => {
                return self.show_manager(Some(Lead::New(Some(address))), effects);
            }
            Ok(To::Unknown(_)) => Trouble::new(
                "no_profile_there",
                "No server of yours is at this link's address, and none can be added while profiles.toml cannot be read.",
                "Solve that first; the manager says what is wrong.",
            ),
            Ok(To::Gone(id)) => Trouble::new(
                "no_such_profile",
                format!("The link leads to a profile {id}, and there is none of that name here."),
                "Add its server, or ask who gave you the link for the server's own address.",
            ),
            Err(invalid) => Trouble::new("link_refused", invalid.to_string(), invalid.remedy()),
        };
        effects.push(Effect::Shell(ShellRequest::ShowTrouble { name: None, trouble }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::fixture::{Stage, id, profile, said, trouble};
    use crate::controller::{AtStart, Event};

    fn follow(stage: &mut Stage, text: &str) -> String {
        said(&stage.take(Event::Follow(Link::parse(text))))
    }

    #[test]
    fn a_link_opens_its_page_in_its_profile_and_connects_first() {
        let mut stage = Stage::with(AtStart::None, &[profile("prod", 4201)]);
        assert_eq!(follow(&mut stage, "https://prod.example.com/prefect/v2/runs?page=2"), "start prod");
        assert_eq!(follow(&mut stage, "postern://prod/flows"), "");
        // What is asked for last is what is seen.
        assert_eq!(said(&stage.starts()), "open prod in DashboardAt(\"/flows\")\nprobe");
        assert_eq!(follow(&mut stage, "postern://prod"), "open prod in Dashboard");
    }

    #[test]
    fn a_server_without_a_profile_is_offered_and_not_asked() {
        let mut stage = Stage::with(AtStart::None, &[]);
        assert_eq!(follow(&mut stage, "https://new.example.com/runs"), "shell ShowManager\nsee the vault");
        let (number, lead) = stage.state.lead.clone().unwrap();
        assert_eq!(lead, Lead::New(Some("https://new.example.com/runs".parse().unwrap())));
        follow(&mut stage, "https://new.example.com/runs");
        assert_ne!(stage.state.lead.clone().unwrap(), (number, lead));
        stage.state.lead = None;
        stage.take(Event::Loaded(Err(trouble("profiles_invalid"))));
        assert!(follow(&mut stage, "https://new.example.com/runs").contains("no_profile_there"));
        assert_eq!(stage.state.lead, None);
    }

    #[test]
    fn what_leads_nowhere_is_said_and_changes_nothing() {
        let mut stage = Stage::with(AtStart::None, &[profile("prod", 4201)]);
        let before = stage.state.clone();
        for (text, code) in [
            ("postern://gone/x", "no_such_profile"),
            ("postern://prod/../x", "link_refused"),
            ("https://user:canary@prod.example.com/prefect", "link_refused"),
            ("file:///etc/passwd", "link_refused"),
        ] {
            let told = follow(&mut stage, text);
            assert!(told.contains(code) && !told.contains("canary"), "{text}: {told}");
            assert_eq!(stage.state, before, "{text}");
        }
        assert!(said(&stage.take(Event::Open(id("gone")))).contains("no_such_profile"));
        assert_eq!(stage.state, before);
        stage.take(Event::Quit);
        assert_eq!(follow(&mut stage, "postern://prod/x"), "");
    }
}
