//! Execution environments: the processes behind the functions.
//!
//! A function has a pool. An invocation goes to an idle environment, or waits in the pool's queue
//! while another environment starts. An environment is an actor (`environment`) that owns one
//! process, one log stream, one `/tmp` and one Runtime API port (`api`).
//!
//! Each environment has a port of its own: requests of the Runtime API do not say which environment they come
//! from, and many runtimes allow nothing but `host:port` in `AWS_LAMBDA_RUNTIME_API`.
//!
//! Processes are stopped (`SIGSTOP`) between invocations, as AWS freezes them, so unfinished background work
//! stops too; and a function's update replaces its pool.
//!
//! | file | what it does |
//! |---|---|
//! | `function_spec` | what an environment runs |
//! | `environment`, `job` | the actor, and the invocation that it works on |
//! | `process`, `spawner`, `memory`, `output` | the process, what starts it, its memory, what it prints |
//! | `api`, `extensions`, `protocol` | the Runtime and Extensions APIs |
//! | `invocation_env`, `unpack` | variables and headers; the unpacked code |
//! | `log_writer`, `log_levels` | the lines of the function's log |
//! | `process_search` | finds processes that have left their group |
//! | `orphans` | ends what a killed local cloud left |

mod api;
mod environment;
mod extensions;
mod function_spec;
mod invocation_env;
mod job;
mod log_levels;
mod log_writer;
mod memory;
mod orphans;
mod output;
mod process;
mod process_search;
mod protocol;
mod spawner;
mod unpack;

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::services::iam::Iam;
use crate::services::logs::Logs;
use crate::shared::Shared;
use crate::transport::Acceptor;
pub(crate) use function_spec::{Code, FunctionSpec};
pub(crate) use log_writer::LogFormat;
pub(crate) use orphans::state_dir;
use spawner::Spawner;

/// How long an invocation waits for an environment that has answered already, before another one is
/// started for it. From the answer to `next` it usually takes microseconds.
const FINISHING_LIMIT: Duration = Duration::from_millis(20);

/// What the functions' processes use of this machine.
#[derive(Debug)]
pub(crate) struct Host {
    /// Where files may be written.
    pub(crate) state_dir: PathBuf,
    /// The `PATH` of functions, after Lambda's own folders.
    pub(crate) search_path: String,
    /// Accepts the connections of the Runtime APIs.
    pub(crate) acceptor: Arc<Acceptor>,
}

/// Every pool, by function ARN and version.
#[derive(Debug)]
pub(crate) struct Environments {
    host: Host,
    shared: Arc<Shared>,
    iam: Arc<Iam>,
    logs: Arc<Logs>,
    pools: Mutex<HashMap<String, Arc<Pool>>>,
    spawner: Spawner,
    /// How many environments live, so that a stop can wait for the last one.
    alive: watch::Sender<usize>,
}

/// The result of an invocation.
#[derive(Debug, Clone)]
pub(crate) struct InvocationResult {
    /// The function's answer, or the JSON of its error.
    pub(crate) payload: Bytes,
    /// Whether `X-Amz-Function-Error: Unhandled` belongs to it.
    pub(crate) failed: bool,
    /// The log lines of this invocation, for `LogType: Tail`.
    pub(crate) log: String,
}

/// What a function is called with.
#[derive(Debug, Clone)]
pub(crate) struct Invocation {
    pub(crate) request_id: String,
    pub(crate) payload: Bytes,
    /// The ARN as the caller named the function: with a version or an alias, if it named one.
    pub(crate) invoked_arn: String,
    pub(crate) client_context: Option<String>,
    /// The caller wants the log lines, so it waits until the environment is done.
    pub(crate) wants_log: bool,
}

/// One invocation, queued or running.
#[derive(Debug)]
struct Job {
    invocation: Invocation,
    reply: oneshot::Sender<InvocationResult>,
}

/// The environments of one revision of a function.
#[derive(Debug)]
struct Pool {
    spec: Arc<FunctionSpec>,
    retired: CancellationToken,
    state: Mutex<PoolState>,
}

#[derive(Debug, Default)]
struct PoolState {
    queue: VecDeque<Job>,
    idle: Vec<oneshot::Sender<Job>>,
    environments: usize,
    starting: usize,
    /// Environments that have answered and will call `next` in a moment.
    finishing: usize,
}

/// What an environment that is ready does next.
enum NextStep {
    Run(Job),
    Park(oneshot::Receiver<Job>),
}

impl Environments {
    pub(crate) fn new(host: Host, shared: &Arc<Shared>, iam: &Arc<Iam>, logs: &Arc<Logs>) -> Self {
        Self {
            host,
            shared: Arc::clone(shared),
            iam: Arc::clone(iam),
            logs: Arc::clone(logs),
            pools: Mutex::default(),
            spawner: Spawner::start(),
            alive: watch::Sender::new(0),
        }
    }

    /// Runs one invocation to its end.
    pub(crate) async fn invoke(
        self: &Arc<Self>,
        spec: Arc<FunctionSpec>,
        invocation: Invocation,
    ) -> InvocationResult {
        let (reply, answer) = oneshot::channel();
        let job = Job { invocation, reply };
        Pool::submit(&self.pool(spec), self, job);
        answer.await.unwrap_or_else(|_| InvocationResult::gone())
    }

    /// Ends the environments of a function that was deleted or changed.
    pub(crate) fn retire(&self, function_arn: &str) {
        self.retire_those(|spec| spec.function_arn == function_arn);
    }

    /// Ends the environments of a version that nobody needs any more, as soon as they are idle.
    pub(crate) fn retire_version(&self, function_arn: &str, version: &str) {
        self.retire_those(|spec| spec.function_arn == function_arn && spec.version == version);
    }

    fn retire_those(&self, wanted: impl Fn(&FunctionSpec) -> bool) {
        let mut pools = lock(&self.pools);
        pools.retain(|_, pool| {
            let stays = !wanted(&pool.spec);
            if !stays {
                pool.retired.cancel();
            }
            stays
        });
    }

    /// Waits until every environment has ended, which they do at the signal to stop, and ends what they left.
    pub(crate) async fn ended(&self) {
        let _ = self.alive.subscribe().wait_for(|count| *count == 0).await;
        let folder = self.host.state_dir.clone();
        let search = move || process_search::end_processes_below(&folder);
        let _ = tokio::task::spawn_blocking(search).await;
    }

    /// How many environments exist, busy or idle.
    pub(crate) fn count(&self) -> usize {
        *self.alive.borrow()
    }

    fn pool(&self, spec: Arc<FunctionSpec>) -> Arc<Pool> {
        let mut pools = lock(&self.pools);
        if let Some(pool) = pools.get(&spec.key()) {
            if pool.spec.generation == spec.generation {
                return Arc::clone(pool);
            }
            pool.retired.cancel();
        }
        let key = spec.key();
        let retired = CancellationToken::new();
        let pool = Arc::new(Pool {
            spec,
            retired,
            state: Mutex::default(),
        });
        pools.insert(key, Arc::clone(&pool));
        pool
    }
}

impl Pool {
    fn submit(pool: &Arc<Self>, environments: &Arc<Environments>, mut job: Job) {
        let mut state = lock(&pool.state);
        while let Some(idle) = state.idle.pop() {
            match idle.send(job) {
                Ok(()) => return,
                Err(back) => job = back,
            }
        }
        state.queue.push_back(job);
        let unwatched = state.finishing > 0;
        drop(state);
        Self::grow(pool, environments);
        if unwatched {
            // An environment that answered may still be busy and not call `next` soon.
            let (pool, environments) = (Arc::clone(pool), Arc::clone(environments));
            tokio::spawn(async move {
                tokio::time::sleep(FINISHING_LIMIT).await;
                lock(&pool.state).finishing = 0;
                Self::grow(&pool, &environments);
            });
        }
    }

    /// Starts another environment if more invocations are queued than environments are about to be ready.
    fn grow(pool: &Arc<Self>, environments: &Arc<Environments>) {
        let limit = environments
            .shared
            .conditions
            .now()
            .environments_per_function
            .max(1);
        let mut state = lock(&pool.state);
        let coming = state.starting + state.finishing;
        let stopping = environments.shared.stopping.is_cancelled();
        if coming < state.queue.len() && state.environments < limit && !stopping {
            state.environments += 1;
            state.starting += 1;
            drop(state);
            environment::start(Arc::clone(environments), Arc::clone(pool));
        }
    }

    /// An environment has answered.
    fn finishing(&self) {
        lock(&self.state).finishing += 1;
    }

    /// A started environment is ready (or has failed): it no longer counts as starting.
    fn started(&self) {
        let mut state = lock(&self.state);
        state.starting = state.starting.saturating_sub(1);
    }

    /// The next job, or a place among the idle. `finishing` is whether this environment was counted as such;
    /// both counts change under one lock, so that it is never in neither.
    fn turn(&self, finishing: bool) -> NextStep {
        let mut state = lock(&self.state);
        if finishing {
            state.finishing = state.finishing.saturating_sub(1);
        }
        if let Some(job) = state.queue.pop_front() {
            return NextStep::Run(job);
        }
        let (wake, woken) = oneshot::channel();
        state.idle.push(wake);
        NextStep::Park(woken)
    }

    /// An environment ended. Queued invocations need another one.
    fn ended(pool: &Arc<Self>, environments: &Arc<Environments>) {
        let mut state = lock(&pool.state);
        state.environments = state.environments.saturating_sub(1);
        drop(state);
        Self::grow(pool, environments);
    }
}

impl InvocationResult {
    fn answered(payload: Bytes) -> Self {
        Self {
            payload,
            failed: false,
            log: String::new(),
        }
    }

    fn failed(kind: &str, message: &str) -> Self {
        let body = serde_json::json!({ "errorType": kind, "errorMessage": message });
        Self {
            payload: Bytes::from(body.to_string()),
            failed: true,
            log: String::new(),
        }
    }

    fn gone() -> Self {
        Self::failed("Sandbox.Failure", "The execution environment was ended.")
    }
}

/// Locks, also after a panic of another holder.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
