//! Every name, ARN and URL of a stack, made in one place.
//!
//! What carries the API's id is a function of it: the id is known only once the API exists. Until
//! then [`API_UNKNOWN`] stands for it.

use super::policy::GITHUB_TOKENS;
use super::tags::Tags;
use crate::aws::Place;
use crate::config::Settings;
use crate::engine::Ownership;
use sha2::{Digest, Sha256};

/// Stands for the API's id in names that are made before the API.
pub const API_UNKNOWN: &str = "{api}";

/// Prefix of every execution log group.
pub const EXECUTION_GROUPS: &str = "/aws/apigateway/";

/// Prefix of the ids of our statements in the policies of the function and its alias.
pub const STATEMENT_PREFIX: &str = "chatctl-";

/// The alias of the function that the API calls.
pub const LIVE: &str = "live";

/// The longest name that IAM gives a role and Lambda a function.
const SHORT_NAME: usize = 64;

/// Names of one stack in one place.
#[derive(Debug, Clone)]
pub struct Names {
    /// The chat's name.
    pub stack: String,
    /// The stage's name.
    pub stage: String,
    /// The Lambda function.
    pub function: String,
    /// The DynamoDB table.
    pub table: String,
    /// The WebSocket API.
    pub api: String,
    place: Place,
}

impl Names {
    /// The names that the settings give in this place.
    pub fn new(settings: &Settings, place: &Place) -> Self {
        let both = format!("{}-{}", settings.name, settings.stage);
        Self {
            function: settings
                .function
                .name
                .clone()
                .unwrap_or_else(|| fit(&both, "")),
            table: table_name(settings).unwrap_or_else(|| both.clone()),
            api: both,
            stack: settings.name.clone(),
            stage: settings.stage.clone(),
            place: place.clone(),
        }
    }

    /// Whose a resource with these tags is.
    pub fn ownership(&self, tags: &Tags) -> Ownership {
        tags.ownership(&self.stack, &self.stage)
    }

    /// Who and where we are.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The function's role.
    pub fn role(&self) -> String {
        fit(&self.api, "-function")
    }

    /// The role through which API Gateway writes logs: one for each account and region, shared by
    /// every stack.
    pub fn logging_role(&self) -> String {
        format!("chatctl-apigateway-logging-{}", self.place.region)
    }

    /// The role with which a pipeline does this task.
    pub fn pipeline_role(&self, task: &str) -> String {
        fit(&self.api, &format!("-{task}"))
    }

    /// ARN of GitHub's identity provider in the account.
    pub fn github_provider_arn(&self) -> String {
        self.global_arn("iam", &format!("oidc-provider/{GITHUB_TOKENS}"))
    }

    /// The audience that GitHub's tokens for AWS have: that of the action `configure-aws-credentials`.
    pub fn github_audience(&self) -> &'static str {
        match self.place.partition.as_str() {
            "aws-cn" => "sts.amazonaws.com.cn",
            _ => "sts.amazonaws.com",
        }
    }

    /// ARN of a role.
    pub fn role_arn(&self, role: &str) -> String {
        self.global_arn("iam", &format!("role/{role}"))
    }

    /// Pattern of every managed policy's ARN: AWS's own name `aws` in place of the account.
    pub fn any_policy_arn(&self) -> String {
        format!("arn:{}:iam::*:policy/*", self.place.partition)
    }

    /// ARN of a role policy that AWS made.
    pub fn managed_policy_arn(&self, policy: &str) -> String {
        format!("arn:{}:iam::aws:policy/{policy}", self.place.partition)
    }

    /// Pattern of every function's ARN, also of versions and aliases.
    pub fn any_function_arn(&self) -> String {
        self.arn("lambda", "function:*")
    }

    /// ARN of the function.
    pub fn function_arn(&self) -> String {
        self.arn("lambda", &format!("function:{}", self.function))
    }

    /// ARN of the function's alias that the API calls.
    pub fn live_arn(&self) -> String {
        format!("{}:{LIVE}", self.function_arn())
    }

    /// ARN of the table.
    pub fn table_arn(&self) -> String {
        self.arn("dynamodb", &format!("table/{}", self.table))
    }

    /// The function's log group.
    pub fn function_group(&self) -> String {
        format!("/aws/lambda/{}", self.function)
    }

    /// The stage's access log group.
    pub fn access_group(&self) -> String {
        format!("/chatctl/{}/{}/access", self.stack, self.stage)
    }

    /// The stage's execution log group; its name is API Gateway's choice.
    pub fn execution_group(&self, api: &str) -> String {
        format!("{EXECUTION_GROUPS}{api}/{}", self.stage)
    }

    /// ARN of a log group, without the `:*` that policies want.
    pub fn group_arn(&self, group: &str) -> String {
        self.arn("logs", &format!("log-group:{group}"))
    }

    /// ARN of the API, as tags want it: without an account id.
    pub fn api_arn(&self, api: &str) -> String {
        self.api_gateway_arn(&format!("/apis/{api}"))
    }

    /// ARN of anything in API Gateway, by its path: without an account id.
    pub fn api_gateway_arn(&self, path: &str) -> String {
        let Place {
            partition, region, ..
        } = &self.place;
        format!("arn:{partition}:apigateway:{region}::{path}")
    }

    /// ARN of the stage, as tags want it.
    pub fn stage_arn(&self, api: &str) -> String {
        format!("{}/stages/{}", self.api_arn(api), self.stage)
    }

    /// Where API Gateway calls the function: the version that is live.
    pub fn integration_uri(&self) -> String {
        let Place {
            partition, region, ..
        } = &self.place;
        let function = self.live_arn();
        format!(
            "arn:{partition}:apigateway:{region}:lambda:path/2015-03-31/functions/{function}/invocations"
        )
    }

    /// Every route of the stage, as the function's policy wants it.
    pub fn invoker_arn(&self, api: &str) -> String {
        self.arn("execute-api", &format!("{api}/{}/*", self.stage))
    }

    /// Every authorizer of the API, as the function's policy wants it.
    pub fn authorizers_arn(&self, api: &str) -> String {
        self.arn("execute-api", &format!("{api}/authorizers/*"))
    }

    /// Every connection of the stage. The part in front of `@connections` is the HTTP method:
    /// without it IAM never matches.
    pub fn connections_arn(&self, api: &str) -> String {
        self.arn(
            "execute-api",
            &format!("{api}/{}/*/@connections/*", self.stage),
        )
    }

    /// Id of our statement in the alias's policy, keyed by the API: a new API needs a new one.
    pub fn statement(&self, api: &str) -> String {
        format!("{STATEMENT_PREFIX}{LIVE}-{api}")
    }

    /// The API's own domain, as its events name it.
    pub fn domain(&self, api: &str) -> String {
        domain(&self.place, api)
    }

    /// Where clients connect.
    pub fn socket_url(&self, api: &str) -> String {
        socket_url(&self.place, api, &self.stage)
    }

    /// Where the function posts to connections.
    pub fn connections_url(&self, api: &str) -> String {
        match self.connections_template() {
            Some(template) => template
                .replace("{apiId}", api)
                .replace("{stage}", &self.stage),
            None => format!("https://{}/{}", self.domain(api), self.stage),
        }
    }

    /// Template of the management API's URL for the function, where it cannot be derived from the
    /// event; the function fills in the API's id and the stage.
    pub fn connections_template(&self) -> Option<String> {
        let endpoint = self.place.endpoint_url.as_ref()?;
        Some(format!("{endpoint}/_aws/execute-api/{{apiId}}/{{stage}}"))
    }

    fn arn(&self, service: &str, resource: &str) -> String {
        let Place {
            partition,
            region,
            account_id,
            ..
        } = &self.place;
        format!("arn:{partition}:{service}:{region}:{account_id}:{resource}")
    }

    fn global_arn(&self, service: &str, resource: &str) -> String {
        let Place {
            partition,
            account_id,
            ..
        } = &self.place;
        format!("arn:{partition}:{service}::{account_id}:{resource}")
    }
}

fn table_name(settings: &Settings) -> Option<String> {
    settings.table.as_ref()?.name.clone()
}

/// Where clients of an API's stage connect.
pub fn socket_url(place: &Place, api: &str, stage: &str) -> String {
    match &place.endpoint_url {
        None => format!("wss://{}/{stage}", domain(place, api)),
        Some(endpoint) => {
            let socket = endpoint.replacen("http", "ws", 1);
            format!("{socket}/_aws/execute-api/{api}/{stage}")
        }
    }
}

fn domain(place: &Place, api: &str) -> String {
    format!("{api}.execute-api.{}.{}", place.region, place.dns_suffix)
}

/// A name with its ending, cut to 64 characters; what was cut off lives on as a hash, so that two
/// long names stay two.
fn fit(name: &str, ending: &str) -> String {
    let whole = format!("{name}{ending}");
    if whole.len() <= SHORT_NAME {
        return whole;
    }
    let hash = Sha256::digest(whole.as_bytes());
    let hash: String = hash
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let room = SHORT_NAME - ending.len() - hash.len() - 1;
    let kept: String = name.chars().take(room).collect();
    format!("{kept}-{hash}{ending}")
}

#[cfg(test)]
mod tests {
    use super::fit;

    #[test]
    fn short_names_stay_as_they_are() {
        assert_eq!(
            fit("chat-production", "-function"),
            "chat-production-function"
        );
    }

    #[test]
    fn long_names_are_cut_and_stay_different() {
        let (a, b) = ("x".repeat(63) + "a", "x".repeat(63) + "b");
        let (a, b) = (fit(&a, "-function"), fit(&b, "-function"));
        assert_eq!((a.len(), b.len()), (64, 64));
        assert_ne!(a, b);
        assert!(a.ends_with("-function"));
    }
}
