//! Keeps a body while it passes: each piece goes to the visitor, and by a short queue to the disk.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Frame;
use tokio::sync::mpsc;
use tokio::time::{Sleep, sleep};
use tokio_util::sync::PollSender;

use super::store::{Entry, Piece, Store};

/// How many pieces may wait for the disk.
const QUEUE: usize = 4;

/// A visitor waits no longer for a disk that takes nothing; then the asset is not kept.
const PATIENCE: Duration = Duration::from_secs(1);

/// One asset on its way to the disk. Dropped before the end has passed, nothing of it stays.
#[derive(Debug)]
pub(crate) struct Keeper {
    /// `None` when all is over, well or not.
    queue: Option<PollSender<Piece>>,
    patience: Option<Pin<Box<Sleep>>>,
}

impl Keeper {
    /// `None` where many are being kept already.
    pub(super) fn start(store: &Arc<Store>, entry: Entry, head: &[u8]) -> Option<Self> {
        let (queue, pieces) = mpsc::channel(QUEUE);
        store.keep(entry, head, pieces)?;
        Some(Self { queue: Some(PollSender::new(queue)), patience: None })
    }

    /// Ready when the next piece may pass.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(queue) = &mut self.queue else { return Poll::Ready(()) };
        match queue.poll_reserve(cx) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(_)) => self.queue = None,
            Poll::Pending => {
                ready!(self.patience.get_or_insert_with(|| Box::pin(sleep(PATIENCE))).as_mut().poll(cx));
                self.queue = None;
            }
        }
        self.patience = None;
        Poll::Ready(())
    }

    /// What passed, and whether it was the last.
    pub(crate) fn passes<E>(&mut self, frame: Option<&Result<Frame<Bytes>, E>>, last: bool) {
        let piece = match frame {
            None => Piece { data: Bytes::new(), last: true },
            Some(Ok(frame)) => match frame.data_ref() {
                Some(data) => Piece { data: data.clone(), last },
                // Trailers: the end is yet to come.
                None => return,
            },
            Some(Err(_)) => {
                self.queue = None;
                return;
            }
        };
        let over = piece.last;
        if let Some(queue) = &mut self.queue
            && (queue.send_item(piece).is_err() || over)
        {
            self.queue = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::poll_fn;

    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_disk_that_takes_nothing_holds_a_visitor_up_once_and_briefly() {
        let (queue, _pieces) = mpsc::channel(QUEUE);
        let mut keeper = Keeper { queue: Some(PollSender::new(queue)), patience: None };
        let began = Instant::now();
        for _ in 0..3 * QUEUE {
            poll_fn(|cx| keeper.poll_ready(cx)).await;
            keeper.passes::<Infallible>(Some(&Ok(Frame::data(Bytes::from("piece")))), false);
        }
        assert!((PATIENCE..2 * PATIENCE).contains(&began.elapsed()), "{:?}", began.elapsed());
    }
}
