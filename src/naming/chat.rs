//! What the chat function agrees on with its API and its table.

/// The route keys of the API.
pub const ROUTE_KEYS: [&str; 6] = [
    "$connect",
    "$disconnect",
    "$default",
    "setName",
    "sendPublic",
    "sendPrivate",
];

/// The route selection expression: how API Gateway finds the route of a message.
pub const ROUTE_SELECTION: &str = "$request.body.action";

/// The table's keys, `name:role:type` each: `pk` and `sk`, both text.
pub const TABLE_KEYS: &str = "pk:HASH:S sk:RANGE:S";

/// The table's time-to-live attribute, in seconds since 1970.
pub const TTL_ATTRIBUTE: &str = "expires";

/// The Lambda runtime that runs a static binary.
pub const RUNTIME: &str = "provided.al2023";

/// `provided` runtimes ignore the handler, and Lambda requires one.
pub const HANDLER: &str = "bootstrap";
