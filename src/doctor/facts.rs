//! What the doctor knows, as plain data. Nothing here calls AWS.

use crate::config::ChatFlags;
use crate::tail::LogSource;
use serde_json::Value;

/// One look at AWS.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Look<T> {
    /// It is there.
    There(T),
    /// It is not there.
    Missing,
    /// It could not be seen, and why: a sentence.
    Unseen(String),
    /// Nobody looked, because what it belongs to is not there.
    #[default]
    Unasked,
}

impl<T> Look<T> {
    /// What is there.
    pub fn there(&self) -> Option<&T> {
        match self {
            Self::There(thing) => Some(thing),
            _ => None,
        }
    }
}

/// Everything that the checks evaluate.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// What should be there.
    pub expected: Expected,
    /// The API with our tags.
    pub api: Look<Api>,
    /// Our stage of it.
    pub stage: Look<Stage>,
    /// Its routes.
    pub routes: Look<Vec<Route>>,
    /// Its integrations.
    pub integrations: Look<Vec<Integration>>,
    /// The deployment that the stage shows.
    pub deployment: Look<Deployment>,
    /// The account's role for API Gateway's logs; missing when none is set.
    pub account_role: Look<AccountRole>,
    /// The function.
    pub function: Look<Function>,
    /// The alias that the API calls.
    pub live: Look<Live>,
    /// So many functions without a reserved concurrency may run at once in the account.
    pub concurrency: Look<i32>,
    /// The resource policy of what the API calls: who may call it.
    pub permission: Look<Value>,
    /// The resource policy of the function itself, where the API calls its alias.
    pub own_policy: Look<Value>,
    /// The function's role.
    pub function_role: Look<Role>,
    /// The table.
    pub table: Look<Table>,
    /// The log groups.
    pub groups: Vec<Group>,
    /// What a real client met.
    pub probe: Look<Probe>,
}

impl Facts {
    /// Neither API nor function nor table: it was never deployed here, or torn down.
    pub fn nothing_there(&self) -> bool {
        let no_table = self.table == Look::Missing || self.expected.table.is_none();
        self.api == Look::Missing && self.function == Look::Missing && no_table
    }
}

impl Expected {
    /// What is known beforehand of every call that the function makes.
    pub fn known(&self) -> [(&str, &str); 3] {
        [
            ("aws:RequestedRegion", &self.region),
            ("aws:PrincipalAccount", &self.account),
            ("aws:ResourceAccount", &self.account),
        ]
    }

    /// What is known beforehand of every call that API Gateway makes to the function.
    pub fn known_of_gateway(&self) -> [(&str, &str); 1] {
        // Uncertain: AWS does not list which of its services send this key. Those that call a function
        // for a resource are documented to, so a permission with our account counts.
        [("aws:SourceAccount", &self.account)]
    }
}

/// What should be there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Expected {
    /// The chat's name.
    pub stack: String,
    /// The stage's name.
    pub stage: String,
    /// The region.
    pub region: String,
    /// The account.
    pub account: String,
    /// Who calls.
    pub caller: String,
    /// Name of the function.
    pub function: String,
    /// ARN of the function.
    pub function_arn: String,
    /// ARN of the alias that the API calls.
    pub live_arn: String,
    /// Name of the function's role.
    pub role: String,
    /// The function's log group.
    pub function_group: String,
    /// The execution log's group, with `{api}` for the API's id.
    pub execution_group: String,
    /// The access log's group.
    pub access_group: String,
    /// ARN of the function's log group, without `:*`.
    pub function_group_arn: String,
    /// The table, if the function uses one.
    pub table: Option<ExpectedTable>,
    /// Start of every ARN of the API's data plane: `arn:aws:execute-api:{region}:{account}:`.
    pub execute_arn: String,
    /// The authorization type of `$connect`, if it is not `NONE`.
    pub authorization: Option<&'static str>,
    /// The routes that the function knows.
    pub routes: Vec<String>,
    /// The WebSocket URL, with `{api}` for the API's id.
    pub socket_url: String,
    /// Digest of routes and integration, if it is known.
    pub digest: Option<String>,
    /// The user does not want an execution log.
    pub logging_off: bool,
    /// The flags that lead every suggested command to this chat.
    pub flags: ChatFlags,
}

/// The table that should be there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExpectedTable {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Names of its keys, the partition key first.
    pub keys: Vec<String>,
    /// The attribute that ends an item's life, if there is one.
    pub ttl: Option<String>,
}

/// The API.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Api {
    /// AWS's id.
    pub id: String,
    /// `WEBSOCKET` or not.
    pub protocol: String,
    /// How a route is chosen.
    pub selection: String,
    /// Ids of more APIs with the same tags.
    pub duplicates: Vec<String>,
}

/// The stage.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stage {
    /// The deployment that it shows.
    pub deployment: Option<String>,
    /// `OFF`, `ERROR`, `INFO`.
    pub logging: String,
    /// Whole payloads in the log.
    pub data_trace: bool,
    /// Where the access log goes.
    pub access_group: Option<String>,
    /// Requests a second; nothing when it was never set.
    pub rate: Option<f64>,
    /// Requests at once; nothing when it was never set.
    pub burst: Option<i32>,
    /// Routes with limits of their own: name, rate, burst.
    pub overrides: Vec<(String, Option<f64>, Option<i32>)>,
}

/// A route.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Route {
    /// AWS's id.
    pub id: String,
    /// Such as `sendPublic`.
    pub key: String,
    /// Such as `integrations/a1b2c3`.
    pub target: Option<String>,
    /// `NONE` or who is let in.
    pub authorization: String,
    /// The authorizer that is asked, by its id.
    pub authorizer: Option<String>,
}

/// An integration.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Integration {
    /// AWS's id.
    pub id: String,
    /// `AWS_PROXY` or another kind.
    pub kind: String,
    /// What it calls.
    pub uri: String,
    /// ARN of the role that API Gateway calls it with, instead of the function's policy.
    pub credentials: Option<String>,
}

/// A deployment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Deployment {
    /// AWS's id.
    pub id: String,
    /// `DEPLOYED`, `PENDING`, `FAILED`.
    pub status: String,
    /// The digest in its description; nothing when we did not make it.
    pub digest: Option<String>,
}

/// The account's role for API Gateway's logs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AccountRole {
    /// Its ARN.
    pub arn: String,
    /// The role itself.
    pub role: Look<Role>,
}

/// A role.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Who may take it on.
    pub trust: Value,
    /// Policies within it.
    pub inline: Vec<Value>,
    /// ARNs of policies attached to it.
    pub attached: Vec<String>,
    /// ARN of the policy that bounds its rights, if there is one.
    pub boundary: Option<String>,
}

/// The function.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Function {
    /// `Active` or not.
    pub state: String,
    /// Why, when it is not.
    pub state_reason: Option<String>,
    /// How the last update went.
    pub last_update: Option<String>,
    /// Reserved concurrency; 0 stops the function.
    pub reserved: Option<i32>,
    /// ARN of the role it has.
    pub role: String,
    /// The table in its configuration.
    pub table: Option<String>,
    /// A deploy published the version that is live.
    pub is_ours: bool,
    /// Where it logs, if not to its usual group.
    pub log_group: Option<String>,
    /// Such as `nodejs22.x`.
    pub runtime: Option<String>,
}

/// The alias that the API calls.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Live {
    /// The version that it points to.
    pub version: String,
    /// Versions that get a part of the calls.
    pub weights: Option<String>,
}

/// The table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// `ACTIVE` or not.
    pub status: String,
    /// The keys, in order.
    pub keys: Vec<String>,
    /// The attribute that ends an item's life, when that is on.
    pub ttl: Option<String>,
}

/// A log group.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Which log.
    pub source: LogSource,
    /// Its name.
    pub name: String,
    /// What is there.
    pub look: Look<GroupState>,
}

/// What is known of a log group.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GroupState {
    /// Days that events are kept; nothing: for ever.
    pub retention: Option<i32>,
    /// Time of the newest event, epoch milliseconds.
    pub last_event: Option<i64>,
}

/// What a real client met.
#[derive(Debug, Clone, PartialEq)]
pub enum Probe {
    /// It connected, and its heartbeat was answered.
    Answered {
        /// Milliseconds until the socket was open.
        connect: u64,
        /// Milliseconds from the heartbeat to the answer.
        answer: u64,
    },
    /// The upgrade was refused with this HTTP status.
    Refused {
        /// The status.
        status: u16,
        /// What the answer said.
        said: String,
    },
    /// The server sent an error frame instead of an answer.
    Error {
        /// What it said.
        said: String,
    },
    /// Nothing came back in time.
    Silent,
    /// There was no connection at all.
    Unreachable {
        /// Why.
        said: String,
    },
}
