//! The connections of a command: to AWS, or to local mode.

use stackwright_deploy::Connections;
use stackwright_synth::StackArtifact;

use super::arguments::Target;
use super::local_mode::{self, Endpoints};
use crate::failure::Failure;
use crate::safe_text;

/// The connections of a command, and the endpoints of local mode as long as they are needed.
pub(crate) struct Session {
    pub connections: Connections,
    endpoints: Endpoints,
}

impl Drop for Session {
    fn drop(&mut self) {
        for assumption in self.endpoints.values().flat_map(stackwright_local::Local::assumptions) {
            anstream::eprintln!("{}", safe_text::line(&format!("local mode assumed: {assumption}")));
        }
    }
}

impl Session {
    /// Prepares the connections for some stacks.
    pub async fn open(target: &Target, stacks: &[&StackArtifact]) -> Result<Self, Failure> {
        let endpoints =
            if target.local { local_mode::start(target, stacks).await? } else { Endpoints::default() };
        let mut connections = Connections::new(target.profile());
        for (account, local) in &endpoints {
            connections = connections.endpoint(account.as_deref(), local.url());
        }
        Ok(Self { connections, endpoints })
    }
}
