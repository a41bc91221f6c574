//! What is known of an API that anybody may have made, as plain data. Nothing here calls AWS.

use super::AwsCli;
use super::called::{Call, FunctionRef, Parts};
use crate::aws::Place;
use crate::config::ChatFlags;
use crate::doctor::Look;
use crate::doctor::facts::{self, AccountRole, GroupState, Integration, Role, Route};
use crate::naming::names::EXECUTION_GROUPS;
use crate::tail::LogSource;
use serde_json::Value;
use std::collections::BTreeMap;

/// Everything that is read of an API.
#[derive(Debug, Clone)]
pub struct ApiFacts {
    /// The account and the region.
    pub place: Place,
    /// Writes the commands that mend.
    pub aws: AwsCli,
    /// The flags that lead another command to the same account and region.
    pub flags: ChatFlags,
    /// The API.
    pub api: Api,
    /// The stages that are looked at.
    pub stages: Look<Vec<Stage>>,
    /// Its routes.
    pub routes: Look<Vec<Route>>,
    /// Its integrations.
    pub integrations: Look<Vec<Integration>>,
    /// Its authorizers.
    pub authorizers: Look<Vec<Authorizer>>,
    /// Its deployments.
    pub deployments: Look<Vec<Deployment>>,
    /// The functions that it calls, each once.
    pub functions: Vec<Function>,
    /// The roles of those functions, by ARN.
    pub roles: BTreeMap<String, Look<RoleRights>>,
    /// The account's role for API Gateway's logs; missing when none is set.
    pub account_role: Look<AccountRole>,
    /// So many functions without a reserved concurrency may run at once in the account.
    pub concurrency: Look<i32>,
    /// The log groups of the functions and the stages.
    pub groups: Vec<Group>,
}

/// A WebSocket API.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Api {
    /// AWS's id.
    pub id: String,
    /// Its name, which others may have too.
    pub name: String,
    /// How a route is chosen.
    pub selection: String,
    /// The usual URL does not answer: clients use a domain name of the account.
    pub url_is_off: bool,
    /// The chat that chatctl made it for: its name and its stage.
    pub chat: Option<(String, String)>,
}

/// A stage.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// What it is set to.
    pub settings: facts::Stage,
    /// Every change of the API is deployed to it at once.
    pub auto_deploy: bool,
    /// What AWS said about the last automatic deployment.
    pub message: Option<String>,
    /// Its variables.
    pub variables: BTreeMap<String, String>,
}

impl Stage {
    /// The log group of its execution log; the name is API Gateway's choice.
    pub fn execution_group(&self, api: &str) -> String {
        format!("{EXECUTION_GROUPS}{api}/{}", self.name)
    }

    /// The log group of its access log; nothing if that is off, or goes somewhere else.
    pub fn access_group(&self) -> Option<&str> {
        let (_, group) = self
            .settings
            .access_group
            .as_deref()?
            .split_once(":log-group:")?;
        Some(group.trim_end_matches(":*"))
    }

    /// The execution log is on.
    pub fn logs(&self) -> bool {
        !matches!(self.settings.logging.as_str(), "" | "OFF")
    }
}

/// A Lambda authorizer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Authorizer {
    /// AWS's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it calls.
    pub uri: String,
    /// ARN of the role that it is called with, instead of the function's policy.
    pub credentials: Option<String>,
}

/// A deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deployment {
    /// AWS's id.
    pub id: String,
    /// `DEPLOYED`, `PENDING`, `FAILED`.
    pub status: String,
    /// Why it failed.
    pub message: Option<String>,
    /// When it was made: epoch milliseconds.
    pub created: i64,
}

/// A function that the API calls.
#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    /// As the API names it.
    pub called: FunctionRef,
    /// The function itself.
    pub look: Look<facts::Function>,
    /// The resource policy of what is called.
    pub policy: Look<Value>,
}

impl Function {
    /// Its log group.
    pub fn group(&self) -> String {
        let other = self
            .look
            .there()
            .and_then(|function| function.log_group.clone());
        other.unwrap_or_else(|| format!("/aws/lambda/{}", self.called.name))
    }
}

/// A role and everything that is attached to it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RoleRights {
    /// The role.
    pub role: Role,
    /// The documents of the policies that are attached to it.
    pub attached: Look<Vec<Value>>,
}

/// A log group.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Which log.
    pub source: LogSource,
    /// The function or the stage that writes it.
    pub of: String,
    /// Its name.
    pub name: String,
    /// What is there.
    pub look: Look<GroupState>,
}

impl ApiFacts {
    /// Every call of a function.
    pub fn calls(&self) -> Vec<Call> {
        let stages = self.stages.there().map(Vec::as_slice).unwrap_or_default();
        self.parts().calls(stages)
    }

    fn parts(&self) -> Parts<'_> {
        fn all<T>(look: &Look<Vec<T>>) -> &[T] {
            look.there().map(Vec::as_slice).unwrap_or_default()
        }
        Parts {
            api: &self.api.id,
            routes: all(&self.routes),
            integrations: all(&self.integrations),
            authorizers: all(&self.authorizers),
        }
    }

    /// The function that is called by this ARN.
    pub fn function(&self, arn: &str) -> Option<&Function> {
        self.functions.iter().find(|one| one.called.arn == arn)
    }

    /// ARN of something in the API's data plane.
    pub fn execute_arn(&self, end: &str) -> String {
        let Place {
            partition,
            region,
            account_id,
            ..
        } = &self.place;
        format!("arn:{partition}:execute-api:{region}:{account_id}:{end}")
    }

    /// The command of chatctl that does `verb` to this API.
    pub fn command(&self, verb: &str) -> String {
        self.flags.command(verb)
    }

    /// What is known beforehand of every call that a role makes.
    pub fn known(&self) -> [(&str, &str); 3] {
        [
            ("aws:RequestedRegion", &self.place.region),
            ("aws:PrincipalAccount", &self.place.account_id),
            ("aws:ResourceAccount", &self.place.account_id),
        ]
    }
}
