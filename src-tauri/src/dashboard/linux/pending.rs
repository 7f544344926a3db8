//! A page that the window itself was led to, until it is there.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use url::Url;
use webkit2gtk::LoadEvent;

/// The page that is being left may lead elsewhere by itself, and WebKit stops a load for that before anybody is asked.
/// Prefect's UI does so without meaning to: it loads itself again when a part of it does not come, and leaving stops
/// what was on its way. So what a load was just stopped for is refused, and the load begins again: in Chromium, the page
/// would not have stopped it.
#[derive(Default)]
pub(in crate::dashboard) struct Pending(RefCell<Option<Load>>);

struct Load {
    page: Url,
    phase: Phase,
    /// How often it may begin again: a page that tries on and on wins.
    tries: u8,
}

enum Phase {
    /// Loads of before may still come to their end.
    Asked,
    Started,
    Stopped(Instant),
}

impl Pending {
    const TRIES: u8 = 3;

    /// What a load was stopped for comes within milliseconds. What comes later has nothing to do with it.
    const FRESH: Duration = Duration::from_secs(2);

    /// The window is about to load an address that leads to `page`.
    pub(in crate::dashboard) fn ask(&self, page: &Url) {
        self.0.replace(Some(Load { page: page.clone(), phase: Phase::Asked, tries: Self::TRIES }));
    }

    /// Something else is wanted.
    pub(in crate::dashboard) fn forget(&self) {
        self.0.take();
    }

    /// How far a load has come.
    pub(super) fn progress(&self, event: LoadEvent) {
        let mut pending = self.0.borrow_mut();
        if event == LoadEvent::Started
            && let Some(load) = &mut *pending
        {
            load.phase = Phase::Started;
        }
        if event == LoadEvent::Committed {
            *pending = pending.take().filter(|load| matches!(load.phase, Phase::Asked));
        }
    }

    /// A load has failed, or was stopped.
    pub(super) fn fail(&self, stopped: bool, now: Instant) {
        let mut pending = self.0.borrow_mut();
        match &mut *pending {
            Some(Load { phase: phase @ Phase::Started, .. }) if stopped => *phase = Phase::Stopped(now),
            Some(Load { phase: Phase::Started, .. }) => *pending = None,
            _ => {}
        }
    }

    /// The page leads to `target` with nobody having asked for it: what is to be loaded instead.
    pub(super) fn overtaken(&self, target: &Url, now: Instant) -> Option<Url> {
        let mut pending = self.0.borrow_mut();
        let load = pending.as_mut()?;
        let Phase::Stopped(at) = load.phase else { return None };
        // Loads of the window's own: the page itself, or one that lets it in anew.
        if is_same(&load.page, target) || target.path() == "/.postern/enter" {
            return None;
        }
        let fresh = now.saturating_duration_since(at) < Self::FRESH;
        let Load { page, tries, .. } = pending.take()?;
        // One with a fragment may be a place in the page as it is: then nothing is loaded, and nothing ends.
        if let Some(tries) = tries.checked_sub(1).filter(|_| fresh && page.fragment().is_none()) {
            *pending = Some(Load { page: page.clone(), phase: Phase::Asked, tries });
        }
        (fresh && tries > 0).then_some(page)
    }
}

/// But for fragments, which are not always told.
fn is_same(one: &Url, other: &Url) -> bool {
    let [one, other] = [one, other].map(|url| {
        let mut url = url.clone();
        url.set_fragment(None);
        url
    });
    one == other
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(path: &str) -> Url {
        Url::parse(&format!("http://prod.localhost:4201{path}")).unwrap()
    }

    fn asked(page: &str) -> Pending {
        let pending = Pending::default();
        pending.ask(&url(page));
        pending
    }

    fn stopped(page: &str) -> (Pending, Instant) {
        let (pending, now) = (asked(page), Instant::now());
        pending.progress(LoadEvent::Started);
        pending.fail(true, now);
        pending.progress(LoadEvent::Finished);
        (pending, now)
    }

    #[test]
    fn what_a_load_is_stopped_for_is_overtaken() {
        let (before, page) = (url("/v2/flows"), url("/v2/blocks"));
        let pending = asked("/v2/blocks");
        let now = Instant::now();
        // Of what was loading before.
        pending.progress(LoadEvent::Committed);
        pending.fail(true, now);
        // A frame of the page that is being left.
        pending.progress(LoadEvent::Started);
        assert_eq!(pending.overtaken(&before, now), None);
        pending.fail(true, now);
        pending.progress(LoadEvent::Finished);
        assert_eq!(pending.overtaken(&url("/.postern/enter?pass=x"), now), None);
        assert_eq!(pending.overtaken(&before, now), Some(page.clone()));
        assert_eq!(pending.overtaken(&page, now), None);
        pending.progress(LoadEvent::Started);
        pending.progress(LoadEvent::Committed);
        pending.fail(true, now);
        assert_eq!(pending.overtaken(&before, now), None);
    }

    #[test]
    fn what_comes_of_itself_later_or_of_a_persons_wish_is_not() {
        let before = url("/v2/flows");
        let (pending, now) = stopped("/v2/blocks");
        assert_eq!(pending.overtaken(&before, now + Pending::FRESH), None);
        assert_eq!(pending.overtaken(&before, now), None);

        let (pending, now) = stopped("/v2/blocks");
        pending.forget();
        assert_eq!(pending.overtaken(&before, now), None);

        let pending = asked("/v2/blocks");
        pending.progress(LoadEvent::Started);
        pending.fail(false, now);
        pending.fail(true, now);
        assert_eq!(pending.overtaken(&before, now), None);
    }

    #[test]
    fn a_page_that_tries_on_and_on_wins() {
        let before = url("/v2/flows");
        let (pending, now) = stopped("/v2/blocks");
        let again = || {
            let page = pending.overtaken(&before, now);
            pending.progress(LoadEvent::Started);
            pending.fail(true, now);
            page
        };
        let overtaken = std::iter::from_fn(again).count();
        assert_eq!(overtaken, usize::from(Pending::TRIES));

        let (pending, now) = stopped("/v2/blocks#top");
        assert_eq!(pending.overtaken(&before, now), Some(url("/v2/blocks#top")));
        pending.progress(LoadEvent::Started);
        pending.fail(true, now);
        assert_eq!(pending.overtaken(&before, now), None);
    }
}
