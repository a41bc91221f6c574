//! Faults and delays on demand, and the list of every control-plane call.
//!
//! A fault waits for the n-th matching call, acts the given number of times, and is gone. Two kinds
//! matter most to a deployer: `reset` closes the connection *before* the call has any effect,
//! `lostAnswer` *after* it, so that a client which simply repeats a create makes two of something.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How many calls the list keeps: the latest.
const CALLS_KEPT: usize = 20_000;

/// How the local cloud behaves apart from faults. Every field has a default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Weather {
    /// Milliseconds until a new role can be assumed and a new or changed function is usable.
    pub propagation_millis: u64,
    /// Milliseconds added to every control-plane call.
    pub latency_millis: u64,
    /// Most environments of one function. AWS would start a thousand; this machine should not.
    /// Above it invocations wait their turn.
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
    /// How strict and how slow the control planes are.
    pub control_plane: super::ControlPlane,
}

impl Default for Weather {
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
            control_plane: super::ControlPlane::default(),
        }
    }
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FaultKind {
    /// Refused as the service refuses a caller who is too fast.
    Throttle,
    /// Refused with this status, 500 to 599, before any effect.
    Error(u16),
    /// The connection closes before any effect.
    Reset,
    /// The call takes effect, then the connection closes without an answer.
    LostAnswer,
    /// The call is delayed by so many milliseconds, then goes on.
    Delay(u64),
}

/// One planned misfortune.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// Only calls of this service, such as `lambda`, `apigatewayv2` or `execute-api`; if absent, any
    /// but the last.
    #[serde(default)]
    pub service: Option<String>,
    /// Only this operation, such as `CreateFunction`; any if absent.
    #[serde(default)]
    pub operation: Option<String>,
    /// Only calls that change something.
    #[serde(default)]
    pub mutating: bool,
    /// Acts at the n-th matching call from now; 1 is the next.
    #[serde(default = "one")]
    pub nth: u64,
    /// How many calls in a row it acts on.
    #[serde(default = "one")]
    pub times: u64,
    /// What goes wrong.
    pub kind: FaultKind,
}

impl Fault {
    /// A fault at the next call of any operation.
    pub fn new(kind: FaultKind) -> Self {
        Self {
            service: None,
            operation: None,
            mutating: false,
            nth: 1,
            times: 1,
            kind,
        }
    }
}

fn one() -> u64 {
    1
}

/// One control-plane call that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// 1 for the first since the start or the last clearing.
    pub number: u64,
    /// Milliseconds since 1970 on the local cloud's clock.
    pub at: i64,
    /// Who called: the account itself, or a role session such as a function's.
    pub caller: String,
    /// Such as `iam`.
    pub service: String,
    /// Such as `CreateRole`.
    pub operation: String,
    /// Whether the operation can change something.
    pub mutating: bool,
    /// What was answered; `None` while it runs and when the answer was lost.
    pub status: Option<u16>,
    /// The fault that hit it.
    pub fault: Option<FaultKind>,
}

/// The weather now, what is to come, and what was.
#[derive(Debug)]
pub(crate) struct Sky {
    /// A lock of its own that nothing is called under: every room looks at the weather, often while
    /// it holds its own lock.
    weather: RwLock<Weather>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    faults: Vec<Fault>,
    calls: VecDeque<Call>,
}

impl Sky {
    pub(crate) fn new(weather: Weather) -> Self {
        let inner = Inner {
            faults: Vec::new(),
            calls: VecDeque::new(),
        };
        Self {
            weather: RwLock::new(weather),
            inner: Mutex::new(inner),
        }
    }

    /// The weather at this moment.
    pub(crate) fn now(&self) -> Weather {
        self.weather
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Changes the weather.
    pub(crate) fn set(&self, weather: Weather) {
        *self.weather.write().unwrap_or_else(PoisonError::into_inner) = weather;
    }

    /// How long eventual consistency takes.
    pub(crate) fn propagation(&self) -> Duration {
        Duration::from_millis(self.now().propagation_millis)
    }

    /// Plans a fault.
    pub(crate) fn add(&self, fault: Fault) {
        self.with(|inner| inner.faults.push(fault));
    }

    /// The faults that are still to come.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        self.with(|inner| inner.faults.clone())
    }

    /// Calls off every fault.
    pub(crate) fn clear_faults(&self) {
        self.with(|inner| inner.faults.clear());
    }

    /// Every call so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.with(|inner| inner.calls.iter().cloned().collect())
    }

    /// Forgets the calls so far.
    pub(crate) fn clear_calls(&self) {
        self.with(|inner| inner.calls.clear());
    }

    /// Notes a call that begins, and says what goes wrong with it.
    pub(crate) fn begin(
        &self,
        at: i64,
        caller: String,
        (service, operation): (&str, &str),
    ) -> (u64, Option<FaultKind>) {
        self.with(|inner| {
            let mutating = is_mutating(operation);
            let fault = inner.strike(service, operation, mutating);
            // Posts to connections come by the million, and are no control plane.
            if service == "execute-api" {
                return (0, fault);
            }
            let number = inner.calls.back().map_or(1, |call| call.number + 1);
            if inner.calls.len() == CALLS_KEPT {
                inner.calls.pop_front();
            }
            let (service, operation) = (service.to_owned(), operation.to_owned());
            let status = None;
            inner.calls.push_back(Call {
                number,
                at,
                caller,
                service,
                operation,
                mutating,
                status,
                fault: fault.clone(),
            });
            (number, fault)
        })
    }

    /// Notes what was answered.
    pub(crate) fn end(&self, number: u64, status: u16) {
        self.with(|inner| {
            if let Some(call) = inner.calls.iter_mut().rfind(|call| call.number == number) {
                call.status = Some(status);
            }
        });
    }

    fn with<T>(&self, look: impl FnOnce(&mut Inner) -> T) -> T {
        look(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Inner {
    /// Every matching fault counts the call; the first one that is due acts.
    fn strike(&mut self, service: &str, operation: &str, mutating: bool) -> Option<FaultKind> {
        let mut struck = None;
        for fault in &mut self.faults {
            if !fault.matches(service, operation, mutating) {
                continue;
            }
            if fault.nth > 1 {
                fault.nth -= 1;
            } else if struck.is_none() {
                fault.times = fault.times.saturating_sub(1);
                struck = Some(fault.kind.clone());
            }
        }
        self.faults.retain(|fault| fault.times > 0);
        struck
    }
}

impl Fault {
    /// `@connections` calls, which functions make all the time, must be named to be hit.
    fn matches(&self, service: &str, operation: &str, mutating: bool) -> bool {
        let meant = match self.service.as_deref() {
            Some(wanted) => wanted == service,
            None => service != "execute-api",
        };
        let named = self
            .operation
            .as_deref()
            .is_none_or(|wanted| wanted == operation);
        meant && named && (mutating || !self.mutating)
    }
}

/// AWS's read operations are known by their verbs.
fn is_mutating(operation: &str) -> bool {
    const READS: [&str; 10] = [
        "Get",
        "List",
        "Describe",
        "Filter",
        "Query",
        "Scan",
        "BatchGet",
        "Simulate",
        "StartLiveTail",
        "TransactGet",
    ];
    !READS.iter().any(|verb| operation.starts_with(verb))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_the_nth_matching_call_and_then_is_gone() {
        let sky = Sky::new(Weather::default());
        let operation = Some("CreateApi".to_owned());
        sky.add(Fault {
            operation,
            nth: 2,
            ..Fault::new(FaultKind::Reset)
        });
        let strike = |operation| sky.begin(0, String::new(), ("apigatewayv2", operation)).1;
        assert_eq!(strike("CreateApi"), None);
        assert_eq!(strike("GetApis"), None);
        assert_eq!(strike("CreateApi"), Some(FaultKind::Reset));
        assert_eq!(strike("CreateApi"), None);
        assert_eq!(sky.faults(), []);
    }

    #[test]
    fn a_fault_on_mutating_calls_leaves_reads_alone() {
        let sky = Sky::new(Weather::default());
        sky.add(Fault {
            mutating: true,
            ..Fault::new(FaultKind::Throttle)
        });
        assert_eq!(sky.begin(0, String::new(), ("iam", "GetRole")).1, None);
        assert_eq!(
            sky.begin(0, String::new(), ("iam", "CreateRole")).1,
            Some(FaultKind::Throttle)
        );
    }
}
