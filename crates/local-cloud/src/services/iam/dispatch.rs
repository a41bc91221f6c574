//! IAM's query protocol: which function answers which operation.

use crate::wire::{Request, Response, ServiceError};

use super::call::{IamCall, IamResult};
use super::{Iam, attachments, policies, roles};

const NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";

impl Iam {
    /// Answers a request.
    pub(crate) fn serve(&self, request: &Request) -> Response {
        let answer = self.admit(request).and_then(|caller| {
            let form = request.form();
            dispatch(&IamCall {
                iam: self,
                caller: &caller,
                form: &form,
                operation: &request.operation,
            })
        });
        match answer {
            Ok(inner) => {
                Response::query(NAMESPACE, &request.operation, &inner, &request.request_id)
            }
            Err(error) if error.status == 501 => error.xml(NAMESPACE, &request.request_id),
            Err(error) => refused(error).xml(NAMESPACE, &request.request_id),
        }
        .identified(&request.request_id)
    }
}

/// IAM and STS say `AccessDenied` with 403 where the JSON services say `AccessDeniedException`.
pub(crate) fn refused(mut error: ServiceError) -> ServiceError {
    if error.code == "AccessDeniedException" {
        error.status = 403;
        error.code = "AccessDenied".into();
    }
    error
}

fn dispatch(call: &IamCall<'_>) -> IamResult {
    match call.operation {
        "CreateRole" => roles::create(call),
        "GetRole" => roles::get(call),
        "ListRoles" => roles::list(call),
        "UpdateRole" => roles::update(call, false),
        "UpdateRoleDescription" => roles::update(call, true),
        "UpdateAssumeRolePolicy" => roles::update_trust(call),
        "DeleteRole" => roles::delete(call),
        "TagRole" => roles::tag(call),
        "UntagRole" => roles::untag(call),
        "ListRoleTags" => roles::list_tags(call),
        "ListInstanceProfilesForRole" => roles::list_instance_profiles(call),
        _ => on_policies(call),
    }
}

fn on_policies(call: &IamCall<'_>) -> IamResult {
    match call.operation {
        "PutRolePolicy" => attachments::put_policy(call),
        "GetRolePolicy" => attachments::get_policy(call),
        "ListRolePolicies" => attachments::list_policies(call),
        "DeleteRolePolicy" => attachments::delete_policy(call),
        "AttachRolePolicy" => attachments::attach(call),
        "DetachRolePolicy" => attachments::detach(call),
        "ListAttachedRolePolicies" => attachments::list_attached(call),
        "PutRolePermissionsBoundary" => attachments::put_boundary(call),
        "DeleteRolePermissionsBoundary" => attachments::delete_boundary(call),
        "CreatePolicy" => policies::create(call),
        "GetPolicy" => policies::get(call),
        "ListPolicies" => policies::list(call),
        "DeletePolicy" => policies::delete(call),
        "GetPolicyVersion" => policies::get_version(call),
        "ListPolicyVersions" => policies::list_versions(call),
        "TagPolicy" => policies::tag(call),
        "UntagPolicy" => policies::untag(call),
        "ListPolicyTags" => policies::list_tags(call),
        other => Err(ServiceError::not_here("iam", other)),
    }
}
