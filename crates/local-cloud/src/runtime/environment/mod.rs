//! One execution environment: an actor that owns a process, which works on one invocation at a time.
//!
//! ```text
//! init ─▶ turn ─▶ perform ─┐      park: frozen until a job comes, or the pool is retired
//!          ▲ └▶ park ──────┤
//!          └───────────────┘      a crash or time-out ends the process, not the environment:
//!                                 the next job starts it again, with the same /tmp
//! ```
//!
//! As on AWS: a process that uses more than the function's memory size is killed with its whole group; a failed
//! init is tried once more by the first invocation, under the function's own time-out, so its code runs twice (AWS
//! calls it suppressed init); and an answer does not end the invocation, only the next call of `next` does.

mod invocation;

use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::api::RuntimeApi;
use super::invocation_env::{self, InstanceSettings};
use super::job::Failed;
use super::log_writer::LogWriter;
use super::output::Output;
use super::process::{Process, Program, StartFailure};
use super::protocol::{AnswerStatus, Delivery, RuntimeEvent};
use super::{Environments, InvocationResult, Job, NextStep, Pool, memory, unpack};
use crate::services::iam::{Credentials, Principal};

/// How long an environment may initialise.
const INIT_LIMIT: Duration = Duration::from_secs(10);
/// How long an idle environment is kept. AWS does not say; users see some minutes.
const IDLE_LIMIT: Duration = Duration::from_secs(600);
/// The time between SIGTERM and SIGKILL for a process with a registered internal extension.
const SHUTDOWN_LIMIT: Duration = Duration::from_millis(500);

struct Environment {
    environments: Arc<Environments>,
    pool: Arc<Pool>,
    credentials: Credentials,
    stream: Arc<LogWriter>,
    api: RuntimeApi,
    events: mpsc::UnboundedReceiver<RuntimeEvent>,
    task_root: PathBuf,
    folder: PathBuf,
    process: Option<Process>,
    output: Option<Arc<Output>>,
    runtime_waits: Option<oneshot::Sender<Delivery>>,
    extensions_wait: Vec<(usize, oneshot::Sender<Value>)>,
    init: Option<Duration>,
    memory_mb: u64,
    /// When the memory of the process is checked again.
    memory_check: Instant,
    /// The process was killed because it used too much memory.
    out_of_memory: bool,
    /// Counted in the pool as one that has answered.
    finishing: bool,
}

enum Wakeup {
    RuntimeEvent(RuntimeEvent),
    Exited(Option<ExitStatus>),
    OutOfMemory,
    Late,
    Stopped,
}

/// Starts an environment of the pool; it lives until the pool is retired or the cloud stops.
pub(super) fn start(environments: Arc<Environments>, pool: Arc<Pool>) {
    let alive = environments.alive.clone();
    alive.send_modify(|count| *count += 1);
    tokio::spawn(async move {
        match Environment::new(Arc::clone(&environments), Arc::clone(&pool)).await {
            Ok(environment) => environment.live().await,
            Err(message) => refuse_one(&pool, &message),
        }
        Pool::ended(&pool, &environments);
        alive.send_modify(|count| *count -= 1);
    });
}

fn refuse_one(pool: &Pool, message: &str) {
    pool.started();
    if let NextStep::Run(job) = pool.turn(false) {
        let _ = job
            .reply
            .send(InvocationResult::failed("Sandbox.Failure", message));
    }
}

impl Environment {
    async fn new(environments: Arc<Environments>, pool: Arc<Pool>) -> Result<Self, String> {
        let spec = Arc::clone(&pool.spec);
        if !environments
            .iam
            .assumable(&spec.role_arn, "lambda.amazonaws.com")
        {
            return Err(
                "The role defined for the function cannot be assumed by Lambda.".to_owned(),
            );
        }
        let credentials = environments.iam.session(&spec.role_arn, &spec.name);
        let principal = Principal::session(&spec.role_arn, &spec.name);
        let stream = Arc::new(LogWriter::new(&environments, Arc::clone(&spec), principal));
        let (api, events) = RuntimeApi::open(Arc::clone(&spec), &environments.host.acceptor)
            .await
            .map_err(|error| error.to_string())?;
        let task_root = unpack::unpack(&environments.host.state_dir, &spec).await?;
        let folder = environments
            .host
            .state_dir
            .join("environments")
            .join(format!("{:016x}", fastrand::u64(..)));
        fs_err::create_dir_all(folder.join("tmp")).map_err(|error| error.to_string())?;
        Ok(Self {
            environments,
            pool,
            credentials,
            stream,
            api,
            events,
            task_root,
            folder,
            process: None,
            output: None,
            runtime_waits: None,
            extensions_wait: Vec::new(),
            init: None,
            memory_mb: 0,
            memory_check: Instant::now(),
            out_of_memory: false,
            finishing: false,
        })
    }

    async fn live(mut self) {
        self.stream.init_start();
        let began = Instant::now();
        match self.initialise(began + INIT_LIMIT).await {
            Ok(()) => self.init = Some(began.elapsed()),
            Err(failed) => self
                .stream
                .init_report(began.elapsed(), "init", &failed.report()),
        }
        self.pool.started();
        loop {
            let job = match self.pool.turn(std::mem::take(&mut self.finishing)) {
                NextStep::Run(job) => Some(job),
                NextStep::Park(woken) => self.park(woken).await,
            };
            match job {
                Some(job) => self.perform(job).await,
                None => break,
            }
        }
        self.shut_down().await;
    }

    /// Frozen until there is work; `None` when the environment has to end.
    async fn park(&mut self, mut woken: oneshot::Receiver<Job>) -> Option<Job> {
        if let Some(process) = &self.process {
            process.freeze();
        }
        let idle = tokio::time::sleep(IDLE_LIMIT);
        tokio::pin!(idle);
        loop {
            tokio::select! {
                job = &mut woken => return job.ok(),
                event = self.events.recv() => self.note(event),
                _ = exit_of(&mut self.process) => self.process = None,
                () = self.pool.retired.cancelled() => break,
                () = self.environments.shared.stopping.cancelled() => break,
                () = &mut idle => break,
            }
        }
        // A job may have been sent at this moment.
        woken.close();
        woken.try_recv().ok()
    }

    /// A request of the process that no invocation waits for.
    fn note(&mut self, event: Option<RuntimeEvent>) {
        match event {
            Some(RuntimeEvent::Next(waits)) => self.runtime_waits = Some(waits),
            Some(RuntimeEvent::ExtensionNext(index, waits)) => {
                self.extensions_wait.push((index, waits));
            }
            Some(RuntimeEvent::Response(_, _, say) | RuntimeEvent::Failure(_, _, _, say)) => {
                let _ = say.send(AnswerStatus::UnknownRequest);
            }
            Some(RuntimeEvent::InitFailure(..) | RuntimeEvent::ExtensionFailure(..)) | None => {}
        }
    }

    /// Starts the process and waits for its first `next`.
    async fn initialise(&mut self, deadline: Instant) -> Result<(), Failed> {
        self.start_process().await?;
        let mut reported = None;
        loop {
            match self.step(deadline).await {
                Wakeup::RuntimeEvent(RuntimeEvent::InitFailure(kind, body)) => {
                    reported = Some((kind, body));
                }
                Wakeup::RuntimeEvent(RuntimeEvent::ExtensionFailure(kind, why)) => {
                    self.end_process().await;
                    return Err(Failed::extension(kind, &why));
                }
                Wakeup::RuntimeEvent(event) => self.note(Some(event)),
                Wakeup::Exited(status) => return Err(Failed::init_exit(status, reported)),
                Wakeup::OutOfMemory => return Err(Failed::out_of_memory()),
                Wakeup::Late => {
                    self.end_process().await;
                    return Err(Failed::timeout(self.pool.spec.timeout));
                }
                Wakeup::Stopped => {
                    self.end_process().await;
                    return Err(Failed::exit(None));
                }
            }
            if self.is_ready() {
                self.measure();
                return Ok(());
            }
        }
    }

    async fn start_process(&mut self) -> Result<(), Failed> {
        self.api.extensions().forget();
        (self.memory_mb, self.out_of_memory) = (0, false);
        self.runtime_waits = None;
        self.extensions_wait.clear();
        let other = |error: std::io::Error| StartFailure::Other(error.to_string());
        let started = async {
            let (output, writer) = Output::open(Arc::clone(&self.stream)).map_err(other)?;
            let spawner = &self.environments.spawner;
            let place = InstanceSettings {
                task_root: self.task_root.display().to_string(),
                tmp: self.folder.join("tmp").display().to_string(),
                runtime_api: self.api.address().to_string(),
                log_stream: self.stream.name(),
                credentials: &self.credentials,
            };
            let variables = invocation_env::variables(&self.environments, &self.pool.spec, &place);
            let started = (place.runtime_api, variables);
            let program = (&self.program().await?, self.task_root.as_path());
            let process = Process::start(spawner, program, started, writer).await?;
            Ok::<_, StartFailure>((output, process))
        };
        let (output, process) = started
            .await
            .map_err(|failure| Failed::entrypoint(&failure))?;
        (self.output, self.process) = (Some(output), Some(process));
        Ok(())
    }

    /// What to start. An interpreter of another version than the runtime's is told in the log.
    async fn program(&self) -> Result<Program, StartFailure> {
        let (spec, host) = (&self.pool.spec, &self.environments.host);
        let endpoint = &self.environments.shared.endpoint;
        let interpreters = &self.environments.interpreters;
        let managed = interpreters.program(spec, host, endpoint);
        let Some(managed) = managed.await? else {
            return Program::bootstrap(&self.task_root);
        };
        let unwarned = |_: &String| !self.pool.warned.swap(true, Ordering::AcqRel);
        if let Some(warning) = managed.warning.filter(unwarned) {
            self.stream.put(vec![warning]);
        }
        Ok(managed.program)
    }

    /// Whether the runtime and every extension wait for an event.
    fn is_ready(&self) -> bool {
        self.runtime_waits.is_some() && self.extensions_wait.len() >= self.api.extensions().count()
    }

    async fn step(&mut self, deadline: Instant) -> Wakeup {
        loop {
            tokio::select! {
                biased;
                Some(event) = self.events.recv() => return Wakeup::RuntimeEvent(event),
                status = exit_of(&mut self.process) => {
                    self.process = None;
                    return match self.out_of_memory {
                        true => Wakeup::OutOfMemory,
                        false => Wakeup::Exited(status),
                    };
                }
                () = tokio::time::sleep_until(deadline.into()) => return Wakeup::Late,
                () = self.environments.shared.stopping.cancelled() => return Wakeup::Stopped,
                () = tokio::time::sleep_until(self.memory_check.into()) => self.check_memory(),
            }
        }
    }

    /// Kills the process and its group if they use more than the function's memory size.
    ///
    /// Uncertain: AWS does not say which process of several is killed. We chose the whole group:
    /// nearly always it is the runtime itself that uses too much.
    fn check_memory(&mut self) {
        self.memory_check = Instant::now() + memory::INTERVAL;
        let Some(process) = &self.process else { return };
        let size = self.pool.spec.memory;
        if !self.out_of_memory && process.id().is_some_and(|id| memory::exceeds(id, size)) {
            self.out_of_memory = true;
            self.memory_mb = u64::from(size);
            process.end_now();
        }
    }

    /// The peak of resident memory. With mapped files it can exceed the memory size; AWS shows at most the size.
    fn measure(&mut self) {
        if let Some(id) = self.process.as_ref().and_then(Process::id) {
            let peak = memory::peak_mb(id).min(self.pool.spec.memory.into());
            self.memory_mb = self.memory_mb.max(peak);
        }
    }

    async fn end_process(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().await;
        }
    }

    async fn shut_down(mut self) {
        if let Some(mut process) = self.process.take() {
            if self.api.extensions().count() > 0 {
                process.terminate();
                let _ = tokio::time::timeout(SHUTDOWN_LIMIT, process.wait()).await;
            }
            process.kill().await;
        }
        let _ = fs_err::remove_dir_all(&self.folder);
    }
}

/// Waits for the end of the process; without a process forever.
async fn exit_of(process: &mut Option<Process>) -> Option<ExitStatus> {
    match process {
        Some(process) => process.wait().await.ok(),
        None => std::future::pending().await,
    }
}
