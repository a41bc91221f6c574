//! IAM's query protocol: the operations on roles, and how roles look in XML.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::documents::{self, PolicyKind};
use super::{Access, CAPITALS, Change, Iam, IamState, Principal, Role, attachments, tags, visible};
use crate::Cloud;
use crate::wire::{Form, Request, Response, ServiceError, element, encode, iso8601, random_id};

const NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";

/// Roles of one account, unless AWS was asked for more.
const ROLES_QUOTA: usize = 1000;

/// The inner XML of an answer.
pub(super) type IamResult = Result<String, ServiceError>;

/// What every operation gets.
#[derive(Debug)]
pub(super) struct IamCall<'a> {
    pub(super) cloud: &'a Cloud,
    pub(super) caller: &'a Principal,
    pub(super) form: &'a Form,
    operation: &'a str,
}

pub(crate) async fn serve(cloud: &Arc<Cloud>, request: Request) -> Response {
    let answer = cloud.iam.admit(cloud, &request).and_then(|caller| {
        let form = request.form();
        let call = IamCall {
            cloud,
            caller: &caller,
            form: &form,
            operation: &request.operation,
        };
        cloud.iam.answer(&call)
    });
    match answer {
        Ok(inner) => Response::query(NAMESPACE, &request.operation, &inner, &request.request_id),
        Err(fault) if fault.status == 501 => fault.xml(NAMESPACE, &request.request_id),
        Err(fault) => refused(fault).xml(NAMESPACE, &request.request_id),
    }
    .identified(&request.request_id)
}

/// IAM and STS say `AccessDenied` with 403 where the JSON services say `AccessDeniedException`.
pub(crate) fn refused(mut fault: ServiceError) -> ServiceError {
    if fault.code == "AccessDeniedException" {
        fault.status = 403;
        fault.code = "AccessDenied".into();
    }
    fault
}

impl Iam {
    fn answer(&self, call: &IamCall<'_>) -> IamResult {
        match call.operation {
            "CreateRole" => self.create_role(call),
            "GetRole" => self.get_role(call),
            "ListRoles" => self.list_roles(call),
            "UpdateRole" => self.update_role(call, false),
            "UpdateRoleDescription" => self.update_role(call, true),
            "UpdateAssumeRolePolicy" => self.update_trust(call),
            "DeleteRole" => self.delete_role(call),
            "TagRole" => self.tag_role(call),
            "UntagRole" => self.untag_role(call),
            "ListRoleTags" => self.list_role_tags(call),
            "ListInstanceProfilesForRole" => self.list_instance_profiles(call),
            _ => attachments::answer(self, call),
        }
    }

    fn create_role(&self, call: &IamCall<'_>) -> IamResult {
        let name = role_name(call.form)?;
        let path = call.form.get("Path").unwrap_or("/").to_owned();
        let trust = call.form.required("AssumeRolePolicyDocument")?;
        let arn = format!("arn:aws:iam::{}:role{path}{name}", call.cloud.account_id);
        call.allowed("iam:CreateRole", &arn)?;
        check_path(&path)?;
        documents::check(trust, PolicyKind::Trust)?;
        check_trust_size(trust)?;
        let boundary = attachments::boundary(call)?;
        let now_ms = call.cloud.clock.now_ms();
        let mut state = self.lock();
        if state.roles.contains_key(&name.to_lowercase()) {
            let words = format!("Role with name {name} already exists.");
            return Err(ServiceError::new(409, "EntityAlreadyExists", words));
        }
        if state.roles.len() >= ROLES_QUOTA {
            let words = format!("Cannot exceed quota for RolesPerAccount: {ROLES_QUOTA}");
            return Err(ServiceError::new(409, "LimitExceeded", words));
        }
        let role = Role {
            id: format!("AROA{}", random_id(CAPITALS, 17)),
            arn,
            path,
            description: description(call.form)?,
            max_session_seconds: session_seconds(call.form)?.unwrap_or(3600),
            created_ms: now_ms,
            tags: tags::merged(&BTreeMap::new(), call.form.tags("Tags"), "TagsPerRole")?,
            history: vec![Change {
                at_ms: now_ms,
                access: Access {
                    trust: trust.to_owned(),
                    boundary,
                    ..Access::default()
                },
            }],
            name: name.clone(),
        };
        let xml = role_xml(&role, true);
        state.roles.insert(name.to_lowercase(), role);
        Ok(xml)
    }

    fn get_role(&self, call: &IamCall<'_>) -> IamResult {
        self.with_role(call, "iam:GetRole", |role| Ok(role_xml(role, true)))
    }

    fn list_roles(&self, call: &IamCall<'_>) -> IamResult {
        call.allowed("iam:ListRoles", "*")?;
        let prefix = call.form.get("PathPrefix").unwrap_or("/");
        let state = self.lock();
        let mut roles: Vec<_> = state
            .roles
            .values()
            .filter(|r| r.path.starts_with(prefix))
            .collect();
        roles.sort_by(|a, b| a.name.cmp(&b.name));
        let rows = roles.into_iter().map(|role| {
            let inner = role_xml(role, false);
            let inner = inner
                .trim_start_matches("<Role>")
                .trim_end_matches("</Role>")
                .to_owned();
            format!("<member>{inner}</member>")
        });
        page(call.form, "Roles", rows.collect())
    }

    fn update_role(&self, call: &IamCall<'_>, only_description: bool) -> IamResult {
        let (description, seconds) = (description(call.form)?, session_seconds(call.form)?);
        self.with_role(call, &format!("iam:{}", call.operation), |role| {
            if description.is_some() {
                role.description = description;
            }
            // UpdateRole without a duration applies the default one; a description stays.
            if !only_description {
                role.max_session_seconds = seconds.unwrap_or(3600);
            }
            // An empty result is a result all the same: clients look for its wrapper.
            Ok(if only_description {
                role_xml(role, true)
            } else {
                "
"
                .to_owned()
            })
        })
    }

    fn update_trust(&self, call: &IamCall<'_>) -> IamResult {
        let trust = call.form.required("PolicyDocument")?;
        documents::check(trust, PolicyKind::Trust)?;
        check_trust_size(trust)?;
        self.with_role(call, "iam:UpdateAssumeRolePolicy", |role| {
            call.change(role, |access| access.trust = trust.to_owned());
            Ok(String::new())
        })
    }

    fn delete_role(&self, call: &IamCall<'_>) -> IamResult {
        let name = self.with_role(call, "iam:DeleteRole", |role| {
            let conflict = |words: &str| Err(ServiceError::new(409, "DeleteConflict", words));
            if !role.access().attached.is_empty() {
                return conflict("Cannot delete entity, must detach all policies first.");
            }
            if !role.access().inline.is_empty() {
                return conflict("Cannot delete entity, must delete policies first.");
            }
            Ok(role.name.clone())
        })?;
        self.lock().roles.remove(&name.to_lowercase());
        Ok(String::new())
    }

    fn tag_role(&self, call: &IamCall<'_>) -> IamResult {
        let wanted = call.form.tags("Tags");
        self.with_role(call, "iam:TagRole", |role| {
            role.tags = tags::merged(&role.tags, wanted, "TagsPerRole")?;
            Ok(String::new())
        })
    }

    fn untag_role(&self, call: &IamCall<'_>) -> IamResult {
        let keys = call.form.list("TagKeys");
        tags::check_keys(&keys)?;
        self.with_role(call, "iam:UntagRole", |role| {
            role.tags.retain(|key, _| !keys.contains(key));
            Ok(String::new())
        })
    }

    fn list_role_tags(&self, call: &IamCall<'_>) -> IamResult {
        self.with_role(call, "iam:ListRoleTags", |role| {
            page(call.form, "Tags", tags::rows(&role.tags))
        })
    }

    /// Instance profiles are not part of the local cloud, so no role is in one.
    fn list_instance_profiles(&self, call: &IamCall<'_>) -> IamResult {
        self.with_role(call, "iam:ListInstanceProfilesForRole", |_| {
            page(call.form, "InstanceProfiles", Vec::new())
        })
    }

    /// Finds the role that the form names, if the caller may do that to it.
    pub(super) fn with_role<T>(
        &self,
        call: &IamCall<'_>,
        action: &str,
        work: impl FnOnce(&mut Role) -> Result<T, ServiceError>,
    ) -> Result<T, ServiceError> {
        let name = role_name(call.form)?;
        let arn = self
            .lock()
            .role(&name)
            .map(|role| role.arn.clone())
            .unwrap_or_else(|| format!("arn:aws:iam::{}:role/{name}", call.cloud.account_id));
        call.allowed(action, &arn)?;
        match self.lock().roles.get_mut(&name.to_lowercase()) {
            Some(role) => work(role),
            None => Err(no_role(&name)),
        }
    }
}

impl IamState {
    fn role(&self, name: &str) -> Option<&Role> {
        self.roles.get(&name.to_lowercase())
    }
}

impl IamCall<'_> {
    /// The operation's name, for a 501.
    pub(super) fn operation(&self) -> &str {
        self.operation
    }

    pub(super) fn allowed(&self, action: &str, resource: &str) -> Result<(), ServiceError> {
        self.cloud
            .iam
            .authorize(self.cloud, self.caller, action, resource, &[])
    }

    /// Records a change of the role's trust or policies, which then propagates.
    pub(super) fn change(&self, role: &mut Role, edit: impl FnOnce(&mut Access)) {
        role.change(self.cloud.clock.now_ms(), visible(self.cloud), edit);
    }
}

/// One page of a list: `MaxItems` rows after `Marker`.
pub(super) fn page(form: &Form, name: &str, rows: Vec<String>) -> IamResult {
    let limit = match form.get("MaxItems").map(str::parse::<usize>) {
        None => 100,
        Some(Ok(limit @ 1..=1000)) => limit,
        Some(_) => {
            return Err(invalid(
                "1 validation error detected: Value at 'maxItems' failed to satisfy constraint: Member must have value less than or equal to 1000",
            ));
        }
    };
    let start = match form.get("Marker") {
        None => 0,
        Some(marker) => marker_offset(marker)
            .filter(|start| *start <= rows.len())
            .ok_or_else(|| invalid(&format!("Invalid Marker: {marker}")))?,
    };
    let end = rows.len().min(start + limit);
    let list = rows[start..end].concat();
    let more = end < rows.len();
    let marker = if more {
        element("Marker", &end.to_string())
    } else {
        String::new()
    };
    Ok(format!(
        "<{name}>{list}</{name}><IsTruncated>{more}</IsTruncated>{marker}"
    ))
}

fn marker_offset(marker: &str) -> Option<usize> {
    marker.parse().ok()
}

/// A role as CreateRole and GetRole show it; lists leave out tags and the last use.
fn role_xml(role: &Role, whole: bool) -> String {
    let mut xml = String::from("<Role>");
    xml += &element("Path", &role.path);
    xml += &element("RoleName", &role.name);
    xml += &element("RoleId", &role.id);
    xml += &element("Arn", &role.arn);
    xml += &element("CreateDate", &iso8601(role.created_ms));
    xml += &element("AssumeRolePolicyDocument", &encode(&role.access().trust));
    if let Some(description) = &role.description {
        xml += &element("Description", description);
    }
    xml += &element("MaxSessionDuration", &role.max_session_seconds.to_string());
    if whole {
        if let Some(boundary) = &role.access().boundary {
            xml += &format!(
                "<PermissionsBoundary><PermissionsBoundaryType>PermissionsBoundaryPolicy</PermissionsBoundaryType>{}</PermissionsBoundary>",
                element("PermissionsBoundaryArn", boundary)
            );
        }
        if !role.tags.is_empty() {
            xml += &format!("<Tags>{}</Tags>", tags::rows(&role.tags).concat());
        }
        xml += "<RoleLastUsed/>";
    }
    xml + "</Role>"
}

/// The role's name, checked for its alphabet and length.
fn role_name(form: &Form) -> Result<String, ServiceError> {
    checked_name(form, "RoleName", "roleName", 64)
}

/// A name in IAM's alphabet.
pub(super) fn checked_name(
    form: &Form,
    parameter: &str,
    field: &str,
    longest: usize,
) -> Result<String, ServiceError> {
    let name = form.required(parameter)?;
    if name.chars().count() > longest {
        return Err(invalid(&format!(
            "1 validation error detected: Value '{name}' at '{field}' failed to satisfy constraint: Member must have length less than or equal to {longest}"
        )));
    }
    if !name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c))
    {
        return Err(invalid(&format!(
            "The specified value for {field} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"
        )));
    }
    Ok(name.to_owned())
}

pub(super) fn check_path(path: &str) -> Result<(), ServiceError> {
    let fine = path.starts_with('/')
        && path.ends_with('/')
        && path.len() <= 512
        && path.chars().all(|c| ('\u{21}'..='\u{7e}').contains(&c));
    if fine {
        return Ok(());
    }
    Err(invalid(
        "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.",
    ))
}

/// White space does not count towards the quota.
fn check_trust_size(trust: &str) -> Result<(), ServiceError> {
    if trust.chars().filter(|c| !c.is_whitespace()).count() > 2048 {
        return Err(ServiceError::new(
            409,
            "LimitExceeded",
            "Cannot exceed quota for ACLSizePerRole: 2048",
        ));
    }
    Ok(())
}

pub(super) fn description(form: &Form) -> Result<Option<String>, ServiceError> {
    let text = form.get("Description");
    if text.is_some_and(|text| text.chars().count() > 1000) {
        return Err(invalid(
            "1 validation error detected: Value at 'description' failed to satisfy constraint: Member must have length less than or equal to 1000",
        ));
    }
    Ok(text.map(str::to_owned))
}

fn session_seconds(form: &Form) -> Result<Option<u32>, ServiceError> {
    let Some(text) = form.get("MaxSessionDuration") else {
        return Ok(None);
    };
    match text.parse() {
        Ok(seconds @ 3600..=43200) => Ok(Some(seconds)),
        Ok(seconds) => {
            let (order, limit) = if seconds < 3600 {
                ("greater", 3600)
            } else {
                ("less", 43200)
            };
            Err(invalid(&format!(
                "1 validation error detected: Value '{seconds}' at 'maxSessionDuration' failed to satisfy constraint: Member must have value {order} than or equal to {limit}"
            )))
        }
        Err(_) => Err(ServiceError::new(
            400,
            "MalformedInput",
            "MaxSessionDuration must be a number",
        )),
    }
}

pub(super) fn no_role(name: &str) -> ServiceError {
    ServiceError::new(
        404,
        "NoSuchEntity",
        format!("The role with name {name} cannot be found."),
    )
}

pub(super) fn invalid(words: &str) -> ServiceError {
    ServiceError::new(400, "ValidationError", words)
}
