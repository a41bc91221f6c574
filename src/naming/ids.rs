//! The ids of a stack's parts: stable, the same in every account, and the value of the ownership
//! tag [`ID`](super::tags::ID). Of what AWS would make twice, one too many has an id below the
//! part's own, such as `api/{id}`.

/// The function's role.
pub const FUNCTION_ROLE: &str = "role/function";
/// The role through which API Gateway writes logs.
pub const LOGGING_ROLE: &str = "role/logging";
/// The function's log group.
pub const FUNCTION_GROUP: &str = "log-group/function";
/// The access log's group.
pub const ACCESS_GROUP: &str = "log-group/access";
/// The execution log's group.
pub const EXECUTION_GROUP: &str = "log-group/execution";
/// The DynamoDB table.
pub const TABLE: &str = "table";
/// The Lambda function.
pub const FUNCTION: &str = "function";
/// The function's alias that the API calls.
pub const ALIAS: &str = "alias";
/// Prefix of the ids of published versions that are no longer needed: `version/{number}`.
pub const VERSION: &str = "version";
/// The WebSocket API.
pub const API: &str = "api";
/// The API and those that are one too many.
pub const EVERY_API: &str = "api*";
/// The API's right to call the function's alias.
pub const PERMISSION: &str = "permission";
/// Our statements in the policy of the function itself, which the API does not call.
pub const UNQUALIFIED_PERMISSION: &str = "permission/function";
/// The function's right to push to connections.
pub const GRANT: &str = "grant";
/// The authorizer of `$connect`.
pub const AUTHORIZER: &str = "authorizer";
/// The integration.
pub const INTEGRATION: &str = "integration";
/// The integration and those that are one too many.
pub const EVERY_INTEGRATION: &str = "integration*";
/// Every route.
pub const EVERY_ROUTE: &str = "route/*";
/// The deployment.
pub const DEPLOYMENT: &str = "deployment";
/// The account's CloudWatch Logs role.
pub const ACCOUNT_LOGGING: &str = "account-logging";
/// The stage.
pub const STAGE: &str = "stage";
