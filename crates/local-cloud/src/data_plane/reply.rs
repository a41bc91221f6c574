//! The answer of an integration of any type, and what all types read from an event and a stage.

use serde_json::Value;

use crate::services::apigatewayv2::LiveStage;

/// A well-formed answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Option<String>,
    pub(super) headers: Vec<(String, String)>,
}

/// The message in an event; those of `$connect` and `$disconnect` have none.
pub(super) fn body_of(event: &Value) -> &str {
    event
        .get("body")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// A text with the stage's variables filled in.
pub(super) fn substituted(stage: &LiveStage, text: &str) -> String {
    let mut text = text.to_owned();
    for (name, value) in &stage.stage_variables {
        text = text.replace(&format!("${{stageVariables.{name}}}"), value);
    }
    text
}
