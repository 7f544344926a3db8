//! Printing what a window shows, when a person says so.
//!
//! 1. GTK's dialog is shown, not run: what WebKit offers runs an event loop inside ours, in which the tray's menu, Quit
//!    and every other window wait until it is answered.
//! 2. A page's own `print()` does nothing: it needs no click of anybody's, and a page may call it for ever.

use gtk::prelude::*;
use gtk::{ApplicationWindow, Builder, Dialog, PageSetup, PrintSettings, ResponseType, glib};
use webkit2gtk::{PrintOperation, PrintOperationExt as _, WebView, WebViewExt as _};

/// GTK has this dialog on Unix only, and its Rust crate on no system. What printers need not be able to do, WebKit does.
const DIALOG: &str = "<interface><object class='GtkPrintUnixDialog' id='dialog'>\
    <property name='title'>Print</property>\
    <property name='destroy-with-parent'>True</property>\
    <property name='embed-page-setup'>True</property>\
    <property name='manual-capabilities'>page-set|copies|collate|reverse|scale|number-up|number-up-layout</property>\
    </object></interface>";

/// The dialog of one window, where it is open.
#[derive(Default)]
pub(super) struct Printing(glib::WeakRef<Dialog>);

impl Printing {
    /// Keeps the page from printing by itself.
    pub(super) fn attach(view: &WebView) {
        view.connect_print(|_, _| {
            tracing::debug!("not printed: the page asks for it, and nobody else");
            true
        });
    }

    /// Asks how to print the page that the window shows then, and does it.
    pub(super) fn ask(&self, window: &ApplicationWindow, view: &WebView) {
        if let Some(open) = self.0.upgrade() {
            return open.present();
        }
        let Some(dialog) = dialog() else { return };
        dialog.set_transient_for(Some(window));
        let view = view.downgrade();
        dialog.connect_response(move |dialog, response| {
            if response == ResponseType::Ok
                && let Some(view) = view.upgrade()
            {
                print(dialog, &view);
            }
            dialog.close();
        });
        self.0.set(Some(&dialog));
        dialog.show();
    }
}

fn dialog() -> Option<Dialog> {
    let builder = Builder::new();
    if let Err(error) = builder.add_from_string(DIALOG) {
        tracing::error!(%error, "this GTK has no dialog for printing");
        return None;
    }
    let dialog: Dialog = builder.object("dialog")?;
    // Without any, GTK's printing to a file breaks down: <https://bugzilla.gnome.org/show_bug.cgi?id=703784>.
    dialog.set_property("print-settings", PrintSettings::new());
    Some(dialog)
}

/// As the dialog says.
fn print(dialog: &Dialog, view: &WebView) {
    let print = PrintOperation::new(view);
    print.set_print_settings(&dialog.property::<PrintSettings>("print-settings"));
    print.set_page_setup(&dialog.property::<PageSetup>("page-setup"));
    print.connect_failed(|_, error| tracing::warn!(%error, "not printed"));
    // It lives as long as it prints.
    print.print();
}
