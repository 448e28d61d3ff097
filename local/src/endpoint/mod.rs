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
use crate::state::millis;

/// The settings of the endpoint.
///
/// ```
/// use std::time::Duration;
/// let options = stackwright_local::Options::new().port(4566).resource_time(Duration::from_millis(20));
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    directory: Option<PathBuf>,
    key_file: Option<PathBuf>,
    port: u16,
    account: String,
    resource_time: Duration,
    change_set_time: Duration,
    assumes_signals: bool,
    faults: Faults,
}

impl Options {
    /// Creates the default settings; each setter states its default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the directory in which the state is stored. By default, the state is lost when the endpoint ends.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Sets the file with the key that encrypts records with secrets in the directory. It is created when it is needed and has to
    /// be outside of the directory. By default, nothing is encrypted.
    #[must_use]
    pub fn key_file(mut self, key_file: impl Into<PathBuf>) -> Self {
        self.key_file = Some(key_file.into());
        self
    }

    /// Sets the port. The default is 0, which selects a free one.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Sets the ID of the account. The default is `000000000000`.
    #[must_use]
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.account = account.into();
        self
    }

    /// Sets the simulated time for the creation, update or deletion of each resource. The default is zero.
    #[must_use]
    pub fn resource_time(mut self, time: Duration) -> Self {
        self.resource_time = time;
        self
    }

    /// Sets the simulated time for the creation of a change set. The default is zero.
    #[must_use]
    pub fn change_set_time(mut self, time: Duration) -> Self {
        self.change_set_time = time;
        self
    }

    /// Sets whether resources that wait for signals (wait conditions, creation policies) are treated as if they had received
    /// them, because nothing runs that would send them. The default is `true`; otherwise they wait for `SignalResource`.
    #[must_use]
    pub fn assumes_signals(mut self, assumes_signals: bool) -> Self {
        self.assumes_signals = assumes_signals;
        self
    }

    /// Sets the simulated failures. By default, nothing fails.
    #[must_use]
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            directory: None,
            key_file: None,
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
    /// The directory of the state, if the options do not set one. It is removed with the endpoint.
    _directory: Option<tempfile::TempDir>,
}

impl Drop for Local {
    fn drop(&mut self) {
        self.server.abort();
        // The tasks end later. Release the directory now, so that another endpoint can use it at once.
        lock(&self.engine).store.close();
    }
}

impl Local {
    /// Starts the endpoint on the current Tokio runtime.
    ///
    /// # Errors
    /// Returns an error if the port is in use, if another process uses the state directory, or if its files cannot be read or
    /// written.
    pub async fn start(options: Options) -> io::Result<Self> {
        let (directory, own) = match options.directory {
            Some(directory) => (directory, None),
            None => {
                let own = tempfile::tempdir()?;
                (own.path().to_owned(), Some(own))
            }
        };
        let settings = Settings {
            account: options.account,
            resource_time: millis(options.resource_time),
            change_set_time: millis(options.change_set_time),
            assumes_signals: options.assumes_signals,
            faults: options.faults,
        };
        let mut engine = Engine::open(&directory, options.key_file.as_deref(), settings)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let address = listener.local_addr()?;
        engine.store.announce(&format!("http://{address}"))?;
        let engine = Arc::new(Mutex::new(engine));
        let server = tokio::spawn(listen::listen(listener, Arc::clone(&engine)));
        Ok(Self { engine, address, server, _directory: own })
    }

    /// Returns the URL of the endpoint: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Replaces the simulated failures.
    pub fn set_faults(&self, faults: Faults) {
        lock(&self.engine).settings.faults = faults;
    }

    /// Returns the values that local mode assumed because they were not created or provided, such as the version of CDK's
    /// bootstrap stack.
    pub fn assumptions(&self) -> Vec<String> {
        lock(&self.engine).assumptions()
    }

    /// Returns the number of requests by operation.
    pub fn requests(&self) -> BTreeMap<String, usize> {
        lock(&self.engine).state.requests.clone()
    }
}

/// The engine, which one request uses at a time.
type Shared = Arc<Mutex<Engine>>;

/// Locks the engine. The state stays usable after a request that panicked: the changes of this request are saved with the next
/// one.
fn lock(engine: &Mutex<Engine>) -> MutexGuard<'_, Engine> {
    engine.lock().unwrap_or_else(PoisonError::into_inner)
}
