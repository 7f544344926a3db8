//! One look, as a task of its own: what is heard of it goes to the owner as it comes.

use std::time::Duration;

use tokio::sync::mpsc;

use super::Alarm;
use super::gateway::Place;
use crate::controller::{Event, Sight};
use crate::look::{self, End, News, Plan};
use crate::view::{SaveErrors, Trouble};

/// Begins it after a moment. It ends with what is returned, and with it what there was to show.
pub(super) fn look(sight: Sight, number: u64, plans: Vec<Plan>, after: Duration, place: Place) -> Alarm {
    let outcomes = place.outcomes.clone();
    let heard = move |news| Event::Looked { sight: sight.clone(), number, news };
    let (tell, mut told) = mpsc::unbounded_channel();
    let looking = tokio::spawn(async move {
        tokio::time::sleep(after).await;
        // Whoever hears of it may be gone.
        let tell = |news| drop(tell.send(news));
        let end = look::look(plans, &place.folders, &place.vault, &tell).await;
        tell(News::End(end));
    });
    let alarm = Alarm(looking.abort_handle());
    tokio::spawn(async move {
        while let Some(news) = told.recv().await {
            outcomes.send(heard(news)).await;
        }
        if let Err(error) = looking.await
            && error.is_panic()
        {
            let errors = SaveErrors::whole(&Trouble::internal(&error));
            outcomes.send(heard(News::End(End::Unfit(errors)))).await;
        }
    });
    alarm
}
