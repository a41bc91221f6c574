//! What an environment runs: a function's code and settings at one moment.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use super::LogFormat;

/// An uploaded zip file.
#[derive(Debug)]
pub(crate) struct Code {
    /// The zip as it was uploaded.
    pub(crate) zip: Bytes,
    /// Its SHA-256, in base64 as AWS shows it.
    pub(crate) sha256: String,
}

/// A function as its environments see it.
#[derive(Debug)]
pub(crate) struct FunctionSpec {
    /// The function's name.
    pub(crate) name: String,
    /// The unqualified ARN.
    pub(crate) function_arn: String,
    /// `$LATEST` or a number.
    pub(crate) version: String,
    /// Changes whenever code or configuration does; old environments are not reused.
    pub(crate) generation: String,
    /// `_HANDLER`.
    pub(crate) handler: String,
    /// The execution role.
    pub(crate) role_arn: String,
    /// In MB.
    pub(crate) memory: u32,
    /// How long an invocation may take.
    pub(crate) timeout: Duration,
    /// The function's own variables.
    pub(crate) variables: BTreeMap<String, String>,
    /// What is unpacked.
    pub(crate) code: std::sync::Arc<Code>,
    /// Text or JSON.
    pub(crate) log_format: LogFormat,
    /// Where its lines go.
    pub(crate) log_group: String,
    /// `AWS_LAMBDA_LOG_LEVEL`, only with JSON.
    pub(crate) log_level: Option<String>,
    /// The least level of Lambda's own records, only with JSON.
    pub(crate) system_level: Option<String>,
    /// Reserved concurrency.
    pub(crate) reserved: Option<u32>,
    /// Invocations of the function that run at this moment.
    pub(crate) running: std::sync::Arc<std::sync::atomic::AtomicUsize>,
}

impl FunctionSpec {
    /// The pool's key.
    pub(super) fn key(&self) -> String {
        format!("{}:{}", self.function_arn, self.version)
    }
}

#[cfg(test)]
impl FunctionSpec {
    /// A function that is never run.
    pub(super) fn example() -> Self {
        Self {
            name: "f".to_owned(),
            function_arn: "arn:aws:lambda:us-east-1:000000000000:function:f".to_owned(),
            version: "$LATEST".to_owned(),
            generation: String::new(),
            handler: "bootstrap".to_owned(),
            role_arn: "arn:aws:iam::000000000000:role/r".to_owned(),
            memory: 128,
            timeout: Duration::from_secs(3),
            variables: BTreeMap::new(),
            code: std::sync::Arc::new(Code {
                zip: Bytes::new(),
                sha256: String::new(),
            }),
            log_format: LogFormat::Text,
            log_group: "/aws/lambda/f".to_owned(),
            log_level: None,
            system_level: None,
            reserved: None,
            running: std::sync::Arc::default(),
        }
    }
}
