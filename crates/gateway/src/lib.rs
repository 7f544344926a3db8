//! Postern's data plane: one reverse proxy on loopback for one profile.
//!
//! Start reading at `pipeline.rs`: the life of a request on one page. The gateway is told everything
//! by its [`Config`]; it reads no keychain, knows no window, and no files but those it keeps of the UI (`assets.rs`). State flows out, never in:
//! [`Gateway::status`] and [`Gateway::exchanges`].

mod assets;
mod body;
mod config;
mod cookies;
mod csrf;
mod fault;
#[cfg(fuzzing)]
pub mod fuzzing;
mod gateway;
mod guard;
mod http1;
mod inbound;
mod listen;
mod outbound;
mod own;
mod pipeline;
mod policy;
pub mod probe;
mod record;
mod route;
mod secret;
mod send;
mod settings;
mod status;
mod tunnel;
mod upstream;
mod verdict;

pub use config::{
    ClientCertificate, ClientCertificateError, Config, EdgeCredential, LOCAL_USER, LocalPrograms, Proxy, Remote, Tls,
    UserPassword,
};
pub use fault::{Advice, Fault, Layer};
pub use gateway::{Gateway, StartError};
pub use guard::door::Session;
pub use own::browser_origin;
pub use secret::Secret;
pub use status::{Door, Exchange, Health, Sockets, Status};
pub use upstream::header_may_be_set;
