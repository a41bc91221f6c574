//! Conditions and faults as one JSON document: what `/_chatctl/conditions` shows and takes, and
//! what a file for `chatctl local` holds.
//!
//! A document changes only the members that it has, nested ones too; `null` means the default. A member that
//! cannot be used is refused with its path, and then nothing of the document takes effect.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Conditions, Fault};

/// Conditions, and the faults that are planned.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Scenario {
    /// Delays, limits and strictness.
    #[serde(flatten)]
    pub conditions: Conditions,
    /// The planned faults.
    pub faults: Vec<Fault>,
}

impl Scenario {
    /// This scenario with the members of `changes` in place of its own.
    ///
    /// # Errors
    /// The member that cannot be used, and why.
    pub fn with(&self, changes: &Map<String, Value>) -> Result<Self, String> {
        let mut changed = self.clone();
        let mut document = json!(self.conditions);
        for (name, value) in changes {
            if name == "faults" {
                changed.faults = read_faults(value)?;
            } else {
                merge(&mut document, &mut Vec::new(), name, value)?;
            }
        }
        changed.conditions = read(&document).map_err(|said| said.to_string())?;
        changed.conditions.check()?;
        Ok(changed)
    }
}

impl Conditions {
    fn check(&self) -> Result<(), String> {
        for (name, rate) in [
            ("connectionsPerSecond", self.connections_per_second),
            ("requestsPerSecond", self.requests_per_second),
            ("requestsBurst", self.requests_burst),
        ] {
            if !rate.is_finite() || rate < 0.0 {
                return Err(format!("{name}: {rate} is less than 0"));
            }
        }
        if self.environments_per_function == 0 {
            return Err(
                "environmentsPerFunction: without one no function could ever answer".to_owned(),
            );
        }
        Ok(())
    }
}

/// Sets one member and checks it at once, so that the error can name it.
fn merge<'a>(
    document: &mut Value,
    path: &mut Vec<&'a str>,
    name: &'a str,
    value: &'a Value,
) -> Result<(), String> {
    path.push(name);
    let known = path
        .iter()
        .try_fold(&*document, |within, name| within.get(name));
    if let (Some(Value::Object(_)), Value::Object(members)) = (known, value) {
        for (name, value) in members {
            merge(document, path, name, value)?;
        }
    } else {
        set(document, path, value);
        read(document).map_err(|said| {
            // serde's error names an unknown member already.
            if said.to_string().starts_with("unknown field") {
                return said.to_string();
            }
            format!("{}: {said}", path.join("."))
        })?;
    }
    path.pop();
    Ok(())
}

fn set(document: &mut Value, path: &[&str], value: &Value) {
    let value = match value {
        Value::Null => path
            .iter()
            .fold(json!(Conditions::default()), |within, name| {
                within[*name].clone()
            }),
        value => value.clone(),
    };
    let place = path
        .iter()
        .fold(document, |within, name| &mut within[*name]);
    *place = value;
}

fn read(document: &Value) -> Result<Conditions, serde_json::Error> {
    Conditions::deserialize(document)
}

/// A list of faults, each as an object or as a line of text.
pub(crate) fn read_faults(value: &Value) -> Result<Vec<Fault>, String> {
    let Value::Array(list) = value else {
        return Err("faults: it is a list of faults".to_owned());
    };
    let numbered = list.iter().enumerate();
    numbered
        .map(|(index, value)| read_fault(value).map_err(|said| format!("faults[{index}]: {said}")))
        .collect()
}

/// A fault as an object or as a line of text.
pub(crate) fn read_fault(value: &Value) -> Result<Fault, String> {
    match value {
        Value::String(text) => text.parse(),
        Value::Object(_) => Fault::deserialize(value).map_err(|error| error.to_string()),
        _ => Err("a fault is an object, or text such as \"logs=error:503@20%\"".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str) -> Result<Scenario, String> {
        let Value::Object(changes) = serde_json::from_str(text).unwrap() else {
            panic!("not an object")
        };
        let before = Scenario {
            conditions: Conditions {
                latency_millis: 7,
                ..Conditions::default()
            },
            ..Scenario::default()
        };
        before.with(&changes)
    }

    #[test]
    fn only_what_is_said_changes_deep_down_too() {
        let changed = with(r#"{"controlPlane":{"controlRates":true},"propagationMillis":1}"#);
        let conditions = changed.unwrap().conditions;
        assert!(conditions.control_plane.control_rates);
        assert_eq!(conditions.control_plane.mutation_millis, 5);
        assert_eq!(
            (conditions.latency_millis, conditions.propagation_millis),
            (7, 1)
        );
        assert_eq!(
            with(r#"{"latencyMillis":null}"#)
                .unwrap()
                .conditions
                .latency_millis,
            0
        );
    }

    #[test]
    fn faults_come_along_in_both_forms() {
        let faults = with(r#"{"faults":["iam=reset",{"kind":"throttle"}]}"#)
            .unwrap()
            .faults;
        assert_eq!(faults.len(), 2);
        assert_eq!(faults[0].service.as_deref(), Some("iam"));
    }

    #[test]
    fn what_is_shown_can_be_given_back() {
        let shown = with(r#"{"faults":["iam=reset@20%"],"seed":3}"#).unwrap();
        let Value::Object(document) = json!(shown) else {
            panic!("not an object")
        };
        assert_eq!(Scenario::default().with(&document).unwrap(), shown);
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (text, wanted) in [
            (r#"{"latency":1}"#, "unknown field `latency`"),
            (
                r#"{"latencyMillis":"slow"}"#,
                "latencyMillis: invalid type: string \"slow\"",
            ),
            (r#"{"latencyMillis":-1}"#, "latencyMillis: invalid value"),
            (
                r#"{"controlPlane":{"controlRate":true}}"#,
                "unknown field `controlRate`",
            ),
            (
                r#"{"controlPlane":{"controlRates":1}}"#,
                "controlPlane.controlRates: invalid type",
            ),
            (r#"{"controlPlane":7}"#, "controlPlane: invalid type"),
            (
                r#"{"requestsPerSecond":-2.0}"#,
                "requestsPerSecond: -2 is less than 0",
            ),
            (
                r#"{"environmentsPerFunction":0}"#,
                "environmentsPerFunction",
            ),
            (r#"{"faults":"iam=reset"}"#, "faults: it is a list"),
            (
                r#"{"faults":["iam=reset",{"kind":"boom"}]}"#,
                "faults[1]: unknown variant `boom`",
            ),
        ] {
            let said = with(text).unwrap_err();
            assert!(said.contains(wanted), "{text}: {said}");
        }
    }
}
