//! The tray icon: renders [`postern_control::menu::Tray`], and only what differs from what is shown. Nothing is
//! decided here: a click means the [`postern_control::menu::Action`] its line was made for.

mod presence;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod native;

#[cfg(target_os = "linux")]
pub(crate) use linux::Tray;
#[cfg(not(target_os = "linux"))]
pub(crate) use native::Tray;

pub(crate) use self::presence::Presence;
