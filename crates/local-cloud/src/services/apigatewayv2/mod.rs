//! API Gateway v2: WebSocket APIs, routes, integrations, deployments and stages.
//!
//! Routes, stages and so on are kept as the JSON that reads show. As on AWS: API names are not unique; two
//! writes to one API at once conflict; a deployment is a snapshot, and only what is deployed on a stage is live; a
//! stage with logging is refused without the account's logging role.

mod apis;
mod authorizers;
mod call;
mod deployments;
mod dispatch;
mod fields;
mod integrations;
mod late_lines;
mod live;
mod responses;
mod routes;
mod stages;
mod tags;
mod view;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use view::View;

use crate::persist::Persistent;
use crate::services::apigateway::Account;
use crate::services::iam::Iam;
use crate::services::logs::Logs;
use crate::shared::Shared;
use crate::wire::ServiceError;
pub(crate) use live::{
    LiveAuthorizer, LiveIntegration, LiveRoute, LiveStage, TemplateResponse, TemplateSettings,
};

/// The open connections, which end with their API or stage. The data plane has them; this is all that the
/// control plane knows of it.
pub(crate) trait Connections: std::fmt::Debug + Send + Sync {
    /// Closes every connection of an API, or of one of its stages.
    fn close_all(&self, api_id: &str, stage: Option<&str>);
}

/// Every API.
#[derive(Debug)]
pub(crate) struct Apis {
    shared: Arc<Shared>,
    iam: Arc<Iam>,
    logs: Arc<Logs>,
    account: Arc<Account>,
    connections: Arc<dyn Connections>,
    state: Mutex<ApisState>,
    /// By API and stage; what the gateway looks up for every frame.
    served: RwLock<HashMap<(String, String), live::ServedStage>>,
    /// APIs with a write under way.
    busy: Mutex<BTreeSet<String>>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct ApisState {
    apis: BTreeMap<String, Api>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Api {
    view: View,
    routes: BTreeMap<String, Route>,
    integrations: BTreeMap<String, Integration>,
    #[serde(default)]
    authorizers: BTreeMap<String, View>,
    deployments: BTreeMap<String, Deployment>,
    stages: BTreeMap<String, Stage>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Route {
    view: View,
    responses: BTreeMap<String, View>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Integration {
    view: View,
    responses: BTreeMap<String, View>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Deployment {
    view: View,
    created_ms: i64,
    snapshot: live::Snapshot,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Stage {
    view: View,
}

/// Marks an API as being written until it is dropped.
#[derive(Debug)]
struct Writing<'a> {
    apis: &'a Apis,
    api_id: String,
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        lock(&self.apis.busy).remove(&self.api_id);
    }
}

impl Apis {
    pub(crate) fn new(
        shared: &Arc<Shared>,
        iam: &Arc<Iam>,
        logs: &Arc<Logs>,
        account: &Arc<Account>,
        connections: Arc<dyn Connections>,
    ) -> Self {
        Self {
            shared: Arc::clone(shared),
            iam: Arc::clone(iam),
            logs: Arc::clone(logs),
            account: Arc::clone(account),
            connections,
            state: Mutex::default(),
            served: RwLock::default(),
            busy: Mutex::default(),
        }
    }

    /// The stage as the data plane sees it; `None` if there is none.
    pub(crate) fn live(&self, api_id: &str, stage: &str) -> Option<Arc<LiveStage>> {
        let served = self.served.read().unwrap_or_else(PoisonError::into_inner);
        served
            .get(&(api_id.to_owned(), stage.to_owned()))
            .map(live::ServedStage::pick)
    }

    /// The address of the first API with all of these tags that is live on the stage.
    pub(crate) fn find(&self, stage: &str, tags: &[(String, String)]) -> Option<String> {
        let state = lock(&self.state);
        let is_meant = |api: &Api| {
            let has = api.view.get("tags");
            tags.iter()
                .all(|(name, value)| has.and_then(|tags| tags.get(name)?.as_str()) == Some(value))
        };
        let mut meant = state.apis.iter().filter(|(_, api)| is_meant(api));
        let (_, api) = meant.find(|(id, _)| self.live(id, stage).is_some())?;
        let endpoint = api.view.get("apiEndpoint")?.as_str()?;
        Some(format!("{endpoint}/{stage}"))
    }

    /// Begins a write. Two at once on one API conflict, as on AWS; each takes a moment, so that clients that write
    /// at once notice.
    async fn write(&self, api_id: &str) -> Result<Writing<'_>, ServiceError> {
        if !lock(&self.busy).insert(api_id.to_owned()) {
            return Err(ServiceError::new(
                409,
                "ConflictException",
                "Unable to complete operation due to concurrent modification. Please try again later.",
            ));
        }
        let writing = Writing {
            apis: self,
            api_id: api_id.to_owned(),
        };
        let pause = self.shared.conditions.now().control_plane.mutation_millis;
        if pause > 0 {
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        Ok(writing)
    }

    /// Reads an API.
    fn with<T>(
        &self,
        api_id: &str,
        work: impl FnOnce(&Api) -> Result<T, ServiceError>,
    ) -> Result<T, ServiceError> {
        let state = lock(&self.state);
        work(
            state
                .apis
                .get(api_id)
                .ok_or_else(|| no_api(&self.shared, api_id))?,
        )
    }

    /// Changes an API, deploys its stages with `autoDeploy` if `deploys`, and updates what the data plane
    /// sees.
    fn change<T>(
        &self,
        api_id: &str,
        deploys: bool,
        work: impl FnOnce(&mut Api) -> Result<T, ServiceError>,
    ) -> Result<T, ServiceError> {
        let mut state = lock(&self.state);
        let api = state
            .apis
            .get_mut(api_id)
            .ok_or_else(|| no_api(&self.shared, api_id))?;
        let done = work(api)?;
        if deploys {
            deployments::automatically(api, self.shared.clock.now_ms());
        }
        self.serve_stages(api_id, Some(api));
        Ok(done)
    }

    /// Updates the stages that the data plane sees; `None` removes all of them.
    fn serve_stages(&self, api_id: &str, api: Option<&Api>) {
        let lag = Duration::from_millis(
            self.shared
                .conditions
                .now()
                .control_plane
                .deployment_lag_millis,
        );
        let mut served = self.served.write().unwrap_or_else(PoisonError::into_inner);
        let mut next = HashMap::new();
        // Without its own endpoint an API is reached by custom domains alone, which are not here.
        let open =
            api.filter(|api| api.view.get("disableExecuteApiEndpoint") != Some(&Value::Bool(true)));
        for (name, stage) in open.into_iter().flat_map(|api| &api.stages) {
            let id = view::text(&stage.view, "deploymentId");
            let deployment = api.and_then(|api| api.deployments.get(id));
            let snapshot = deployment.map(|deployment| deployment.snapshot.clone());
            let now = live::live_stage(api_id, stage, &snapshot.unwrap_or_default());
            let key = (api_id.to_owned(), name.clone());
            let before = served.get(&key).and_then(|old| {
                let moved = old.newest().deployment_id != now.deployment_id;
                if moved && !lag.is_zero() {
                    Some((Arc::clone(old.newest()), Instant::now() + lag))
                } else {
                    old.before()
                }
            });
            next.insert(key, live::ServedStage::new(now, before));
        }
        served.retain(|(api, _), _| api != api_id);
        served.extend(next);
    }
}

impl Persistent for Apis {
    fn snapshot(&self) -> Value {
        serde_json::to_value(&*lock(&self.state)).unwrap_or_default()
    }

    /// The port may be another one now, so endpoints are written anew.
    fn restore(&self, snapshot: Value) -> Result<(), serde_json::Error> {
        let mut restored: ApisState = serde_json::from_value(snapshot)?;
        for (id, api) in &mut restored.apis {
            api.view
                .insert("apiEndpoint".to_owned(), endpoint(&self.shared, id).into());
            self.serve_stages(id, Some(api));
        }
        *lock(&self.state) = restored;
        Ok(())
    }
}

/// `apiEndpoint` + `/` + stage is the URL, as on AWS.
fn endpoint(shared: &Shared, api_id: &str) -> String {
    let host = shared.endpoint.trim_start_matches("http://");
    format!("ws://{host}/_aws/execute-api/{api_id}")
}

fn no_api(shared: &Shared, api_id: &str) -> ServiceError {
    missing(format!(
        "Invalid API identifier specified {}:{api_id}",
        shared.account_id
    ))
}

/// A `NotFoundException`.
fn missing(words: impl Into<String>) -> ServiceError {
    ServiceError::new(404, "NotFoundException", words)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
