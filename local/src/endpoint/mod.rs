//! The endpoint: one port on loopback for all services.

mod answer;
mod control;
mod listen;
mod render;
mod route;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::engine::{Engine, Settings};
use crate::faults::Faults;

/// How the endpoint behaves.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The directory that keeps the state. Without one, the state is lost when the endpoint ends.
    pub folder: Option<PathBuf>,
    /// The port; 0 for a free one, which is the default.
    pub port: u16,
    /// The account ID that everything belongs to. The default is `000000000000`.
    pub account: String,
    /// How long it takes to create, update or delete a resource. The default is no time.
    pub resource_time: Duration,
    /// How long it takes to create a change set. The default is no time.
    pub change_set_time: Duration,
    /// Whether resources that wait for signals (wait conditions, creation policies) are taken to have received them, because
    /// nothing that would send them runs. This is the default; otherwise they wait for `SignalResource`.
    pub assumes_signals: bool,
    /// What fails, and how.
    pub faults: Faults,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            folder: None,
            port: 0,
            account: "000000000000".into(),
            resource_time: Duration::ZERO,
            change_set_time: Duration::ZERO,
            assumes_signals: true,
            faults: Faults::default(),
        }
    }
}

/// A CloudFormation endpoint that runs in this process. It stops when this value is dropped.
#[derive(Debug)]
pub struct Local {
    engine: Shared,
    address: SocketAddr,
    server: JoinHandle<()>,
    /// The directory of the state, if nobody named one. It is removed with the endpoint.
    _folder: Option<tempfile::TempDir>,
}

impl Drop for Local {
    fn drop(&mut self) {
        self.server.abort();
        // The tasks end later; another endpoint may use the directory at once.
        lock(&self.engine).store.close();
    }
}

impl Local {
    /// Starts the endpoint on the current Tokio runtime.
    ///
    /// # Errors
    /// The port is taken, another process uses the state directory, or its files cannot be read or written.
    pub async fn start(options: Options) -> io::Result<Self> {
        let (folder, own) = match options.folder {
            Some(folder) => (folder, None),
            None => {
                let own = tempfile::tempdir()?;
                (own.path().to_owned(), Some(own))
            }
        };
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let settings = Settings {
            account: options.account,
            resource_time: millis(options.resource_time),
            change_set_time: millis(options.change_set_time),
            assumes_signals: options.assumes_signals,
            faults: options.faults,
        };
        let mut engine = Engine::open(&folder, settings)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let address = listener.local_addr()?;
        engine.store.announce(&format!("http://{address}"))?;
        let engine = Arc::new(Mutex::new(engine));
        let server = tokio::spawn(listen::listen(listener, Arc::clone(&engine)));
        Ok(Self { engine, address, server, _folder: own })
    }

    /// The URL of the endpoint: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Replaces what fails.
    pub fn set_faults(&self, faults: Faults) {
        lock(&self.engine).settings.faults = faults;
    }

    /// What was assumed because nobody created or provided it, such as the version of CDK's bootstrap stack.
    pub fn assumptions(&self) -> Vec<String> {
        lock(&self.engine).assumptions()
    }

    /// The number of requests by operation.
    pub fn requests(&self) -> BTreeMap<String, usize> {
        lock(&self.engine).state.requests.clone()
    }
}

/// The engine, which one request uses at a time.
type Shared = Arc<Mutex<Engine>>;

/// Locks the engine. A request that panicked leaves the state usable: whatever it changed is saved with the next one.
fn lock(engine: &Mutex<Engine>) -> MutexGuard<'_, Engine> {
    engine.lock().unwrap_or_else(PoisonError::into_inner)
}
