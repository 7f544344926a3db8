//! What the program says of itself: on standard error what `POSTERN_LOG` asks for, and in the log's file what
//! settings.toml does.
//!
//! 1. Secrets are hidden by their types, whatever the level.
//! 2. The file is this program's as soon as it is certain that it is the only one; before, only standard error hears.
//! 3. Of a panic, the place is told, and its words where they stand in the source as they are: what was put together
//!    when it happened may hold anything.

use std::any::Any;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use postern_control::crash::Run;
use postern_control::log::LogFile;
use postern_control::settings::LogLevel;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, Registry, fmt, reload};

/// The log's file, as far as there is one.
pub(crate) struct Log {
    place: Place,
    filter: reload::Handle<Targets, Registry>,
    level: Option<LogLevel>,
}

#[derive(Clone, Default)]
struct Place(Arc<Mutex<Option<LogFile>>>);

/// From here on, what is traced is heard. There is no file yet.
pub(crate) fn start() -> Log {
    let place = Place::default();
    let (file_filter, filter) = reload::Layer::new(Targets::new());
    let file = fmt::layer().with_ansi(false).with_writer(place.clone()).with_filter(file_filter);
    let wanted = std::env::var("POSTERN_LOG").ok().and_then(|wanted| wanted.parse().ok());
    let wanted = wanted.unwrap_or_else(|| Targets::new().with_default(LevelFilter::WARN));
    let standard_error = fmt::layer().with_writer(io::stderr).with_filter(wanted);
    tracing_subscriber::registry().with(file).with(standard_error).init();
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "Postern made a mistake: {}", words(panic.payload()));
    }));
    Log { place, filter, level: None }
}

/// Those that stand in the source as they are.
fn words(payload: &dyn Any) -> &'static str {
    payload.downcast_ref::<&'static str>().copied().unwrap_or("(its words are not written down)")
}

/// From here on, what breaks the event loop's thread, which is this one, is noted for the next start.
pub(crate) fn note_mistakes(run: Arc<Run>) {
    let (tell, here) = (std::panic::take_hook(), std::thread::current().id());
    std::panic::set_hook(Box::new(move |panic| {
        tell(panic);
        // Of other threads' mistakes the program does not end.
        if std::thread::current().id() == here {
            run.mistake(&panic.location().map(ToString::to_string).unwrap_or_default());
        }
    }));
}

impl Log {
    /// Has the file in this folder, and says in it as much as where nobody has set anything. That there can be none is no
    /// reason not to start.
    pub(crate) fn open(&mut self, folder: &Path) {
        match LogFile::open(folder.to_owned()) {
            Ok(file) => {
                *self.place.lock() = Some(file);
                self.set(LogLevel::default());
            }
            Err(error) => tracing::warn!(folder = %folder.display(), %error, "no log file"),
        }
    }

    /// Writes this much from now on.
    pub(crate) fn set(&mut self, level: LogLevel) {
        if self.level.replace(level) == Some(level) {
            return;
        }
        let (ours, others) = filters(level);
        let crates = ["postern_gateway", "postern_control", "postern_desktop"];
        let filter = Targets::new().with_default(others).with_targets(crates.map(|name| (name, ours)));
        if let Err(error) = self.filter.reload(filter) {
            tracing::warn!(%error, "the log says as much as before");
        }
        tracing::info!(version = env!("CARGO_PKG_VERSION"), level = level.as_str(), "the log goes on");
    }
}

/// How much we say, and how much libraries do: their trifles help who looks for all there is, and are noise to everybody
/// else.
fn filters(level: LogLevel) -> (LevelFilter, LevelFilter) {
    match level {
        LogLevel::Error => (LevelFilter::ERROR, LevelFilter::ERROR),
        LogLevel::Warn => (LevelFilter::WARN, LevelFilter::WARN),
        LogLevel::Info => (LevelFilter::INFO, LevelFilter::WARN),
        LogLevel::Debug => (LevelFilter::DEBUG, LevelFilter::WARN),
        LogLevel::Trace => (LevelFilter::TRACE, LevelFilter::TRACE),
    }
}

impl Place {
    fn lock(&self) -> MutexGuard<'_, Option<LogFile>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MakeWriter<'_> for Place {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Write for Place {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.lock().as_mut().map_or(Ok(line.len()), |file| file.write(line))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lock().as_mut().map_or(Ok(()), Write::flush)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    #[test]
    fn a_panics_words_are_told_only_where_they_hold_nothing_of_the_moment() {
        let told = |panics: fn()| words(&*catch_unwind(panics).unwrap_err());
        assert_eq!(told(|| panic!("as it stands here")), "as it stands here");
        assert!(!told(|| panic!("{}", std::env::args().count())).contains(char::is_numeric));
        let unwraps = || assert_eq!("x".parse::<u16>().map_err(|error| format!("canary: {error}")).unwrap(), 1);
        assert!(!told(unwraps).contains("canary"));
    }
}
