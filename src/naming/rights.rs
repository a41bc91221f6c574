//! The rights that the commands need: IAM actions, each with the resources it is needed on.
//!
//! Every kind of resource lists its own beside its verbs, and `tail` and `doctor` list theirs. Which
//! resources an action can be limited to is in the Service Authorization Reference; `on` has the
//! patterns. sts:GetCallerIdentity needs no right.

use super::Names;
use clap::ValueEnum;

/// What a policy is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Task {
    /// Create and update the chat; also what status needs.
    Deploy,
    /// Look at the chat: status, plan, doctor, list.
    Status,
    /// Read the logs.
    Logs,
    /// Delete the chat.
    Teardown,
    /// Read any API of the region: status, logs and doctor with --api.
    Api,
}

impl Task {
    /// Its command, or what commands read.
    pub fn name(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Status => "status",
            Self::Logs => "logs",
            Self::Teardown => "teardown",
            Self::Api => "api",
        }
    }
}

/// The ARNs, or patterns of ARNs, that an action is needed on.
pub type On = fn(&Names) -> Vec<String>;

/// An IAM action that a task needs.
#[derive(Debug, Clone, Copy)]
pub struct Right {
    /// Such as `dynamodb:DescribeTable`.
    pub action: &'static str,
    /// On what.
    pub on: On,
    /// The request that it is limited to.
    pub condition: Option<Condition>,
    tasks: &'static [Task],
}

/// A condition key with the one value that it must have.
#[derive(Debug, Clone, Copy)]
pub struct Condition {
    /// Such as `StringEquals`.
    pub operator: &'static str,
    /// Such as `iam:PassedToService`.
    pub key: &'static str,
    /// Its value.
    pub value: fn(&Names) -> String,
}

impl Right {
    /// To read what is there.
    pub const fn to_read(action: &'static str, on: On) -> Self {
        Self::for_tasks(&[Task::Deploy, Task::Status, Task::Teardown], action, on)
    }

    /// To create and update.
    pub const fn to_write(action: &'static str, on: On) -> Self {
        Self::for_tasks(&[Task::Deploy], action, on)
    }

    /// To delete with the whole chat. What a deploy never deletes, it has no right to.
    pub const fn to_delete(action: &'static str, on: On) -> Self {
        Self::for_tasks(&[Task::Teardown], action, on)
    }

    /// What both a deploy and a teardown do.
    pub const fn to_write_and_delete(action: &'static str, on: On) -> Self {
        Self::for_tasks(&[Task::Deploy, Task::Teardown], action, on)
    }

    /// For these tasks.
    pub const fn for_tasks(tasks: &'static [Task], action: &'static str, on: On) -> Self {
        Self {
            action,
            on,
            tasks,
            condition: None,
        }
    }

    /// Limited to requests that meet a condition.
    #[must_use]
    pub const fn only_if(mut self, condition: Condition) -> Self {
        self.condition = Some(condition);
        self
    }

    /// One of these tasks needs it.
    pub fn is_for(&self, tasks: &[Task]) -> bool {
        self.tasks.iter().any(|task| tasks.contains(task))
    }
}

/// The role is passed to Lambda.
pub const PASSED_TO_LAMBDA: Condition = Condition {
    operator: "StringEquals",
    key: "iam:PassedToService",
    value: |_| "lambda.amazonaws.com".into(),
};

/// The role is passed to API Gateway.
pub const PASSED_TO_API_GATEWAY: Condition = Condition {
    operator: "StringEquals",
    key: "iam:PassedToService",
    value: |_| "apigateway.amazonaws.com".into(),
};

/// The policy is AWS's own for writing logs.
pub const POLICY_FOR_LOGS: Condition = Condition {
    operator: "ArnEquals",
    key: "iam:PolicyARN",
    value: |names| names.managed_policy_arn(super::policy::PUSH_TO_LOGS),
};

/// What actions are needed on.
pub mod on {
    use super::Names;

    /// Actions that cannot be limited to a resource.
    pub fn anything(_: &Names) -> Vec<String> {
        vec!["*".into()]
    }

    /// The function's role.
    pub fn function_role(names: &Names) -> Vec<String> {
        vec![names.role_arn(&names.role())]
    }

    /// The role through which API Gateway writes logs.
    pub fn logging_role(names: &Names) -> Vec<String> {
        vec![names.role_arn(&names.logging_role())]
    }

    /// Both roles.
    pub fn roles(names: &Names) -> Vec<String> {
        [function_role(names), logging_role(names)].concat()
    }

    /// The table.
    pub fn table(names: &Names) -> Vec<String> {
        vec![names.table_arn()]
    }

    /// The function.
    pub fn function(names: &Names) -> Vec<String> {
        vec![names.function_arn()]
    }

    /// The versions and aliases of the function.
    pub fn versions(names: &Names) -> Vec<String> {
        vec![format!("{}:*", names.function_arn())]
    }

    /// Every function, with its versions and aliases.
    pub fn any_function(names: &Names) -> Vec<String> {
        vec![names.any_function_arn()]
    }

    /// Every role.
    pub fn any_role(names: &Names) -> Vec<String> {
        vec![names.role_arn("*")]
    }

    /// Every managed policy, of the account and of AWS.
    pub fn any_policy(names: &Names) -> Vec<String> {
        vec![names.any_policy_arn()]
    }

    /// Every log group.
    pub fn any_log_group(names: &Names) -> Vec<String> {
        vec![names.group_arn("*")]
    }

    /// The log groups. Policies name a group with `:*` at its end, but for tagging.
    pub fn log_groups(names: &Names) -> Vec<String> {
        log_group_tags(names)
            .iter()
            .map(|arn| format!("{arn}:*"))
            .collect()
    }

    /// The log groups, for tagging them.
    pub fn log_group_tags(names: &Names) -> Vec<String> {
        let groups = [
            names.function_group(),
            names.access_group(),
            names.execution_group("*"),
        ];
        groups.map(|group| names.group_arn(&group)).into()
    }

    /// The execution log groups of this and of former APIs.
    pub fn execution_groups(names: &Names) -> Vec<String> {
        vec![format!(
            "{}:*",
            names.group_arn(&names.execution_group("*"))
        )]
    }

    /// The list of all APIs, which new ones are added to.
    pub fn apis(names: &Names) -> Vec<String> {
        vec![names.api_gateway_arn("/apis")]
    }

    /// Every API of the region, with its parts: AWS chooses the ids.
    pub fn api(names: &Names) -> Vec<String> {
        vec![names.api_gateway_arn("/apis/*")]
    }

    /// The stages of every API, which new ones are added to.
    pub fn stages(names: &Names) -> Vec<String> {
        vec![names.api_gateway_arn("/apis/*/stages")]
    }

    /// The tags of everything in API Gateway.
    pub fn api_tags(names: &Names) -> Vec<String> {
        vec![names.api_gateway_arn("/tags/*")]
    }

    /// API Gateway's settings for the account in this region.
    pub fn api_account(names: &Names) -> Vec<String> {
        vec![names.api_gateway_arn("/account")]
    }

    /// REST APIs and their stages: they may log through the same role.
    pub fn rest_apis(names: &Names) -> Vec<String> {
        vec![
            names.api_gateway_arn("/restapis"),
            names.api_gateway_arn("/restapis/*/stages"),
        ]
    }
}
