//! A function's configuration: defaults, limits, and which values AWS refuses.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Functions, invalid, runtime, validation};
use crate::services::iam::Iam;
use crate::wire::ServiceError;

/// Variables that Lambda reserves.
const RESERVED: [&str; 22] = [
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_LAMBDA_METADATA_API",
    "AWS_LAMBDA_METADATA_TOKEN",
    "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
];

const VARIABLES_LIMIT: usize = 4096;

/// Everything that an update can change.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Configuration {
    pub(super) name: String,
    pub(super) runtime: String,
    pub(super) handler: String,
    pub(super) role: String,
    /// The unique id of the role that has the grant for the key of the variables.
    #[serde(default)]
    pub(super) granted_role_id: Option<String>,
    pub(super) description: String,
    pub(super) timeout: u32,
    pub(super) memory: u32,
    pub(super) variables: Option<BTreeMap<String, String>>,
    pub(super) architecture: String,
    pub(super) ephemeral: u32,
    pub(super) tracing: String,
    pub(super) logging: Logging,
}

/// `LoggingConfig`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Logging {
    pub(super) log_format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) application_log_level: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) system_log_level: Option<String>,
    pub(super) log_group: Option<String>,
}

/// What CreateFunction and UpdateFunctionConfiguration may send.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ConfigurationRequest {
    pub(super) runtime: Option<String>,
    pub(super) handler: Option<String>,
    pub(super) role: Option<String>,
    pub(super) description: Option<String>,
    pub(super) timeout: Option<i64>,
    pub(super) memory_size: Option<i64>,
    pub(super) environment: Option<EnvironmentMember>,
    pub(super) ephemeral_storage: Option<EphemeralStorage>,
    pub(super) tracing_config: Option<TracingConfig>,
    pub(super) logging_config: Option<Logging>,
    pub(super) revision_id: Option<String>,
    /// Every other member.
    #[serde(flatten)]
    pub(super) rest: BTreeMap<String, Value>,
}

/// Members that the local cloud does not support. An empty value, or one that means "no", is accepted.
const NOT_HERE: [(&str, &str); 8] = [
    ("CapacityProviderConfig", "with a capacity provider"),
    ("DeadLetterConfig", "with a dead-letter queue"),
    ("DurableConfig", "with durable execution"),
    ("FileSystemConfigs", "with a file system"),
    ("ImageConfig", "with an image"),
    ("KMSKeyArn", "with a key of KMS"),
    ("Layers", "with layers"),
    ("SnapStart", "with SnapStart"),
];

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EnvironmentMember {
    pub(super) variables: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EphemeralStorage {
    pub(super) size: i64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TracingConfig {
    pub(super) mode: Option<String>,
}

impl Configuration {
    /// AWS's defaults.
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            runtime: String::new(),
            handler: String::new(),
            role: String::new(),
            granted_role_id: None,
            description: String::new(),
            timeout: 3,
            memory: 128,
            variables: None,
            architecture: "x86_64".to_owned(),
            ephemeral: 512,
            tracing: "PassThrough".to_owned(),
            logging: Logging {
                log_format: Some("Text".to_owned()),
                log_group: Some(format!("/aws/lambda/{name}")),
                ..Logging::default()
            },
        }
    }

    /// Applies the request, or refuses what cannot be applied.
    pub(super) fn apply(
        &mut self,
        functions: &Functions,
        wanted: ConfigurationRequest,
    ) -> Result<(), ServiceError> {
        refuse_the_rest(&wanted.rest)?;
        if let Some(runtime) = &wanted.runtime {
            runtime::check(runtime)?;
        }
        check_text("handler", wanted.handler.as_deref(), 128)?;
        check_text("description", wanted.description.as_deref(), 256)?;
        if let Some(role) = wanted.role {
            self.set_role(functions, role)?;
        }
        if let Some(timeout) = wanted.timeout {
            self.timeout = between("timeout", timeout, 1, 900)?;
        }
        if let Some(memory) = wanted.memory_size {
            self.memory = between("memorySize", memory, 128, 10_240)?;
        }
        if let Some(storage) = wanted.ephemeral_storage {
            self.ephemeral = between("ephemeralStorage.size", storage.size, 512, 10_240)?;
        }
        if let Some(environment) = wanted.environment {
            self.variables = Some(checked(environment.variables.unwrap_or_default())?);
        }
        if let Some(logging) = wanted.logging_config {
            self.logging.apply(logging)?;
        }
        self.runtime = wanted.runtime.unwrap_or(std::mem::take(&mut self.runtime));
        self.handler = wanted.handler.unwrap_or(std::mem::take(&mut self.handler));
        self.description = wanted
            .description
            .unwrap_or(std::mem::take(&mut self.description));
        let tracing = wanted.tracing_config.and_then(|tracing| tracing.mode);
        one_of(
            "tracingConfig.mode",
            tracing.as_deref(),
            &["Active", "PassThrough"],
        )?;
        self.tracing = tracing.unwrap_or(std::mem::take(&mut self.tracing));
        Ok(())
    }

    /// Another role gets the grant. The same one does not: "updating the function's role to another role and
    /// then updating it back" is the cure for a role that was made again (Terraform's documentation of
    /// `aws_lambda_function`).
    fn set_role(&mut self, functions: &Functions, role: String) -> Result<(), ServiceError> {
        let role = assumable(functions, role)?;
        if self.role != role {
            self.granted_role_id = functions.iam.role_id(&role);
            self.role = role;
        }
        Ok(())
    }

    /// Whether Lambda can decrypt the variables: the grant names the role's unique id, which a role that is
    /// made again under the same name does not have.
    pub(super) fn can_be_decrypted(&self, iam: &Iam) -> bool {
        let has_variables = self.variables.as_ref().is_some_and(|all| !all.is_empty());
        let Some(granted) = self.granted_role_id.as_ref().filter(|_| has_variables) else {
            return true;
        };
        iam.role_id(&self.role).is_none_or(|now| now == *granted)
    }
}

impl Logging {
    fn apply(&mut self, wanted: Self) -> Result<(), ServiceError> {
        if let Some(format) = wanted.log_format {
            one_of("loggingConfig.logFormat", Some(&format), &["JSON", "Text"])?;
            if format == "JSON" {
                self.application_log_level
                    .get_or_insert_with(|| "INFO".to_owned());
                self.system_log_level
                    .get_or_insert_with(|| "INFO".to_owned());
            } else {
                self.application_log_level = None;
                self.system_log_level = None;
            }
            self.log_format = Some(format);
        }
        one_of(
            "loggingConfig.applicationLogLevel",
            wanted.application_log_level.as_deref(),
            &["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"],
        )?;
        one_of(
            "loggingConfig.systemLogLevel",
            wanted.system_log_level.as_deref(),
            &["DEBUG", "INFO", "WARN"],
        )?;
        let levels = wanted.application_log_level.is_some() || wanted.system_log_level.is_some();
        if levels && self.log_format.as_deref() != Some("JSON") {
            return Err(invalid(
                "To configure log level, your log format must be JSON. Change your log format to JSON or remove the log level.",
            ));
        }
        self.application_log_level = wanted
            .application_log_level
            .or(self.application_log_level.take());
        self.system_log_level = wanted.system_log_level.or(self.system_log_level.take());
        self.log_group = wanted.log_group.or(self.log_group.take());
        Ok(())
    }
}

/// A function that needs an unsupported member is refused, not made without it.
fn refuse_the_rest(rest: &BTreeMap<String, Value>) -> Result<(), ServiceError> {
    let asks = |value: &Value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| !(value.is_null() || name == "ApplyOn" && value == "None")),
        _ => true,
    };
    let apply_on = rest
        .get("SnapStart")
        .and_then(|snap| snap["ApplyOn"].as_str());
    one_of(
        "snapStart.applyOn",
        apply_on,
        &["PublishedVersions", "None"],
    )?;
    let found = NOT_HERE
        .iter()
        .find(|(name, _)| rest.get(*name).is_some_and(asks));
    if let Some((_, what)) = found {
        return Err(ServiceError::not_here("lambda", what));
    }
    match rest.get("VpcConfig").map(|vpc| &vpc["SubnetIds"]) {
        Some(Value::Array(subnets)) if !subnets.is_empty() => {
            Err(ServiceError::not_here("lambda", "within a VPC"))
        }
        _ => Ok(()),
    }
}

fn check_text(member: &str, text: Option<&str>, longest: usize) -> Result<(), ServiceError> {
    match text {
        Some(text) if text.chars().count() > longest => {
            let rule = format!("Member must have length less than or equal to {longest}");
            Err(validation(member, text, &rule))
        }
        _ => Ok(()),
    }
}

fn one_of(member: &str, word: Option<&str>, words: &[&str]) -> Result<(), ServiceError> {
    match word {
        Some(word) if !words.contains(&word) => {
            let all = words.join(", ");
            let rule = format!("Member must satisfy enum value set: [{all}]");
            Err(validation(member, word, &rule))
        }
        _ => Ok(()),
    }
}

fn assumable(functions: &Functions, role: String) -> Result<String, ServiceError> {
    let is_role = role.starts_with("arn:aws") && role.contains(":iam::") && role.contains(":role/");
    if !is_role {
        let pattern = "Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+";
        return Err(validation("role", &role, pattern));
    }
    if role.split(':').nth(4) != Some(&functions.shared.account_id) {
        let words = "Cross-account pass role is not allowed.";
        return Err(ServiceError::new(403, "AccessDeniedException", words));
    }
    if functions.iam.assumable(&role, "lambda.amazonaws.com") {
        Ok(role)
    } else {
        Err(invalid(
            "The role defined for the function cannot be assumed by Lambda.",
        ))
    }
}

fn between(member: &str, value: i64, least: u32, most: u32) -> Result<u32, ServiceError> {
    match u32::try_from(value) {
        Ok(value) if (least..=most).contains(&value) => Ok(value),
        Ok(value) if value > most => Err(validation(
            member,
            &value.to_string(),
            &format!("Member must have value less than or equal to {most}"),
        )),
        _ => Err(validation(
            member,
            &value.to_string(),
            &format!("Member must have value greater than or equal to {least}"),
        )),
    }
}

fn checked(variables: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, ServiceError> {
    let could_not = "Lambda was unable to configure your environment variables because the environment variables you have provided";
    let reserved: Vec<_> = variables
        .keys()
        .map(String::as_str)
        .filter(|name| RESERVED.contains(name))
        .collect();
    if !reserved.is_empty() {
        return Err(invalid(format!(
            "{could_not} contains reserved keys that are currently not supported for modification. Reserved keys used in this request: {}",
            reserved.join(", ")
        )));
    }
    let fine = |name: &str| {
        name.len() > 1
            && name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if let Some(name) = variables.keys().find(|name| !fine(name)) {
        let pattern = "Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+, Member must not be null]";
        return Err(validation("environment.variables", name, pattern));
    }
    let measured = serde_json::to_string(&variables).unwrap_or_default();
    if measured.len() > VARIABLES_LIMIT {
        return Err(invalid(format!(
            "{could_not} exceeded the 4KB limit. String measured: {measured}"
        )));
    }
    Ok(variables)
}
