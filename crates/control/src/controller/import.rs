//! What Prefect on this machine knows, and which of it becomes a profile.

use super::change::Wish;
use super::{Effect, Phase, State};
use crate::import::{Import, Outcome};

impl State {
    /// Begins anew, where somebody has looked before.
    pub(super) fn find_imports(&mut self, effects: &mut Vec<Effect>) {
        if self.phase == Phase::Running {
            self.import = Some(Import::default());
            effects.push(Effect::FindImports);
        }
    }

    /// Each becomes a save of its own. One that is chosen twice is imported once; one that failed may be tried again.
    pub(super) fn import(&mut self, keys: &[String]) {
        let Some(import) = &mut self.import else { return };
        for key in keys {
            let found = import.found.iter().flat_map(|found| &found.candidates);
            let Some(candidate) = found.into_iter().find(|candidate| candidate.key == *key).cloned() else { continue };
            if matches!(import.outcome(key), None | Some(Outcome::Failed(_))) {
                import.set(key, Outcome::Waiting);
                self.wishes.push_back(Wish::Import(Box::new(candidate)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use postern_gateway::Secret;

    use crate::change::{Change, Stored};
    use crate::controller::fixture::{Stage, id, profile, said, trouble};
    use crate::controller::{AtStart, Effect, Event};
    use crate::import::{Found, Surroundings, find};
    use crate::profile::{Profile, Slot};
    use crate::view::{self, CandidateView, ImportState, SaveErrors};

    /// Two servers with secrets: the environment's and that of a file.
    fn found() -> Found {
        let folder = tempfile::TempDir::new().unwrap();
        let settings = "[api]\nurl = \"https://b.example.com/api\"\nauth_string = \"admin:canary\"\n";
        std::fs::write(folder.path().join("prefect.toml"), settings).unwrap();
        let variables = [("PREFECT_API_URL", "https://a.example.com/api"), ("PREFECT_API_KEY", "canary")];
        find(&Surroundings {
            folder: Some(PathBuf::from(folder.path())),
            home: None,
            variables: variables.map(|(name, value)| (name.to_owned(), Secret::new(value))).to_vec(),
        })
    }

    fn stage(profiles: &[Profile]) -> Stage {
        let mut stage = Stage::with(AtStart::None, profiles);
        assert_eq!(said(&stage.take(Event::FindImports)), "find imports");
        assert_eq!(view::manager(&stage.state).import.unwrap().candidates, None, "it says that it looks");
        stage.take(Event::ImportsFound(found()));
        stage
    }

    fn shown(stage: &Stage) -> Vec<CandidateView> {
        view::manager(&stage.state).import.unwrap().candidates.unwrap()
    }

    fn import(stage: &mut Stage, keys: &[&str]) -> Vec<Effect> {
        stage.take(Event::Import(keys.iter().map(|key| (*key).to_owned()).collect()))
    }

    /// The save under way succeeds.
    fn stored(stage: &mut Stage, effects: &[Effect]) -> Vec<Effect> {
        let [Effect::Store(Change::Put { written, secrets, .. })] = effects else { panic!("{effects:?}") };
        let port = written.port.or(Some(4300 + i64::try_from(stage.state.entries.len()).unwrap()));
        let new = crate::profile::Written { port, ..(**written).clone() }.check().unwrap();
        let profiles = stage.state.profiles().into_iter().cloned().chain([new.clone()]).collect();
        let secrets: Vec<Slot> = secrets.iter().map(|change| change.slot().clone()).collect();
        stage.take(Event::Stored(Ok(Stored { id: new.id, profiles, secrets, vault_trouble: None })))
    }

    #[test]
    fn those_chosen_are_saved_one_after_the_other_and_each_says_what_became_of_it() {
        let mut stage = stage(&[]);
        let first = import(&mut stage, &["environment", "prefect.toml", "environment", "nobody"]);
        assert_eq!(
            shown(&stage).iter().map(|one| one.state.clone()).collect::<Vec<_>>(),
            [ImportState::Waiting, ImportState::Waiting]
        );
        let second = stored(&mut stage, &first);
        assert_eq!(stored(&mut stage, &second), []);
        let [a, b] = shown(&stage).try_into().unwrap();
        let ImportState::Done { id, left: Some(left) } = a.state else { panic!("{a:?}") };
        assert_eq!(id, "a");
        assert!(left.contains("the variable PREFECT_API_KEY"), "{left}");
        assert!(matches!(b.state, ImportState::Done { id, .. } if id == "b"));
        assert_eq!(import(&mut stage, &["environment"]), [], "what is imported is imported once");
    }

    #[test]
    fn what_fails_is_told_and_can_be_tried_again() {
        let mut stage = stage(&[]);
        import(&mut stage, &["prefect.toml"]);
        stage.take(Event::Stored(Err(SaveErrors::whole(&trouble("vault_locked")))));
        let state = shown(&stage)[1].state.clone();
        assert!(matches!(&state, ImportState::Failed { message } if message.contains("vault_locked")), "{state:?}");
        let again = import(&mut stage, &["prefect.toml"]);
        stored(&mut stage, &again);
        assert!(matches!(shown(&stage)[1].state, ImportState::Done { .. }));
    }

    #[test]
    fn what_is_there_is_barred_and_not_saved_even_where_it_is_asked_for() {
        let mut a = profile("a", 4201);
        a.url = "https://a.example.com".parse().unwrap();
        let mut stage = stage(&[a]);
        let state = shown(&stage)[0].state.clone();
        assert!(matches!(&state, ImportState::Barred { trouble } if trouble.code == "already_there"), "{state:?}");
        assert_eq!(import(&mut stage, &["environment"]), []);
        assert!(matches!(shown(&stage)[0].state, ImportState::Failed { .. }));
    }

    #[test]
    fn once_nobody_looks_its_secrets_are_forgotten_and_what_is_under_way_goes_on() {
        let mut stage = stage(&[]);
        let saving = import(&mut stage, &["environment", "prefect.toml"]);
        stage.take(Event::ForgetImports);
        assert_eq!(stage.state.import, None);
        let second = stored(&mut stage, &saving);
        assert!(stage.state.entry(&id("a")).is_some());
        assert!(matches!(&*second, [Effect::Store(_)]));
        let told = stage.take(Event::Stored(Err(SaveErrors::whole(&trouble("vault_locked")))));
        assert!(said(&told).contains("not_imported"), "{told:?}");
        // What was read for who has gone is not kept.
        stage.take(Event::ImportsFound(found()));
        assert_eq!(stage.state.import, None);
    }

    #[test]
    fn the_page_is_told_of_secrets_that_they_are_there() {
        let stage = stage(&[]);
        let page = serde_json::to_string(&view::manager(&stage.state)).unwrap();
        assert!(page.contains("auth string of admin") && !page.contains("canary"), "{page}");
        assert!(!format!("{:?}", stage.state).contains("canary"));
    }
}
