//! The local cloud: a small, strict AWS on one loopback port, over AWS's own wire protocols.
//!
//! It shares no code with `engine/`, `resources/` or `stack/`, so that the two sides cannot share a
//! mistake. Every service is a room: a file (or folder) with its state, its wire operations and its
//! tests. The rooms meet only in [`Cloud`], and each has `serve(cloud, request) -> response`.
//!
//! | room | what it does |
//! |---|---|
//! | `server`, `router` | the one port; which request is meant for which room |
//! | `gateway`, `connections` | the data plane: WebSockets and `@connections` |
//! | `lambda`, `runtime` | functions, and the processes that run them |
//! | `apigatewayv2`, `apigateway`, `iam`, `sts`, `logs`, `dynamodb` | control planes |
//! | `clock`, `conditions`, `control` | time that can be turned, faults on demand, `/_chatctl/…` |

mod clock;
mod conditions;
mod control;
mod data_plane;
mod operations;
mod origin_check;
mod persist;
mod port_owner;
mod router;
mod runtime;
mod server;
mod services;
mod wire;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use clock::Clock;
pub use conditions::{Call, Conditions, ControlPlane, Fault, FaultKind, Scenario};
pub use port_owner::{PortOwner, port_owner};

/// How a local cloud calls itself, to whoever asks its port and in its state folder.
const SERVICE: &str = "chatctl local";

/// How a local cloud is started; [`Options::default`] is what tests want.
#[derive(Debug, Clone)]
pub struct Options {
    /// The loopback port; 0 takes a free one.
    pub port: u16,
    /// The only region that exists.
    pub region: String,
    /// The account that everything belongs to.
    pub account_id: String,
    /// Where functions are unpacked; a fresh temporary folder if `None`.
    pub state_dir: Option<PathBuf>,
    /// Keeps the state in this folder over restarts.
    pub persist: Option<PathBuf>,
    /// Delays and strictness to begin with.
    pub conditions: Conditions,
    /// Faults to begin with.
    pub faults: Vec<Fault>,
    /// How far the clock is ahead at the start.
    pub clock_ahead: Duration,
    /// How many seconds pass on the clock in one real second.
    pub clock_speed: f64,
    /// Where functions' processes look for programs, after Lambda's own folders: a `PATH`.
    pub search_path: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            region: "us-east-1".to_owned(),
            account_id: "000000000000".to_owned(),
            state_dir: None,
            persist: None,
            conditions: Conditions::default(),
            faults: Vec::new(),
            clock_ahead: Duration::ZERO,
            clock_speed: 1.0,
            search_path: std::env::var("PATH").unwrap_or_default(),
        }
    }
}

/// Why a local cloud did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Something listens there already.
    #[error("port {port} is taken")]
    PortTaken {
        /// The port that was asked for.
        port: u16,
    },
    /// The loopback port could not be opened for another reason.
    #[error("cannot listen on 127.0.0.1:{port}")]
    Listen {
        /// The port that was asked for.
        port: u16,
        /// What the system said.
        source: std::io::Error,
    },
    /// The state folder cannot be made or read.
    #[error("cannot use the state folder {}", folder.display())]
    State {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another local cloud keeps its state there.
    #[error("the state folder {} is in use by another local cloud{}", folder.display(), process(*process_id))]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// The other one's process.
        process_id: Option<u32>,
    },
    /// The folder is not a state folder, or that of another cloud.
    #[error("the folder {} does not hold the state of this local cloud: {why}", folder.display())]
    Foreign {
        /// The folder.
        folder: PathBuf,
        /// What shows it.
        why: String,
    },
    /// The state was written by another version of this program.
    #[error("{} is of {}, and this program knows version {known}", file.display(), version(*found))]
    Version {
        /// The table of contents.
        file: PathBuf,
        /// Its version.
        found: Option<u64>,
        /// The one that this program reads and writes.
        known: u64,
    },
    /// A file of the state is missing or broken.
    #[error("the kept state cannot be read from {}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: std::io::Error,
    },
}

fn process(id: Option<u32>) -> String {
    id.map(|id| format!(", process {id}")).unwrap_or_default()
}

fn version(found: Option<u64>) -> String {
    found.map_or("no version".to_owned(), |found| format!("version {found}"))
}

/// A running local cloud. Dropping it ends it; [`LocalCloud::stop`] ends it in order.
#[derive(Debug)]
pub struct LocalCloud {
    cloud: Arc<Cloud>,
    server: server::Server,
    /// Dropped last: what runs still writes there.
    _temporary: Option<Temporary>,
}

/// A state folder of our own making, removed at the end.
#[derive(Debug)]
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // What a process still holds open is swept at the next start.
        let _ = fs_err::remove_dir_all(&self.0);
    }
}

/// Every room, and what they share.
#[derive(Debug)]
pub(crate) struct Cloud {
    /// The only region.
    pub(crate) region: String,
    /// The account id.
    pub(crate) account_id: String,
    /// `http://127.0.0.1:PORT`.
    pub(crate) endpoint: String,
    /// The `PATH` of functions, after Lambda's own folders.
    pub(crate) search_path: String,
    /// Where files may be written.
    pub(crate) state_dir: PathBuf,
    /// Set when the cloud ends.
    pub(crate) stopping: CancellationToken,
    /// What is kept over restarts.
    pub(crate) keeper: persist::Keeper,
    /// Whose calls are not observed.
    pub(crate) observer_key: String,
    /// Time that tests can turn forward.
    pub(crate) clock: Clock,
    /// Faults, delays and the list of calls.
    pub(crate) conditions: conditions::ConditionsState,
    /// Roles, policies, sessions, and the evaluator.
    pub(crate) iam: services::iam::Iam,
    /// Log groups.
    pub(crate) logs: services::logs::Logs,
    /// WebSocket APIs with their deployments and stages.
    pub(crate) apis: services::apigatewayv2::Apis,
    /// API Gateway's account settings.
    pub(crate) account: services::apigateway::Account,
    /// DynamoDB tables.
    pub(crate) tables: services::dynamodb::Tables,
    /// Lambda functions.
    pub(crate) functions: services::lambda::Functions,
    /// Execution environments: the processes behind the functions.
    pub(crate) environments: runtime::Environments,
    /// Open WebSocket connections.
    pub(crate) sockets: data_plane::Sockets,
}

impl LocalCloud {
    /// Binds the port and begins to serve. Takes a few milliseconds.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let is_temporary = options.state_dir.is_none();
        let listener = server::bind(options.port).await?;
        let address = listener.local_addr().map_err(|source| StartError::Listen {
            port: options.port,
            source,
        })?;
        let state_dir = state_dir(options.state_dir.clone())?;
        let temporary = is_temporary.then(|| Temporary(state_dir.clone()));
        let cloud = Arc::new(Cloud::new(options, address, state_dir));
        cloud.keeper.load(&cloud)?;
        tokio::spawn(persist::Keeper::run(Arc::clone(&cloud)));
        let server = server::Server::start(listener, address, Arc::clone(&cloud));
        Ok(Self {
            cloud,
            server,
            _temporary: temporary,
        })
    }

    /// `http://127.0.0.1:PORT`, for `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> &str {
        &self.cloud.endpoint
    }

    /// The only region.
    pub fn region(&self) -> &str {
        &self.cloud.region
    }

    /// The address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.server.address()
    }

    /// The clock, to be turned forward by tests.
    pub fn clock(&self) -> &Clock {
        &self.cloud.clock
    }

    /// Plans a fault.
    pub fn inject(&self, fault: Fault) {
        self.cloud.conditions.add(fault);
    }

    /// Changes the conditions.
    pub fn set_conditions(&self, conditions: Conditions) {
        self.cloud.conditions.set(conditions);
    }

    /// Every control-plane and @connections call so far.
    pub fn calls(&self) -> Vec<Call> {
        self.cloud.conditions.calls()
    }

    /// Where the chat with these tags is now, if it is deployed on a stage of this name.
    pub fn finder(&self, stage: &str, tags: &[(&str, &str)]) -> Finder {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Finder {
            cloud: Arc::clone(&self.cloud),
            stage: stage.to_owned(),
            tags: tags.iter().map(owned).collect(),
        }
    }

    /// An access key whose calls are not part of what is observed: no fault meets them, no latency
    /// slows them down, and they are not listed. For the log window, which would otherwise use up the
    /// faults that were planned for somebody else.
    pub fn observer_key(&self) -> &str {
        &self.cloud.observer_key
    }

    /// Waits until no socket is open and every `$disconnect` is done.
    pub async fn silent(&self) {
        self.cloud.sockets.silent().await;
    }

    /// The seed of the dice that faults by chance throw.
    pub fn seed(&self) -> u64 {
        self.cloud.conditions.now().seed.unwrap_or_default()
    }

    /// The faults that are still to come.
    pub fn faults(&self) -> Vec<Fault> {
        self.cloud.conditions.faults()
    }

    /// Why the state cannot be written to the `persist` folder at the moment.
    pub fn trouble(&self) -> watch::Receiver<Option<String>> {
        self.cloud.keeper.trouble()
    }

    /// Closes the port and every socket, ends every process, and removes a temporary state folder.
    pub async fn stop(mut self) {
        self.cloud.stopping.cancel();
        self.server.stop().await;
        self.cloud.environments.ended().await;
        let cloud = Arc::clone(&self.cloud);
        let _ = tokio::task::spawn_blocking(move || cloud.keeper.close(&cloud)).await;
    }
}

impl Drop for LocalCloud {
    fn drop(&mut self) {
        self.cloud.stopping.cancel();
    }
}

/// Finds a chat, as often as it moves.
#[derive(Debug, Clone)]
pub struct Finder {
    cloud: Arc<Cloud>,
    stage: String,
    tags: Vec<(String, String)>,
}

impl Finder {
    /// `ws://…/STAGE`, if it is there.
    pub fn url(&self) -> Option<String> {
        self.cloud.apis.find(&self.stage, &self.tags)
    }
}

impl Cloud {
    fn new(options: Options, address: SocketAddr, state_dir: PathBuf) -> Self {
        let clock = Clock::default();
        clock.set_speed(options.clock_speed);
        clock.turn(options.clock_ahead);
        let scenario = Scenario {
            conditions: options.conditions,
            faults: options.faults,
        };
        Self {
            region: options.region,
            account_id: options.account_id,
            endpoint: format!("http://{address}"),
            search_path: options.search_path,
            state_dir,
            stopping: CancellationToken::new(),
            keeper: persist::Keeper::new(options.persist),
            observer_key: format!("OBSERVER{:032X}", fastrand::u128(..)),
            clock,
            conditions: conditions::ConditionsState::new(scenario),
            iam: services::iam::Iam::default(),
            logs: services::logs::Logs::default(),
            apis: services::apigatewayv2::Apis::default(),
            account: services::apigateway::Account::default(),
            tables: services::dynamodb::Tables::default(),
            functions: services::lambda::Functions::default(),
            environments: runtime::Environments::default(),
            sockets: data_plane::Sockets::default(),
        }
    }
}

fn state_dir(wanted: Option<PathBuf>) -> Result<PathBuf, StartError> {
    let folder = wanted.unwrap_or_else(|| {
        let (prefix, id) = (runtime::PREFIX, std::process::id());
        let name = format!("{prefix}{id}-{:08x}", fastrand::u32(..));
        std::env::temp_dir().join(name)
    });
    match fs_err::create_dir_all(&folder) {
        Ok(()) => {
            runtime::end_orphans(&folder);
            Ok(folder)
        }
        Err(source) => Err(StartError::State { folder, source }),
    }
}
