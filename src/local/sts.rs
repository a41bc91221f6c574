//! STS: who am I, and temporary keys for a role.

use std::sync::Arc;

use super::Cloud;
use super::iam::{self, Principal};
use super::wire::{Fault, Form, Request, Response, element, iso8601};

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

pub(crate) async fn serve(cloud: &Arc<Cloud>, request: Request) -> Response {
    let answer =
        cloud
            .iam
            .admit(cloud, &request)
            .and_then(|caller| match request.operation.as_str() {
                "GetCallerIdentity" => Ok(identity(cloud, &caller)),
                "AssumeRole" => assume_role(cloud, &caller, &request.form()),
                other => Err(Fault::not_here("sts", other)),
            });
    match answer {
        Ok(inner) => Response::query(NAMESPACE, &request.operation, &inner, &request.request_id),
        Err(fault) => iam::refused(fault).xml(NAMESPACE, &request.request_id),
    }
    .identified(&request.request_id)
}

fn identity(cloud: &Cloud, caller: &Principal) -> String {
    let user_id = match caller {
        Principal::Root => cloud.account_id.clone(),
        Principal::Session {
            role_arn,
            session_name,
        } => {
            format!(
                "{}:{session_name}",
                cloud.iam.role_id(role_arn).unwrap_or_default()
            )
        }
    };
    element("Arn", &caller.arn(&cloud.account_id))
        + &element("UserId", &user_id)
        + &element("Account", &cloud.account_id)
}

fn assume_role(cloud: &Cloud, caller: &Principal, form: &Form) -> Result<String, Fault> {
    let role_arn = form.required("RoleArn")?;
    let session_name = form.required("RoleSessionName")?;
    let fine = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if !(2..=64).contains(&session_name.len()) || !session_name.chars().all(fine) {
        let words = format!(
            "1 validation error detected: Value '{session_name}' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*"
        );
        return Err(Fault::new(400, "ValidationError", words));
    }
    let seconds = duration(form)?;
    if !cloud.iam.assumable_by(cloud, caller, role_arn) {
        let user = caller.arn(&cloud.account_id);
        let words = format!(
            "User: {user} is not authorized to perform: sts:AssumeRole on resource: {role_arn}"
        );
        return Err(Fault::new(403, "AccessDenied", words));
    }
    if cloud
        .iam
        .longest_session(role_arn)
        .is_some_and(|longest| seconds > longest)
    {
        let words =
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
        return Err(Fault::new(400, "ValidationError", words));
    }
    let expires_ms = cloud.clock.now_ms() + i64::from(seconds) * 1000;
    let keys = cloud.iam.issue(role_arn, session_name, Some(expires_ms));
    let session = Principal::Session {
        role_arn: role_arn.to_owned(),
        session_name: session_name.to_owned(),
    };
    let id = format!(
        "{}:{session_name}",
        cloud.iam.role_id(role_arn).unwrap_or_default()
    );
    let credentials = element("AccessKeyId", &keys.access_key_id)
        + &element("SecretAccessKey", &keys.secret_access_key)
        + &element("SessionToken", &keys.session_token)
        + &element("Expiration", &iso8601(expires_ms));
    let user = element("AssumedRoleId", &id) + &element("Arn", &session.arn(&cloud.account_id));
    Ok(format!(
        "<Credentials>{credentials}</Credentials><AssumedRoleUser>{user}</AssumedRoleUser>"
    ))
}

fn duration(form: &Form) -> Result<u32, Fault> {
    match form.get("DurationSeconds").map(str::parse::<u32>) {
        None => Ok(3600),
        Some(Ok(seconds @ 900..=43200)) => Ok(seconds),
        Some(_) => Err(Fault::new(
            400,
            "ValidationError",
            "1 validation error detected: Value at 'durationSeconds' failed to satisfy constraint: Member must have value between 900 and 43200",
        )),
    }
}
