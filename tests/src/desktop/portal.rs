//! The desktop's settings portal, as far as it says whether programs are to be light or dark.

use zbus::fdo;
use zbus::zvariant::{OwnedValue, Value};

use super::Desktop;

const PATH: &str = "/org/freedesktop/portal/desktop";
const SETTINGS: &str = "org.freedesktop.portal.Settings";
const WHICH: (&str, &str) = ("org.freedesktop.appearance", "color-scheme");

/// What the desktop can ask for.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "as the specification has it")]
pub enum Scheme {
    Any = 0,
    Dark = 1,
    Light = 2,
}

/// Owns `org.freedesktop.portal.Desktop`.
#[derive(Debug)]
pub struct Portal {
    bus: zbus::Connection,
}

struct Settings {
    scheme: Scheme,
}

#[zbus::interface(name = "org.freedesktop.portal.Settings")]
impl Settings {
    /// With one variant too many, as specified.
    #[expect(clippy::needless_pass_by_value, reason = "zbus hands them over so")]
    fn read(&self, namespace: String, key: String) -> fdo::Result<OwnedValue> {
        if (namespace.as_str(), key.as_str()) != WHICH {
            return Err(fdo::Error::InvalidArgs("no such setting".to_owned()));
        }
        let inner = Value::Value(Box::new(value(self.scheme)));
        inner.try_to_owned().map_err(|error| fdo::Error::Failed(error.to_string()))
    }
}

impl Portal {
    /// One that asks for light or dark, or for neither.
    ///
    /// # Errors
    /// When the bus refuses.
    pub async fn start(desktop: &Desktop, scheme: Scheme) -> anyhow::Result<Self> {
        let bus = desktop.connect().await?;
        bus.object_server().at(PATH, Settings { scheme }).await?;
        bus.request_name("org.freedesktop.portal.Desktop").await?;
        Ok(Self { bus })
    }

    /// A person chooses.
    ///
    /// # Errors
    /// When the bus refuses.
    pub async fn choose(&self, scheme: Scheme) -> anyhow::Result<()> {
        let told = (WHICH.0, WHICH.1, value(scheme));
        Ok(self.bus.emit_signal(None::<&str>, PATH, SETTINGS, "SettingChanged", &told).await?)
    }
}

fn value(scheme: Scheme) -> Value<'static> {
    Value::U32(scheme as u32)
}
