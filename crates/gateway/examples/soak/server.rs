//! The server behind the gateway: does to each request what its plan says, and goes away now and then.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tokio::io::AsyncWriteExt as _;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::plan::{self, Act, Plan, Reader};
use crate::sockets;
use crate::tally::Wrong;
use crate::wire::{Head, Input, framing, halves, write_body};
use crate::world::{Counted, Mark, World};

/// What the client tells beside the gateway comes by then.
const SOON: Duration = Duration::from_secs(20);

/// A server that listens.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) port: u16,
    cut: CancellationToken,
    tasks: TaskTracker,
}

impl Server {
    /// On this port; 0 lets the system choose.
    pub(crate) async fn start(port: u16, world: &Arc<World>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let port = listener.local_addr()?.port();
        let (cut, tasks) = (CancellationToken::new(), TaskTracker::new());
        let server = Self { port, cut: cut.clone(), tasks: tasks.clone() };
        let world = Arc::clone(world);
        tasks.clone().spawn(async move {
            while let Some(Ok((stream, _))) = cut.run_until_cancelled(listener.accept()).await {
                let (cut, world) = (cut.clone(), Arc::clone(&world));
                tasks.spawn(async move {
                    let _counted = Counted::new(&world.connections);
                    cut.run_until_cancelled(serve(stream, &world)).await;
                });
            }
        });
        Ok(server)
    }

    /// Goes away, with whatever is under way, and comes back.
    pub(crate) async fn restart(self, world: &Arc<World>, dice: &mut Rng) -> io::Result<Self> {
        let port = self.port;
        world.turn();
        self.stop().await;
        tokio::time::sleep(Duration::from_millis(dice.u64(0..2_000))).await;
        let server = Self::start(port, world).await?;
        world.turn();
        world.tally.fault("server restarts");
        Ok(server)
    }

    /// Cuts whatever is under way, and listens no more.
    pub(crate) async fn stop(self) {
        self.cut.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

async fn serve(stream: TcpStream, world: &World) {
    let (mut from, mut to) = halves(stream);
    while let Ok(Some(head)) = from.head().await {
        if head.value("upgrade").is_some() {
            return sockets::echo(&head, from, to, world).await;
        }
        let Some((tag, plan)) = head.tag().zip(head.value(plan::HEADER).and_then(|plan| plan.parse::<Plan>().ok()))
        else {
            // The gateway's own requests: for a token, and for the version.
            let body = r#"{"token":"t"}"#;
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{}\r\n{body}",
                framing(body.len(), false)
            );
            if to.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
            continue;
        };
        // Without one its client has given up.
        let mark = world.of(tag).unwrap_or_default();
        mark.arrived.notify_one();
        let exchange = Exchange { tag, plan, head: &head, mark: &mark, world };
        match exchange.run(&mut from, &mut to).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(_) => {
                mark.gone.notify_one();
                return;
            }
        }
    }
}

/// One request and its answer.
struct Exchange<'e> {
    tag: u64,
    plan: Plan,
    head: &'e Head,
    mark: &'e Mark,
    world: &'e World,
}

impl Exchange<'_> {
    /// Whether another request may follow. An error is the other side's doing.
    async fn run(&self, from: &mut Input, to: &mut OwnedWriteHalf) -> io::Result<bool> {
        if self.plan.act == Act::Early {
            to.write_all(&[self.answer_head("413 Content Too Large").as_bytes(), &self.body()].concat()).await?;
            to.shutdown().await?;
            from.end().await;
            return Ok(false);
        }
        self.read(from).await?;
        tokio::select! {
            () = tokio::time::sleep(self.plan.delay) => {}
            () = from.end() => return Err(io::ErrorKind::BrokenPipe.into()),
        }
        match self.plan.act {
            Act::Answer | Act::CloseAfter | Act::Early => self.answer(to, "200 OK").await?,
            Act::Interim => {
                to.write_all(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n").await?;
                self.answer(to, "200 OK").await?;
            }
            Act::Trickle => {
                for piece in self.answer_head("200 OK").as_bytes().chunks(9) {
                    to.write_all(piece).await?;
                    tokio::task::yield_now().await;
                }
                write_body(to, &self.body(), self.plan.chunked, true).await?;
            }
            Act::OwnError => self.answer(to, "500 Internal Server Error").await?,
            Act::EdgeError => {
                let page = "<h1>502 Bad Gateway</h1>";
                let head = format!(
                    "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\n{}\r\n",
                    framing(page.len(), false)
                );
                to.write_all([head.as_str(), page].concat().as_bytes()).await?;
            }
            Act::ResetBeforeHead => reset(to)?,
            Act::EndBeforeHead => {}
            Act::ResetMidBody | Act::EndMidBody => {
                to.write_all(self.answer_head("200 OK").as_bytes()).await?;
                write_body(to, &self.body()[..self.plan.size / 2], self.plan.chunked, false).await?;
                // A reset overtakes what is on its way: only when the client has seen the beginning is its end due.
                tokio::time::timeout(SOON, self.mark.begun.notified()).await?;
                if self.plan.act == Act::ResetMidBody {
                    reset(to)?;
                }
            }
            Act::NotHttp => to.write_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n").await?,
            Act::TwoLengths => {
                to.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
                    .await?;
            }
        }
        Ok(matches!(self.plan.act, Act::Answer | Act::Interim | Act::Trickle | Act::OwnError | Act::EdgeError))
    }

    /// The request's body.
    async fn read(&self, from: &mut Input) -> io::Result<()> {
        let mut reader = Reader::of(self.tag);
        let read = from.body(self.head.length(), |bytes| reader.read(bytes)).await;
        if !reader.is_its || !self.head.line().contains(&format!("{:x} ", self.tag)) {
            self.world
                .tally
                .wrong(Wrong::MixedUp, || format!("the server received {:?} for {:x}", self.head, self.tag));
        }
        read
    }

    fn body(&self) -> Vec<u8> {
        plan::body(self.tag, self.plan.size)
    }

    fn answer_head(&self, status: &str) -> String {
        let framing = framing(self.plan.size, self.plan.chunked && self.plan.act != Act::Early);
        format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{}: {:x}\r\n{framing}\r\n", plan::TAG, self.tag)
    }

    async fn answer(&self, to: &mut OwnedWriteHalf, status: &str) -> io::Result<()> {
        to.write_all(self.answer_head(status).as_bytes()).await?;
        write_body(to, &self.body(), self.plan.chunked, true).await
    }
}

/// What is not sent yet is lost, and the other side gets a reset.
fn reset(to: &OwnedWriteHalf) -> io::Result<()> {
    to.as_ref().set_zero_linger()
}
