//! The least IAM policy of a task, from the rights that the resources, the logs and the doctor name
//! beside their calls.

use crate::any_api;
use crate::doctor::look;
use crate::naming::Names;
use crate::naming::policy::{GithubJobs, allowing, github_trust};
use crate::naming::rights::Task;
use crate::resources;
use crate::tail;
use serde::Serialize;
use serde_json::Value;

/// Everything that these tasks need, and nothing more.
pub fn policy(names: &Names, tasks: &[Task]) -> Value {
    let rights = resources::rights().chain(look::RIGHTS).chain(tail::RIGHTS);
    let rights = rights.chain(any_api::RIGHTS);
    allowing(names, rights.filter(|right| right.is_for(tasks)))
}

/// A role for a pipeline.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PipelineRole {
    /// Its name.
    pub role_name: String,
    /// Its ARN, once it is made.
    pub role_arn: String,
    /// Who may take it on.
    pub trust_policy: Value,
    /// Name of its inline policy.
    pub policy_name: String,
    /// What it may do.
    pub policy: Value,
}

/// The role with which jobs of a GitHub repository do these tasks.
pub fn github_role(
    names: &Names,
    tasks: &[Task],
    repository: &str,
    jobs: GithubJobs<'_>,
) -> PipelineRole {
    let task = tasks.iter().map(|task| task.name()).collect::<Vec<_>>();
    let task = task.join("-");
    let role_name = names.pipeline_role(&task);
    PipelineRole {
        role_arn: names.role_arn(&role_name),
        trust_policy: github_trust(names, repository, jobs),
        policy_name: format!("chatctl-{task}"),
        policy: policy(names, tasks),
        role_name,
    }
}
