//! The wanted stack, as a list of resources in the order in which people read it.

use super::parts::{Parts, account_logging, authorizer};
use crate::config::{RouteSettings, Settings};
use crate::engine::{Fields, Output, Resource};
use crate::naming::chat::ROUTE_SELECTION;
use crate::naming::{Names, ids};
use crate::package::SourceDigest;
use crate::resources::alias::Alias;
use crate::resources::authorizer::{self, Authorizer};
use crate::resources::deployment::{self, Deployment};
use crate::resources::integration::{self, Integration};
use crate::resources::route::Route;
use crate::resources::table::Table;
use crate::resources::{
    ApiId, AuthorizerId, DeploymentId, IntegrationId, Kind, Observed, Outputs, RoleId,
};
use sha2::{Digest, Sha256};

/// The route by which clients come in.
const CONNECT: &str = "$connect";

/// What the wanted stack depends on.
#[derive(Debug, Clone, Copy)]
pub struct Desired<'a> {
    /// The user's settings.
    pub settings: &'a Settings,
    /// The digest of the function's source; none if it does not matter, as for a teardown.
    pub digest: Option<&'a SourceDigest>,
    /// List the account's logging role even if the account has another one: a teardown looks for
    /// it.
    pub with_logging_role: bool,
}

/// The wanted stack.
#[derive(Debug)]
pub struct Stack {
    /// Every resource, in the order in which people read them.
    pub resources: Vec<Kind>,
    /// The values that some of them make and others use.
    pub outputs: Outputs,
    /// The digest of the routes and the integration, which the deployment carries.
    pub digest: String,
    /// A version of the function has to be published.
    pub publishes: bool,
    /// The table that there would be if the function used one.
    pub unwanted_table: Option<Table>,
}

impl Stack {
    /// The stack that is desired where this was observed.
    pub fn wanted(desired: &Desired<'_>, observed: &Observed) -> Self {
        let digest = routes_digest(desired.settings, &observed.run.names);
        let outputs = known_outputs(observed, &digest);
        let parts = Parts {
            settings: desired.settings,
            run: &observed.run,
            outputs: &outputs,
        };
        let function = parts.function(desired.digest);
        let alias = Alias::wanted(&function, &outputs, observed);
        let publishes = alias.is_new();
        let mut resources: Vec<Kind> = vec![
            parts.function_role().into(),
            parts.function_group().into(),
            parts.access_group().into(),
        ];
        resources.extend(parts.table().map(Kind::from));
        resources.extend([
            Kind::from(function),
            alias.into(),
            parts.api().into(),
            parts.execution_group().into(),
            parts.permission().into(),
            parts.grant().into(),
            Integration::new(observed.run.names.integration_uri(), &outputs).into(),
        ]);
        resources.extend(parts.authorizer().map(Kind::from));
        resources.extend(routes(desired.settings, &outputs).map(Kind::from));
        resources.push(Deployment::new(digest.clone(), &outputs).into());
        resources.extend(account_logging(desired.with_logging_role, observed));
        resources.push(parts.stage(digest.clone()).into());
        Self {
            unwanted_table: parts.unwanted_table(),
            resources,
            outputs,
            digest,
            publishes,
        }
    }
}

impl Stack {
    /// The API asks the function who may connect.
    pub(super) fn authorizes(&self) -> bool {
        let mut resources = self.resources.iter();
        resources.any(|one| matches!(one, Kind::Authorizer(_)))
    }

    /// The keys of the wanted routes.
    pub(super) fn route_keys(&self) -> Vec<&str> {
        let routes = self.resources.iter();
        let keys = routes.filter_map(|one| match one {
            Kind::Route(route) => Some(route.key.as_str()),
            _ => None,
        });
        keys.collect()
    }
}

/// The values of one run, as far as they are known before anything is done; `digest` is that of the
/// wanted deployment.
fn known_outputs(observed: &Observed, digest: &str) -> Outputs {
    let gateway = &observed.gateway;
    let role = observed.function_role.as_ref();
    let integration = integration::ours_in(gateway).map(IntegrationId);
    let authorizer = authorizer::ours_in(gateway).map(AuthorizerId);
    let deployment = deployment::with_digest(gateway, digest).map(DeploymentId);
    Outputs {
        api: Output::new(ids::API, gateway.api_id().map(ApiId)),
        authorizer: Output::new(ids::AUTHORIZER, authorizer),
        integration: Output::new(ids::INTEGRATION, integration),
        deployment: Output::new(ids::DEPLOYMENT, deployment),
        role_id: Output::new(ids::FUNCTION_ROLE, role.map(|role| RoleId(role.id.clone()))),
        ..Outputs::unknown()
    }
}

fn routes(settings: &Settings, outputs: &Outputs) -> impl Iterator<Item = Route> {
    settings
        .routes
        .iter()
        .map(|RouteSettings { key, response }| {
            let route = Route::new(key, *response, outputs);
            match key.as_str() {
                CONNECT => route.authorized(settings.connect.authorization, outputs),
                _ => route,
            }
        })
}

/// The digest of the routes and the integration as they are wanted: the live deployment carries it
/// when it has them all.
pub fn routes_digest(settings: &Settings, names: &Names) -> String {
    let outputs = Outputs::unknown();
    let integration = Integration::new(names.integration_uri(), &outputs);
    let authorizer = authorizer(settings, names, &outputs);
    digest_of(
        &integration,
        authorizer.as_ref(),
        routes(settings, &outputs),
    )
}

fn digest_of(
    integration: &Integration,
    authorizer: Option<&Authorizer>,
    routes: impl Iterator<Item = Route>,
) -> String {
    let mut hash = Sha256::new();
    let mut add = |fields: Fields| {
        for field in fields.iter() {
            hash.update(format!("{}={}\n", field.path, field.value));
        }
    };
    add(integration.fields());
    if let Some(authorizer) = authorizer {
        add(authorizer.fields());
    }
    for route in routes {
        add(route.fields().with("routeKey", route.key.as_str()));
    }
    hash.update(ROUTE_SELECTION);
    let hash = hash.finalize();
    hash.iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_route_setting_is_another_digest() {
        let outputs = Outputs::unknown();
        let integration = Integration::new("arn:x".into(), &outputs);
        let mut route = Route::new("$connect", false, &outputs);
        let before = digest_of(&integration, None, [route.clone()].into_iter());
        route.needs_key = true;
        assert_ne!(before, digest_of(&integration, None, [route].into_iter()));
    }
}
