//! The world around, as far as it makes what is known of servers old: sleep, another network, another time. And whether
//! the system saves its battery.
//!
//! 1. Each source only says that something has changed. What has become of the servers is found out by asking them.
//! 2. A change is told at once, and what changes right after it once more, a moment later: a network comes in steps.
//! 3. A source that this system has not is no trouble: the clock is everywhere.

#[cfg(target_os = "linux")]
mod bus;
mod clock;
mod network;

use std::time::Duration;

use tokio::sync::Notify;

use super::Outcomes;
use crate::controller::Event;

/// Between two tellings.
const PAUSE: Duration = Duration::from_secs(1);

/// Tells, until nobody takes it any more.
pub(super) async fn watch(outcomes: Outcomes) {
    let changed = Notify::new();
    let tell = async {
        loop {
            changed.notified().await;
            tracing::debug!("the world around has changed");
            outcomes.send(Event::WorldChanged).await;
            tokio::time::sleep(PAUSE).await;
        }
    };
    #[cfg(target_os = "linux")]
    let bus = bus::watch(&changed, &outcomes);
    #[cfg(not(target_os = "linux"))]
    let bus = async {};
    tokio::select! {
        () = tell => {}
        () = async { tokio::join!(clock::watch(&changed), network::watch(&changed), bus); } => {}
        () = outcomes.0.closed() => {}
    }
}
