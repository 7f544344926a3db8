//! Postern's desktop shell: a tray icon, the manager's window, and a dashboard window for each server.
//!
//! It decides nothing: [`postern_control`] computes what the menu and the manager show and what is to be done;
//! the shell renders it and turns clicks into events. Start reading at `shell.rs`.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod app;
#[cfg(target_os = "linux")]
mod appearance;
mod browser;
mod clipboard;
mod color;
mod commands;
mod dashboard;
mod hotkey;
mod inbox;
mod instance;
mod log;
mod login;
mod manager;
mod navigation;
mod notice;
mod options;
mod process;
mod shell;
mod signals;
#[cfg(target_os = "linux")]
mod switcher;
mod tray;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let options = options::Options::parse();
    let log = log::start();
    let variables = process::prepare();
    match app::run(&options, variables, log) {
        Ok(code) => code,
        Err(error) => {
            tracing::error!(error, "Postern cannot start");
            ExitCode::FAILURE
        }
    }
}
