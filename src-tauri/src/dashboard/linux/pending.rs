//! A page that a person asked for, until it is there.

use std::cell::RefCell;

use url::Url;
use webkit2gtk::LoadEvent;

/// The page that is being left may lead elsewhere by itself, and WebKit stops a load for that before anybody is asked.
/// Prefect's UI does so without meaning to: it loads itself again when a part of it does not come, and leaving stops
/// what was on its way. So what the page leads to is refused meanwhile, as Chromium does, and the load begins again.
#[derive(Default)]
pub(in crate::dashboard) struct Pending(RefCell<Option<Load>>);

struct Load {
    /// May hold a pass, which is good once.
    address: Url,
    /// Where that leads.
    page: Url,
    started: bool,
    /// How often the load may begin again: a page that tries on and on wins.
    again: u8,
}

impl Pending {
    const AGAIN: u8 = 3;

    /// The window is about to load `address`, which leads to `page`.
    pub(in crate::dashboard) fn ask(&self, address: &Url, page: &Url) {
        let load = Load { address: address.clone(), page: page.clone(), started: false, again: Self::AGAIN };
        // One with a fragment may be a place in the page as it is: then nothing is loaded.
        self.0.replace(address.fragment().is_none().then_some(load));
    }

    /// A person would rather have something else, or it has become no page.
    pub(in crate::dashboard) fn forget(&self) {
        self.0.take();
    }

    /// How far a load has come. Those of before may still come to their end.
    pub(super) fn follow(&self, event: LoadEvent) {
        let mut pending = self.0.borrow_mut();
        if event == LoadEvent::Started
            && let Some(load) = &mut *pending
        {
            load.started = true;
        }
        if event == LoadEvent::Committed {
            *pending = pending.take().filter(|load| !load.started);
        }
    }

    /// A load has failed, or was stopped, mostly for another one.
    pub(super) fn fails(&self, stopped: bool) {
        let mut pending = self.0.borrow_mut();
        *pending = pending.take().filter(|load| stopped || !load.started);
        if let Some(load) = &mut *pending {
            load.started = false;
        }
    }

    /// The page leads to `target` with nobody having asked for it: what is to be loaded instead.
    pub(super) fn overtaken(&self, target: &str) -> Option<Url> {
        let mut pending = self.0.borrow_mut();
        let load = pending.as_mut().filter(|load| !is_same(&load.address, target))?;
        let Some(again) = load.again.checked_sub(1) else {
            *pending = None;
            return None;
        };
        let page = load.page.clone();
        *load = Load { address: page.clone(), page: page.clone(), started: false, again };
        Some(page)
    }
}

/// But for fragments, which are not always told.
fn is_same(address: &Url, target: &str) -> bool {
    let (mut address, target) = (address.clone(), Url::parse(target));
    address.set_fragment(None);
    target.is_ok_and(|mut target| {
        target.set_fragment(None);
        target == address
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "http://prod.localhost:4201/v2/flows";

    fn url(path: &str) -> Url {
        Url::parse(&format!("http://prod.localhost:4201{path}")).unwrap()
    }

    fn asked() -> Pending {
        let pending = Pending::default();
        pending.ask(&url("/.postern/enter?pass=x"), &url("/v2/blocks#top"));
        pending
    }

    #[test]
    fn what_the_page_that_is_left_leads_to_is_overtaken_until_the_next_one_is_there() {
        let pending = asked();
        // Of what was loading before.
        pending.follow(LoadEvent::Committed);
        assert_eq!(pending.overtaken("http://prod.localhost:4201/.postern/enter?pass=x"), None);
        pending.follow(LoadEvent::Started);
        pending.fails(true);
        pending.follow(LoadEvent::Finished);
        // The pass is spent.
        assert_eq!(pending.overtaken(BEFORE), Some(url("/v2/blocks#top")));
        assert_eq!(pending.overtaken("http://prod.localhost:4201/v2/blocks"), None);
        pending.follow(LoadEvent::Started);
        pending.follow(LoadEvent::Committed);
        assert_eq!(pending.overtaken(BEFORE), None);
    }

    #[test]
    fn a_load_that_fails_a_persons_wish_and_a_stubborn_page_end_it() {
        let pending = asked();
        pending.follow(LoadEvent::Started);
        pending.fails(false);
        assert_eq!(pending.overtaken(BEFORE), None);

        let pending = asked();
        pending.forget();
        assert_eq!(pending.overtaken(BEFORE), None);

        let pending = asked();
        assert!((0..Pending::AGAIN).all(|_| pending.overtaken(BEFORE).is_some()));
        assert_eq!(pending.overtaken(BEFORE), None);

        pending.ask(&url("/v2/flows#top"), &url("/v2/flows#top"));
        assert_eq!(pending.overtaken(BEFORE), None);
    }
}
