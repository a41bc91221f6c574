//! The control planes, a module for each service: its state, its operations, and its errors with AWS's messages.

pub(crate) mod apigateway;
pub(crate) mod apigatewayv2;
pub(crate) mod dynamodb;
pub(crate) mod iam;
pub(crate) mod lambda;
pub(crate) mod logs;
pub(crate) mod sts;
