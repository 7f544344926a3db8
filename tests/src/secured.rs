//! The scene of most tests: a Prefect server with an auth string and CSRF protection, and in front of it
//! an nginx that asks for the same credential. One for each test binary, started by its first test.

use tokio::sync::OnceCell;

use crate::nginx::{Nginx, Site};
use crate::postern::Postern;
use crate::prefect::{Login, Options, Prefect};
use crate::wait::free_port;

/// What the things put onto the server are named after; see [`crate::prefect::Api::seed`].
pub const LABEL: &str = "larch";

/// The scene.
#[derive(Debug)]
pub struct Secured {
    /// Of the edge and of Prefect.
    pub login: Login,
    /// The server.
    pub prefect: Prefect,
    /// Its edge.
    pub nginx: Nginx,
}

impl Secured {
    /// The one of this process.
    ///
    /// # Errors
    /// When a part does not start.
    pub async fn shared() -> anyhow::Result<&'static Self> {
        static SHARED: OnceCell<Secured> = OnceCell::const_new();
        SHARED.get_or_try_init(Self::start).await
    }

    /// A Postern with one profile for the server behind its edge, with everything in the vault.
    ///
    /// # Errors
    /// When the installation cannot be made.
    pub async fn postern(&self, profile: &str) -> anyhow::Result<Postern> {
        let user = &self.login.username;
        let mut postern = Postern::new(&format!(
            "version = 1\n\n[[profile]]\nid = \"{profile}\"\nname = \"{LABEL}\"\nurl = \"{}\"\nport = {}\n\n\
             [profile.edge]\nkind = \"basic\"\nusername = \"{user}\"\n\n\
             [profile.prefect]\nusername = \"{user}\"\n",
            self.nginx.origin(),
            free_port()?,
        ))
        .await?;
        postern.secret(profile, "edge-password", &self.login.password);
        postern.secret(profile, "prefect-password", &self.login.password);
        postern.secret(profile, "local-key", &Login::unique("postern")?.password);
        Ok(postern)
    }

    async fn start() -> anyhow::Result<Self> {
        let login = Login::unique("admin")?;
        let options = Options { auth: Some(login.clone()), csrf: true, ..Options::default() };
        let prefect = Prefect::start(options).await?;
        prefect.api()?.seed(LABEL).await?;
        let site = Site { upstream: prefect.origin(), basic: Some(login.clone()), websockets: true };
        let nginx = Nginx::start(site).await?;
        Ok(Self { login, prefect, nginx })
    }
}
