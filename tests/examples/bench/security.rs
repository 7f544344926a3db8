//! How strict: the gateway, nginx and haproxy with next to no configuration, each with the same corpus in one run, and
//! behind each a server that writes down every byte.
//!
//! - [`corpus`] is what is sent: smuggling payloads and RFC probes, by class.
//! - A payload is *forwarded* where the server saw anything of it. It *desynchronises* where what the server saw has two
//!   readings, or more requests in it than one ([`recorder`]): whoever stands before or behind may take the other one.
//! - An unfinished head goes beside all of that, and is waited for [`HEAD_LIMIT`] at most.

mod contender;
mod corpus;
mod recorder;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{timeout, timeout_at};

use self::contender::{Contender, Scene};
use self::corpus::{Case, Expect};
use self::recorder::Recorder;

/// As long as an answer may take: as a whole, then after its last byte.
const ANSWER: Duration = Duration::from_secs(10);
const QUIET: Duration = Duration::from_millis(1200);
/// As long as an unfinished head is waited for.
const HEAD_LIMIT: Duration = Duration::from_secs(75);
/// How many cases are under way at once.
const AT_ONCE: usize = 24;

/// What became of a case.
struct Outcome {
    case: &'static Case,
    /// The statuses of all answers, in their order.
    answers: Vec<u16>,
    seen: recorder::Seen,
}

pub(crate) async fn run(quick: bool) -> anyhow::Result<()> {
    let scene = Scene::start().await?;
    let (payloads, probes) = (corpus::payloads(), corpus::probes());
    let severe = payloads.iter().filter(|case| case.severe).count();
    println!("{} smuggling payloads, {severe} of them severe; {} RFC probes", payloads.len(), probes.len());

    let contenders = scene.contenders();
    let mut heads = JoinSet::new();
    let limit = if quick { HEAD_LIMIT / 15 } else { HEAD_LIMIT };
    for (place, contender) in contenders.iter().enumerate() {
        let contender = contender.clone();
        heads.spawn(async move { (place, unfinished_head(&contender, limit).await) });
    }

    let mut rows = vec![String::new(); 5];
    let mut differences = String::new();
    for contender in contenders {
        let sent = send_all(contender, payloads, &scene.recorder).await?;
        let probed = send_all(contender, probes, &scene.recorder).await?;
        let refused = sent.iter().filter(|outcome| !outcome.seen.any()).count();
        let desync = sent.iter().filter(|outcome| outcome.seen.is_ambiguous());
        let desync: Vec<_> = desync.collect();
        let expected = probed.iter().filter(|outcome| outcome.as_expected()).count();
        write!(rows[0], "{:>12}", contender.name)?;
        write!(rows[1], "{refused:>12}")?;
        write!(rows[2], "{:>12}", desync.iter().filter(|outcome| outcome.case.severe).count())?;
        write!(rows[3], "{expected:>12}")?;
        for outcome in desync {
            writeln!(differences, "{}: forwards, with two readings: {}", contender.name, outcome.case)?;
        }
        for outcome in probed.iter().filter(|outcome| !outcome.as_expected()) {
            let (case, answers) = (outcome.case, &outcome.answers);
            let seen = if outcome.seen.any() { "forwarded" } else { "not forwarded" };
            writeln!(differences, "{}: {case}: {answers:?}, {seen}, where {:?} was due", contender.name, case.expect)?;
        }
    }
    let mut open = vec![None; contenders.len()];
    while let Some(closed) = heads.join_next().await {
        let (place, closed) = closed?;
        open[place] = closed?;
    }
    for closed in open {
        let text =
            closed.map_or_else(|| format!("> {} s", limit.as_secs()), |after| format!("{:.0} s", after.as_secs_f64()));
        write!(rows[4], "{text:>12}")?;
    }

    println!("\n{differences}");
    let labels = [
        String::new(),
        format!("of {} payloads, not forwarded", payloads.len()),
        format!("of {severe} severe ones, forwarded with two readings"),
        format!("of {} RFC probes, as expected", probes.len()),
        "an unfinished head stays open".to_owned(),
    ];
    for (label, row) in labels.iter().zip(rows) {
        println!("{label:50}{row}");
    }
    Ok(())
}

impl Outcome {
    fn as_expected(&self) -> bool {
        let (first, forwarded) = (self.answers.first().copied(), self.seen.any());
        let refused = !forwarded && first.is_none_or(|status| (400..600).contains(&status));
        match self.case.expect {
            Expect::Refused => refused,
            Expect::Status(statuses) => !forwarded && first.is_some_and(|status| statuses.contains(&status)),
            Expect::Passed => forwarded && first == Some(200) && !self.seen.is_ambiguous(),
            Expect::With(text) => forwarded && first == Some(200) && self.seen.has(text),
            Expect::Without(text) => refused || (forwarded && !self.seen.has(text) && !self.seen.is_ambiguous()),
            Expect::Answers(count) => self.answers.iter().filter(|status| **status == 200).count() == count,
            Expect::Unambiguous => refused || (forwarded && !self.seen.is_ambiguous()),
        }
    }
}

/// Sends every case, several at once; each is told apart by its number.
async fn send_all(contender: &Contender, cases: &'static [Case], recorder: &Recorder) -> anyhow::Result<Vec<Outcome>> {
    let mut outcomes = Vec::new();
    let mut under_way = JoinSet::new();
    let mut rest = cases.iter().enumerate();
    loop {
        while under_way.len() < AT_ONCE
            && let Some((number, case)) = rest.next()
        {
            let contender = contender.clone();
            let id = format!("{}-{}{number:03}", contender.name.to_lowercase(), case.kind());
            under_way.spawn(async move {
                let answers = send(&contender, &case.bytes(&contender.address, &contender.headers, &id)).await;
                (case, id, answers)
            });
        }
        let Some(done) = under_way.join_next().await else { break };
        let (case, id, answers) = done?;
        outcomes.push((case, id, answers?));
    }
    // Only now: what was forwarded late is there.
    recorder.settle().await;
    Ok(outcomes.into_iter().map(|(case, id, answers)| Outcome { case, answers, seen: recorder.seen(&id) }).collect())
}

/// Sends bytes and reads what comes, until nothing more does: the statuses of all answers.
async fn send(contender: &Contender, bytes: &[u8]) -> anyhow::Result<Vec<u16>> {
    let mut stream = TcpStream::connect(&contender.address).await?;
    // Who is refused in the middle may find the connection closed.
    stream.write_all(bytes).await.ok();
    let until = tokio::time::Instant::now() + ANSWER;
    let mut answer = Vec::new();
    let mut last = until;
    while let Ok(Ok(1..)) = timeout_at(last, stream.read_buf(&mut answer)).await {
        last = until.min(tokio::time::Instant::now() + QUIET);
    }
    let text = String::from_utf8_lossy(&answer);
    let statuses = text.match_indices("HTTP/1.").filter_map(|(at, _)| text.get(at + 9..at + 12)?.parse().ok());
    Ok(statuses.filter(|status| *status >= 200).collect())
}

/// After how long a connection is closed on which a head has begun and does not go on.
async fn unfinished_head(contender: &Contender, limit: Duration) -> anyhow::Result<Option<Duration>> {
    let mut stream = TcpStream::connect(&contender.address).await?;
    let began = Instant::now();
    stream.write_all(format!("GET / HTTP/1.1\r\nHost: {}\r\n", contender.address).as_bytes()).await?;
    let ended = timeout(limit, async { while stream.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0) {} }).await;
    Ok(ended.ok().map(|()| began.elapsed()))
}
