//! Faults and delays on demand, and the list of every control-plane call.
//!
//! A fault waits for the n-th matching call, then acts the given number of times, or with a probability.
//! Two kinds matter most to a deployer: `reset` closes the connection *before* the call has any
//! effect, `lostAnswer` *after* it, so that a client which simply repeats a create makes a
//! second resource. On the data plane the same kinds end sockets, refuse handshakes and lose messages.
//!
//! | file | what it does |
//! |---|---|
//! | `fault` | one fault: which calls it acts on, and how they fail |
//! | `fault_text` | a fault as a line of text, `logs=error:503@20%` |
//! | `fault_plan` | the faults that are still to come |
//! | `scenario` | conditions and faults as one JSON document |
//! | `control_plane` | how strict and how slow the control planes are |
//! | `calls` | the list of calls |

mod calls;
mod control_plane;
mod fault;
mod fault_plan;
mod fault_text;
mod scenario;

use std::sync::{Mutex, PoisonError, RwLock};

use serde::{Deserialize, Serialize};

pub use calls::Call;
use calls::Calls;
pub(crate) use calls::changes;
pub use control_plane::ControlPlane;
pub(crate) use fault::{DATA_PLANE, did_you_mean};
pub use fault::{Fault, FaultKind};
use fault_plan::FaultPlan;
pub(crate) use fault_plan::FaultStatus;
pub use scenario::Scenario;
pub(crate) use scenario::{read_fault, read_faults};

/// How the local cloud behaves apart from faults. Every field has a default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Conditions {
    /// Milliseconds until a new role can be assumed and a new or changed function is usable.
    pub propagation_millis: u64,
    /// Milliseconds added to every control-plane and `@connections` call.
    pub latency_millis: u64,
    /// Most environments of one function. AWS would start a thousand; this machine should not.
    /// Above it invocations wait in a queue.
    pub environments_per_function: usize,
    /// Most invocations at one time in the account; above it they are throttled.
    pub concurrent_executions: usize,
    /// New WebSocket connections a second.
    pub connections_per_second: f64,
    /// WebSocket messages and `@connections` calls a second, together.
    pub requests_per_second: f64,
    /// How many of them may come at once.
    pub requests_burst: f64,
    /// Whether a client's ping counts as traffic for the idle time-out.
    ///
    /// Uncertain: AWS does not document it; we chose no, so that a chat which relies on it is caught
    /// here.
    pub ping_keeps_alive: bool,
    /// Seeds the random numbers of faults with a probability; `None` draws a seed, which can be read
    /// afterwards to repeat a run.
    pub seed: Option<u64>,
    /// How strict and how slow the control planes are.
    pub control_plane: ControlPlane,
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            propagation_millis: 100,
            latency_millis: 0,
            environments_per_function: 16,
            concurrent_executions: 1000,
            connections_per_second: 500.0,
            requests_per_second: 10_000.0,
            requests_burst: 5_000.0,
            ping_keeps_alive: false,
            seed: None,
            control_plane: ControlPlane::default(),
        }
    }
}

/// The conditions now, the planned faults, and the calls so far.
///
/// Every service reads the conditions, often under its own lock. That is safe: no lock is held here when a
/// method returns, and nothing outside of this folder is called.
#[derive(Debug)]
pub(crate) struct ConditionsState {
    /// Those of the start, to reset to.
    first: Scenario,
    conditions: RwLock<Conditions>,
    plans: Mutex<FaultPlan>,
    calls: Mutex<Calls>,
}

impl ConditionsState {
    pub(crate) fn new(first: Scenario) -> Self {
        let state = Self {
            conditions: RwLock::default(),
            plans: Mutex::default(),
            calls: Mutex::default(),
            first,
        };
        state.reset();
        state
    }

    /// Resets conditions and faults to those of the start.
    pub(crate) fn reset(&self) {
        self.set(self.first.conditions.clone());
        self.plans(|plans| plans.replace(self.first.faults.clone()));
    }

    /// The conditions at this moment.
    pub(crate) fn now(&self) -> Conditions {
        self.conditions
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Changes the conditions. Another seed seeds every planned fault anew.
    pub(crate) fn set(&self, mut conditions: Conditions) {
        let seed = conditions
            .seed
            .unwrap_or_else(|| fastrand::u64(..=MAX_SEED));
        conditions.seed = Some(seed);
        *self
            .conditions
            .write()
            .unwrap_or_else(PoisonError::into_inner) = conditions;
        self.plans(|plans| plans.seed(seed));
    }

    /// Conditions and faults together.
    pub(crate) fn scenario(&self) -> Scenario {
        Scenario {
            conditions: self.now(),
            faults: self.faults(),
        }
    }

    /// Plans a fault.
    pub(crate) fn add(&self, fault: Fault) {
        self.plans(|plans| plans.add(fault));
    }

    /// The faults that are still to come.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        self.plans(|plans| plans.faults())
    }

    /// The same with their numbers and with how often each has acted.
    pub(crate) fn statuses(&self) -> Vec<FaultStatus> {
        self.plans(|plans| plans.statuses())
    }

    /// Cancels one fault; whether there was one.
    pub(crate) fn cancel(&self, id: u64) -> bool {
        self.plans(|plans| plans.cancel(id))
    }

    /// Plans these faults and no others.
    pub(crate) fn replace_faults(&self, faults: Vec<Fault>) {
        self.plans(|plans| plans.replace(faults));
    }

    /// Every call so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.listed(|calls| calls.all())
    }

    /// Clears the list of calls.
    pub(crate) fn clear_calls(&self) {
        self.listed(Calls::clear);
    }

    /// The fault that an operation of the data plane meets: `Connect`, `Message`, `Disconnect`, or a call
    /// of `@connections`. There are millions of them, so they are not listed.
    pub(crate) fn next_fault(&self, operation: &str) -> Option<FaultKind> {
        self.plans(|plans| plans.next_fault(fault::DATA_PLANE, operation, changes(operation)))
    }

    /// The fault that the next update of a Live Tail session meets.
    pub(crate) fn next_update_fault(&self) -> Option<FaultKind> {
        self.plans(|plans| plans.next_fault("logs", fault::SESSION_UPDATE, false))
    }

    /// Lists a control-plane call that begins, and returns its number and the fault that it meets.
    pub(crate) fn begin(
        &self,
        at: i64,
        (caller, agent): (String, String),
        (service, operation): (&str, &str),
    ) -> (u64, Option<FaultKind>) {
        if service == fault::DATA_PLANE {
            return (0, self.next_fault(operation));
        }
        let mutating = changes(operation);
        let fault = self.plans(|plans| plans.next_fault(service, operation, mutating));
        let call = Call {
            number: 0,
            at,
            caller,
            agent,
            service: service.to_owned(),
            operation: operation.to_owned(),
            mutating,
            status: None,
            fault: fault.clone(),
        };
        (self.listed(|calls| calls.push(call)), fault)
    }

    /// Lists the status that was answered.
    pub(crate) fn end(&self, number: u64, status: u16) {
        if number == 0 {
            return;
        }
        self.listed(|calls| calls.answered(number, status));
    }

    fn plans<T>(&self, look: impl FnOnce(&mut FaultPlan) -> T) -> T {
        look(&mut self.plans.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn listed<T>(&self, look: impl FnOnce(&mut Calls) -> T) -> T {
        look(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A drawn seed is short enough to type.
const MAX_SEED: u64 = 999_999;
