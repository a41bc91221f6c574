//! A policy's use, and the commands that make a pipeline's role, in words.

use super::Reporter;
use crate::naming::policy::GITHUB_TOKENS;
use crate::rights::PipelineRole;
use serde_json::Value;

/// The two commands of the AWS CLI that make the role.
pub fn commands(role: &PipelineRole) -> String {
    let PipelineRole {
        role_name,
        policy_name,
        ..
    } = role;
    let (trust, policy) = (quoted(&role.trust_policy), quoted(&role.policy));
    format!(
        "aws iam create-role --role-name {role_name} --assume-role-policy-document {trust}\n\
         aws iam put-role-policy --role-name {role_name} --policy-name {policy_name} \
         --policy-document {policy}"
    )
}

/// A document as one word of a shell. Nothing that goes into it can hold a quote.
fn quoted(document: &Value) -> String {
    format!("'{document:#}'")
}

/// What to do with the policy on stdout.
pub fn how_to_use(reporter: &Reporter, command: &str) {
    reporter.hint(&format!(
        "`{command} > policy.json`, then `aws iam put-role-policy --role-name ROLE --policy-name chatctl \
         --policy-document file://policy.json`, or put-user-policy for a user"
    ));
    reporter.hint("`--role github --repo OWNER/NAME` prints a role for GitHub Actions");
}

/// What to do with the commands on stdout.
pub fn how_to_use_role(reporter: &Reporter, role: &PipelineRole, repository: &str) {
    reporter.hint(&format!(
        "once for each account: `aws iam create-open-id-connect-provider --url https://{GITHUB_TOKENS} \
         --client-id-list sts.amazonaws.com`"
    ));
    reporter.hint(&format!(
        "in the workflow of {repository}: `permissions: id-token: write`, and the action \
         aws-actions/configure-aws-credentials with `role-to-assume: {}`",
        role.role_arn
    ));
}
