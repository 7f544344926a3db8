//! Clients of all habits, and what each must see.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::plan::{self, Act, Due, Plan, Reader};
use crate::support;
use crate::tally::Wrong;
use crate::wire::{Input, framing, halves, write_body};
use crate::world::{Marked, World};

/// No exchange takes longer, however busy the machine is.
const SOON: Duration = Duration::from_secs(60);
/// A client that is gone is told to the server within a second; a busy machine may take longer to look.
const TOLD: Duration = Duration::from_secs(5);

/// What a client saw.
#[derive(Debug)]
enum Seen {
    /// The server's answer: whole, or the beginning of one.
    Answer { status: u16, tag: Option<u64>, length: usize, is_its: bool, whole: bool },
    /// The gateway's own.
    Fault { status: u16, code: String },
    /// No head; the text is for who reads what went wrong.
    #[expect(dead_code, reason = "only ever shown")]
    Nothing(String),
}

/// One request.
#[derive(Clone, Copy)]
struct Ask {
    kind: &'static str,
    plan: Plan,
    /// Bytes; none where there is no body at all.
    upload: Option<usize>,
    chunked: bool,
}

pub(crate) struct Client {
    world: Arc<World>,
    gateway: u16,
    dice: Rng,
    /// Kept from request to request, as long as that is possible.
    kept: Option<(Input, OwnedWriteHalf)>,
}

impl Client {
    pub(crate) fn new(world: &Arc<World>, gateway: u16, seed: u64) -> Self {
        Self { world: Arc::clone(world), gateway, dice: Rng::with_seed(seed), kept: None }
    }

    /// One request after the other, until it is told to end.
    pub(crate) async fn run(mut self, calm: CancellationToken) {
        let world = Arc::clone(&self.world);
        while !calm.is_cancelled() {
            self.once(&world).await;
            sleep(Duration::from_millis(self.dice.u64(0..40))).await;
        }
    }

    async fn once(&mut self, world: &World) {
        match self.dice.u8(0..100) {
            0..40 => self.exchange(world, "read", 0..4_000, None).await,
            40..58 => {
                let upload = Some(self.dice.usize(1..32_000));
                self.exchange(world, "write", 0..4_000, upload).await;
            }
            58..66 => self.exchange(world, "download", 64_000..1_000_000, None).await,
            66..74 => {
                let upload = Some(self.dice.usize(100_000..600_000));
                self.exchange(world, "upload", 0..100, upload).await;
            }
            74..82 => self.pair(world).await,
            82..85 => self.give_up_waiting(world).await,
            85..88 => self.give_up_reading(world).await,
            88..91 => self.give_up_sending(world).await,
            91..96 => self.half_close(world).await,
            _ => self.read_slowly(world).await,
        }
    }

    /// A calm one, without any fault.
    pub(crate) async fn calm(&mut self) {
        let world = Arc::clone(&self.world);
        let ask = self.ask("read", 100..200, None, Act::Answer);
        self.ask_and_judge(&world, ask).await;
        self.kept = None;
    }

    fn ask(&mut self, kind: &'static str, size: std::ops::Range<usize>, upload: Option<usize>, act: Act) -> Ask {
        let delay = Duration::from_millis(if self.dice.u8(0..8) == 0 { self.dice.u64(0..500) } else { 0 });
        let plan = Plan { act, size: self.dice.usize(size), chunked: self.dice.bool(), delay };
        Ask { kind, plan, upload, chunked: self.dice.bool() }
    }

    /// With a fault in one of eight.
    async fn exchange(
        &mut self,
        world: &World,
        kind: &'static str,
        size: std::ops::Range<usize>,
        upload: Option<usize>,
    ) {
        let act = match self.dice.u8(0..8) {
            0 if kind == "upload" && self.dice.bool() => Act::Early,
            0 => Act::FAULTS[self.dice.usize(..Act::FAULTS.len())],
            _ => Act::Answer,
        };
        // Half of a body must be something.
        let size = if matches!(act, Act::ResetMidBody | Act::EndMidBody) { 64..200_000 } else { size };
        let ask = self.ask(kind, size, upload, act);
        self.ask_and_judge(world, ask).await;
    }

    async fn ask_and_judge(&mut self, world: &World, ask: Ask) {
        let marked = world.mark();
        let seen = match self.connection().await {
            Ok((mut from, mut to)) => {
                let (seen, last) = exchange(&mut from, &mut to, &ask, &marked, self.gateway).await;
                self.kept = (!last).then_some((from, to));
                seen
            }
            Err(error) => Seen::Nothing(error.to_string()),
        };
        judge(world, &ask, &marked, &seen);
    }

    async fn connection(&mut self) -> io::Result<(Input, OwnedWriteHalf)> {
        match self.kept.take() {
            Some(kept) => Ok(kept),
            None => connect(self.gateway).await,
        }
    }

    /// Two at once: two answers, in order.
    async fn pair(&mut self, world: &World) {
        let asks =
            [self.ask("pipelined", 0..4_000, None, Act::Answer), self.ask("pipelined", 0..4_000, None, Act::OwnError)];
        let marked = [world.mark(), world.mark()];
        let Ok((mut from, mut to)) = self.connection().await else {
            world.tally.wrong(Wrong::Lost, || "no connection for a pair".to_owned());
            return;
        };
        let heads: String = asks.iter().zip(&marked).map(|(ask, marked)| head(ask, marked.tag, self.gateway)).collect();
        let sent = to.write_all(heads.as_bytes()).await;
        let mut last = sent.is_err();
        for (ask, marked) in asks.iter().zip(&marked) {
            let seen = timeout(SOON, read(&mut from, marked, &mut last)).await;
            judge(world, ask, marked, &seen.unwrap_or_else(|_| Seen::Nothing("no answer in time".to_owned())));
        }
        self.kept = (!last).then_some((from, to));
    }

    /// Sends its last, and still gets all of its answer.
    async fn half_close(&mut self, world: &World) {
        let ask = self.ask("half-closed", 0..100_000, None, Act::Answer);
        let marked = world.mark();
        let Ok((mut from, mut to)) = connect(self.gateway).await else { return };
        let sent = async {
            to.write_all(head(&ask, marked.tag, self.gateway).as_bytes()).await?;
            to.shutdown().await
        };
        let seen = match sent.await {
            Ok(()) => timeout(SOON, read(&mut from, &marked, &mut false)).await.ok(),
            Err(error) => Some(Seen::Nothing(error.to_string())),
        };
        judge(world, &ask, &marked, &seen.unwrap_or_else(|| Seen::Nothing("no answer in time".to_owned())));
    }

    async fn read_slowly(&mut self, world: &World) {
        let ask = self.ask("read slowly", 1_000_000..3_000_000, None, Act::Answer);
        let marked = world.mark();
        let Ok((mut from, mut to)) = connect(self.gateway).await else { return };
        from.rest = Some(Duration::from_millis(self.dice.u64(1..10)));
        let (seen, _) = exchange(&mut from, &mut to, &ask, &marked, self.gateway).await;
        judge(world, &ask, &marked, &seen);
    }

    async fn give_up_waiting(&mut self, world: &World) {
        let mut ask = self.ask("given up waiting", 0..100, None, Act::Answer);
        ask.plan.delay = Duration::from_secs(60);
        self.give_up(world, ask, 0).await;
    }

    async fn give_up_reading(&mut self, world: &World) {
        let ask = self.ask("given up reading", 20_000_000..20_000_001, None, Act::Answer);
        self.give_up(world, ask, 0).await;
    }

    async fn give_up_sending(&mut self, world: &World) {
        let upload = self.dice.usize(200_000..600_000);
        let ask = self.ask("given up sending", 0..100, Some(upload), Act::Answer);
        self.give_up(world, ask, upload / 2).await;
    }

    /// Goes away when the server has the request, so much of the upload is sent and, where it is long, the answer has
    /// begun. The server must be told.
    async fn give_up(&mut self, world: &World, ask: Ask, sends: usize) {
        world.tally.traffic(ask.kind);
        let marked = world.mark();
        let under_way = async {
            let (mut from, mut to) = connect(self.gateway).await?;
            to.write_all(head(&ask, marked.tag, self.gateway).as_bytes()).await?;
            write_body(&mut to, &plan::body(marked.tag, sends), ask.chunked, false).await?;
            tokio::select! {
                biased;
                () = marked.mark.arrived.notified() => {}
                // The server has not even seen it: it is away.
                _ = from.head() => return Err(io::ErrorKind::NotConnected.into()),
            }
            if ask.plan.size > 1_000_000 {
                let head = from.head().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
                let mut reader = Reader::of(marked.tag);
                let ended = from.body(head.length(), |bytes| reader.read(bytes));
                // No body ends while it is looked at for so short a time.
                drop(timeout(Duration::from_millis(5), ended).await);
                let foreign = !reader.is_its || head.tag() != Some(marked.tag);
                if foreign && head.value("postern-fault").is_none() {
                    world.tally.wrong(Wrong::MixedUp, || format!("{} got a foreign body", ask.kind));
                }
            }
            io::Result::Ok(())
        };
        let reached = timeout(SOON, under_way).await;
        match reached {
            _ if marked.met_a_restart() => {}
            Ok(Ok(())) => {
                if timeout(TOLD, marked.mark.gone.notified()).await.is_err() && !marked.met_a_restart() {
                    world.tally.wrong(Wrong::NotTold, || format!("{}: the server was not told", ask.kind));
                }
            }
            Ok(Err(error)) => world.tally.wrong(Wrong::Lost, || format!("{}: {error}", ask.kind)),
            Err(_) => world.tally.wrong(Wrong::Lost, || format!("{}: the server never got it", ask.kind)),
        }
    }
}

async fn connect(gateway: u16) -> io::Result<(Input, OwnedWriteHalf)> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, gateway)).await?;
    stream.set_nodelay(true)?;
    Ok(halves(stream))
}

fn head(ask: &Ask, tag: u64, gateway: u16) -> String {
    let (method, framing) = match ask.upload {
        None => ("GET", String::new()),
        Some(length) => ("POST", framing(length, ask.chunked)),
    };
    format!(
        "{method} /api/{tag:x} HTTP/1.1\r\nHost: 127.0.0.1:{gateway}\r\n{}: {tag:x}\r\n{}: {}\r\n{framing}{}\r\n",
        plan::TAG,
        plan::HEADER,
        ask.plan,
        support::key()
    )
}

/// There and back; and whether the connection is used up.
async fn exchange(
    from: &mut Input,
    to: &mut OwnedWriteHalf,
    ask: &Ask,
    marked: &Marked<'_>,
    gateway: u16,
) -> (Seen, bool) {
    let mut last = false;
    let send = async {
        to.write_all(head(ask, marked.tag, gateway).as_bytes()).await?;
        match ask.upload {
            Some(length) => write_body(to, &plan::body(marked.tag, length), ask.chunked, true).await,
            None => Ok(()),
        }
    };
    // The answer may come before all is sent; then nobody need send the rest.
    let both = async {
        let mut send = std::pin::pin!(send);
        let mut read = std::pin::pin!(read(from, marked, &mut last));
        tokio::select! {
            sent = &mut send => (read.await, sent.is_err()),
            seen = &mut read => (seen, true),
        }
    };
    match timeout(SOON, both).await {
        Ok((seen, unsent)) => (seen, last || unsent),
        Err(_) => (Seen::Nothing("no answer in time".to_owned()), true),
    }
}

/// One answer. `last`: whether none can follow.
async fn read(from: &mut Input, marked: &Marked<'_>, last: &mut bool) -> Seen {
    let head = loop {
        match from.head().await {
            Ok(Some(head)) if head.status() < 200 => {}
            Ok(Some(head)) => break head,
            Ok(None) => {
                *last = true;
                return Seen::Nothing("the connection was closed".to_owned());
            }
            Err(error) => {
                *last = true;
                return Seen::Nothing(error.to_string());
            }
        }
    };
    *last |= head.is_last();
    let mut reader = Reader::of(marked.tag);
    let body = from.body(head.length(), |bytes| {
        reader.read(bytes);
        marked.mark.begun.notify_one();
    });
    let whole = body.await.is_ok();
    *last |= !whole;
    match head.value("postern-fault") {
        Some(code) => Seen::Fault { status: head.status(), code: code.to_owned() },
        None => {
            Seen::Answer { status: head.status(), tag: head.tag(), length: reader.length, is_its: reader.is_its, whole }
        }
    }
}

fn judge(world: &World, ask: &Ask, marked: &Marked<'_>, seen: &Seen) {
    let (act, tally) = (ask.plan.act, &world.tally);
    tally.traffic(ask.kind);
    let as_due = match (act.due(), seen) {
        (Due::Answer(due), Seen::Answer { status, length, whole: true, .. }) => {
            *status == due && *length == ask.plan.size
        }
        (Due::Fault(due), Seen::Fault { status: 502, code }) => code == due,
        (Due::Cut, Seen::Answer { status: 200, whole: false, .. }) => true,
        _ => false,
    };
    let excused = marked.met_a_restart() && matches!(seen, Seen::Fault { .. } | Seen::Answer { whole: false, .. });
    let wrong = if let Seen::Answer { tag, is_its, .. } = seen
        && (*tag != Some(marked.tag) || !is_its)
    {
        Wrong::MixedUp
    } else if as_due {
        if act != Act::Answer {
            tally.fault(act.name());
        }
        return;
    } else if excused {
        return tally.fault("met a restart");
    } else if act == Act::Answer {
        Wrong::Lost
    } else {
        Wrong::NotDue
    };
    let restart = if marked.met_a_restart() { ", and the server restarted" } else { "" };
    tally.wrong(wrong, || format!("{}, {}{restart}: {seen:?}", ask.kind, act.name()));
}
