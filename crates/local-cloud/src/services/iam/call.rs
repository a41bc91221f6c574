//! One call of IAM's query protocol, and what the operations share: how names and pages are read, and the
//! role that a call is about.

use crate::wire::{Form, ServiceError, element};

use super::{Access, Iam, Principal, Role};

/// The inner XML of an answer.
pub(super) type IamResult = Result<String, ServiceError>;

/// What every operation gets.
#[derive(Debug)]
pub(super) struct IamCall<'a> {
    pub(super) iam: &'a Iam,
    pub(super) caller: &'a Principal,
    pub(super) form: &'a Form,
    pub(super) operation: &'a str,
}

impl IamCall<'_> {
    /// Refuses what the caller's policies do not allow.
    pub(super) fn allowed(&self, action: &str, resource: &str) -> Result<(), ServiceError> {
        self.iam.authorize(self.caller, action, resource, &[])
    }

    /// The ARN of a role, policy or the like of this account.
    pub(super) fn arn(&self, resource: &str) -> String {
        format!("arn:aws:iam::{}:{resource}", self.iam.shared.account_id)
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.iam.shared.clock.now_ms()
    }

    /// Finds the role that the form names, if the caller may do that to it.
    pub(super) fn with_role<T>(
        &self,
        action: &str,
        work: impl FnOnce(&mut Role) -> Result<T, ServiceError>,
    ) -> Result<T, ServiceError> {
        self.with_role_if(action, &[], work)
    }

    /// The same with condition keys of the request.
    pub(super) fn with_role_if<T>(
        &self,
        action: &str,
        context: &[(&str, &str)],
        work: impl FnOnce(&mut Role) -> Result<T, ServiceError>,
    ) -> Result<T, ServiceError> {
        let name = role_name(self.form)?;
        let key = name.to_lowercase();
        let known = self.iam.lock().roles.get(&key).map(|role| role.arn.clone());
        let arn = known.unwrap_or_else(|| self.arn(&format!("role/{name}")));
        self.iam.authorize(self.caller, action, &arn, context)?;
        match self.iam.lock().roles.get_mut(&key) {
            Some(role) => work(role),
            None => Err(no_role(&name)),
        }
    }

    /// Records a change of the role's trust or policies, which then propagates.
    pub(super) fn change(&self, role: &mut Role, edit: impl FnOnce(&mut Access)) {
        role.change(self.now_ms(), self.iam.shared.visible_ms(), edit);
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

/// The role's name, checked for its alphabet and length.
pub(super) fn role_name(form: &Form) -> Result<String, ServiceError> {
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

pub(super) fn description(form: &Form) -> Result<Option<String>, ServiceError> {
    let text = form.get("Description");
    if text.is_some_and(|text| text.chars().count() > 1000) {
        return Err(invalid(
            "1 validation error detected: Value at 'description' failed to satisfy constraint: Member must have length less than or equal to 1000",
        ));
    }
    Ok(text.map(str::to_owned))
}

fn no_role(name: &str) -> ServiceError {
    ServiceError::new(
        404,
        "NoSuchEntity",
        format!("The role with name {name} cannot be found."),
    )
}

pub(super) fn invalid(words: &str) -> ServiceError {
    ServiceError::new(400, "ValidationError", words)
}
