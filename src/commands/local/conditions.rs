//! The flags about faults and conditions: `--conditions`, `--fault`, `--seed`, `--latency`, `--clock-speed` and so on.
//!
//! They hold from the start of the local cloud, so the first deploy meets them too. A flag wins over the file.

use crate::cli;
use crate::config::Settings;
use crate::error::{Error, Result};
use chatctl_local_cloud::{Clock, Fault, Scenario};
use serde_json::{Map, Value};
use std::path::Path;
use std::time::Duration;

/// Conditions and faults from the start.
///
/// # Errors
/// What cannot be used: the flag, or the file and its member.
pub(super) fn scenario(settings: &Settings, flags: &cli::Local) -> Result<Scenario> {
    let mut scenario = match &flags.conditions {
        Some(file) => read(settings, file)?,
        None => Scenario::default(),
    };
    if let Some(latency) = flags.latency {
        scenario.conditions.latency_millis = latency;
    }
    if let Some(propagation) = flags.propagation {
        scenario.conditions.propagation_millis = propagation;
    }
    if flags.seed.is_some() {
        scenario.conditions.seed = flags.seed;
    }
    scenario.conditions.control_plane.control_rates |= flags.strict_rates;
    for text in &flags.faults {
        let fault: Result<Fault, String> = text.parse();
        let fault = fault.and_then(|fault| fault.check_operation_is_here().map(|()| fault));
        scenario
            .faults
            .push(fault.map_err(|said| wrong_fault(text, &said))?);
    }
    Ok(scenario)
}

/// How far the clock is ahead at the start.
///
/// # Errors
/// It is no time.
pub(super) fn clock_ahead(flags: &cli::Local) -> Result<Duration> {
    let Some(text) = &flags.clock_offset else {
        return Ok(Duration::ZERO);
    };
    humantime::parse_duration(text.trim_start_matches('+')).map_err(|error| {
        Error::usage(format!("--clock-offset: {text:?} is not a time"))
            .because(error)
            .hint("it looks like 90m, 2h or 3days; the clock can only be ahead")
    })
}

/// How fast the clock runs.
///
/// # Errors
/// Nothing runs so fast, or so slow.
pub(super) fn clock_speed(flags: &cli::Local) -> Result<f64> {
    let speed = flags.clock_speed.unwrap_or(1.0);
    if Clock::SPEEDS.contains(&speed) {
        return Ok(speed);
    }
    let (slowest, fastest) = (Clock::SPEEDS.start(), Clock::SPEEDS.end());
    Err(Error::usage(format!(
        "--clock-speed: {speed} is not from {slowest} to {fastest}"
    ))
    .hint("with 60 a minute passes in a second"))
}

fn wrong_fault(text: &str, said: &str) -> Error {
    Error::usage(format!("--fault: {text:?} cannot be used: {said}"))
        .hint("a fault is [SERVICE[:OPERATION]=]KIND[*TIMES][@CHANCE%], such as logs=error:503@20%")
        .hint("lambda:CreateFunction=lost-answer, execute-api:Message=reset@5% and dynamodb=delay:2s*3 are others")
}

/// A file with what `GET /_chatctl/weather` shows, or a part of it.
fn read(settings: &Settings, file: &Path) -> Result<Scenario> {
    let endpoint = settings.target.endpoint_url().unwrap_or_default();
    let wrong = |said: String| {
        Error::usage(format!(
            "--conditions: {} cannot be used: {said}",
            file.display()
        ))
        .hint(format!(
            "it contains the JSON that `curl {endpoint}/_chatctl/weather` shows, or a part of it"
        ))
    };
    let text = fs_err::read_to_string(file)
        .map_err(|error| Error::usage("--conditions: the file cannot be read").because(error))?;
    let changes: Map<String, Value> =
        serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    let scenario = Scenario::default().with(&changes).map_err(wrong)?;
    let mut checks = scenario.faults.iter().map(Fault::check_operation_is_here);
    checks.try_for_each(|check| check.map_err(wrong))?;
    Ok(scenario)
}
