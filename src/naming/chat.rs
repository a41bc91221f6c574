//! What the chat function agrees on with its API and its table.

/// The route selection expression: how API Gateway finds the route of a message.
pub const ROUTE_SELECTION: &str = "$request.body.action";
