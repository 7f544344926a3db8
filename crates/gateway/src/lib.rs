//! Postern's data plane: one reverse proxy on loopback for one profile.
//!
//! Start reading at `pipeline.rs`: the life of a request on one page. The gateway is told everything
//! by its [`Config`]; it reads no file and no keychain and knows no window. State flows out, never in:
//! [`Gateway::status`] and [`Gateway::exchanges`].

mod config;
mod fault;
mod gateway;
mod secret;
mod status;

pub use config::{
    ClientCertificate, Config, EdgeCredential, LOCAL_USER, LocalPrograms, Proxy, Remote, Tls, UserPassword,
};
pub use fault::{Fault, Layer};
pub use gateway::{Gateway, StartError};
pub use secret::Secret;
pub use status::{Door, Exchange, Health, Status};
