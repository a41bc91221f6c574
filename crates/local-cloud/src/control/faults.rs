//! `/_chatctl/conditions` and `/_chatctl/faults`.

use serde_json::{Value, json};

use crate::conditions::{ConditionsState, Fault, read_fault, read_faults};
use crate::wire::{Request, ServiceError};

use super::input::{any, missing, nothing, object, unusable, verb};

/// Shows, changes or resets the conditions.
pub(super) fn conditions(
    state: &ConditionsState,
    request: &Request,
) -> Result<Value, ServiceError> {
    match verb(&request.method) {
        "GET" => {}
        "PATCH" => {
            let changes = object(request)?;
            let changed = state.scenario().with(&changes).map_err(unusable)?;
            check_operations(&changed.faults)?;
            state.set(changed.conditions);
            if changes.contains_key("faults") {
                state.replace_faults(changed.faults);
            }
        }
        "DELETE" => state.reset(),
        _ => return Err(nothing(request)),
    }
    Ok(json!(state.scenario()))
}

fn check_operations(faults: &[Fault]) -> Result<(), ServiceError> {
    let mut checks = faults.iter().map(Fault::check_operation_is_here);
    checks.try_for_each(|check| check.map_err(unusable))
}

/// Lists, plans or cancels faults.
pub(super) fn faults(
    state: &ConditionsState,
    request: &Request,
    path: &[&str],
) -> Result<Value, ServiceError> {
    match (verb(&request.method), path) {
        ("GET", []) => {}
        ("PATCH", []) => {
            let planned = match any(request)? {
                list @ Value::Array(_) => read_faults(&list),
                one => read_fault(&one).map(|fault| vec![fault]),
            };
            let planned = planned.map_err(unusable)?;
            check_operations(&planned)?;
            planned.into_iter().for_each(|fault| state.add(fault));
        }
        ("DELETE", []) => state.replace_faults(Vec::new()),
        ("DELETE", [id]) => {
            if !id.parse().is_ok_and(|id| state.cancel(id)) {
                return Err(missing(format!("there is no fault {id}, or no longer")));
            }
        }
        _ => return Err(nothing(request)),
    }
    Ok(json!(state.statuses()))
}
