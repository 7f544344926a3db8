//! Postern's control plane: profiles, vault, diagnosis, controller, menu and views as data. No GUI.
//!
//! [`controller`] owns all state: every input becomes one [`controller::Event`], and
//! `update(&mut State, Event) -> Vec<Effect>` decides. [`menu`] and [`view`] compute, from that state,
//! what the tray and the manager show; `src-tauri` and `ui` only render. [`activity`] keeps what goes through the
//! gateways, beside the state: it changes too often to be part of it.
//!
//! [`diagnosis`] says which layer of a server refuses, and a [`look`] runs it live for the manager.
//!
//! [`store`] keeps [`profile`]s in profiles.toml, [`vault`] their secrets; a [`change`] is made to both together,
//! and [`resolve`] makes of both what a gateway is told. [`diagnosis`] looks at a server layer by layer.

pub mod activity;
pub mod change;
pub mod controller;
pub mod crash;
pub mod dashboard;
pub mod diagnosis;
pub mod door;
pub mod download;
pub mod environment;
pub mod folders;
pub mod import;
pub mod link;
mod lock;
pub mod log;
pub mod look;
pub mod menu;
pub mod process;
pub mod profile;
pub mod report;
pub mod resolve;
pub mod settings;
pub mod shortcut;
pub mod store;
pub mod switcher;
mod text;
pub mod vault;
pub mod view;

pub use postern_gateway::Secret;
