//! Lines of the execution log that come after their API is gone.
//!
//! API Gateway hands lines on seconds after the requests (up to 9 were seen), and what hands them on does not ask
//! whether the API still exists: it makes the log group where it is missing, without retention and tags. So a
//! group that is deleted with its API comes back, unless logging ended before.

use std::sync::Arc;

use serde_json::Value;

use super::view::View;
use super::{Api, Apis};

/// Writes one more line to the execution log of each stage that logs and had traffic, after a while.
///
/// Uncertain: the role is not asked again then. API Gateway holds a session of it, which outlives the setting.
pub(super) fn write_later(apis: &Apis, api_id: &str, api: &Api) {
    let logging = api.stages.iter().filter(|(_, stage)| logs(&stage.view));
    let groups = logging.map(|(name, _)| format!("/aws/apigateway/{api_id}/{name}"));
    let written = |group: &String| apis.logs.has_streams(group) && apis.account.logging_works();
    for group in groups.filter(written) {
        let (shared, logs) = (Arc::clone(&apis.shared), Arc::clone(&apis.logs));
        let late = shared.conditions.now().control_plane.late_log_millis;
        let at = shared.clock.now_ms() + i64::try_from(late).unwrap_or(i64::MAX / 4);
        tokio::spawn(async move {
            tokio::select! {
                () = shared.clock.sleep_until(at) => {}
                () = shared.stopping.cancelled() => return,
            }
            logs.ensure_group(&group);
            let line = (at, "Method completed with status: 200".to_owned());
            logs.put(&group, &"f".repeat(32), vec![line]);
        });
    }
}

fn logs(stage: &View) -> bool {
    let on = |settings: &Value| matches!(settings["loggingLevel"].as_str(), Some("ERROR" | "INFO"));
    let routes = stage.get("routeSettings").and_then(Value::as_object);
    stage.get("defaultRouteSettings").is_some_and(on)
        || routes.is_some_and(|routes| routes.values().any(on))
}
