//! The control planes, a folder (or file) for each service: its state, its operations over the wire, and
//! what it refuses in AWS's words.

pub(crate) mod apigateway;
pub(crate) mod apigatewayv2;
pub(crate) mod dynamodb;
pub(crate) mod iam;
pub(crate) mod lambda;
pub(crate) mod logs;
pub(crate) mod sts;
