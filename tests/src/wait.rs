//! Waiting for the thing itself. The only sleep among the tests is the pause between two looks, here.

use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

const PAUSE: Duration = Duration::from_millis(25);

/// Looks again and again until `look` sees something.
///
/// # Errors
/// What `look` failed with; or, after `limit`, that `what` did not come.
pub async fn until<T>(
    what: &str,
    limit: Duration,
    mut look: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(seen) = look().await? {
            return Ok(seen);
        }
        if Instant::now() >= deadline {
            bail!("waited {} s in vain for {what}", limit.as_secs_f32());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// A loopback port that was free a moment ago, for programs that cannot choose one themselves.
///
/// # Errors
/// When the system has none.
pub fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free loopback port")?;
    Ok(listener.local_addr()?.port())
}
