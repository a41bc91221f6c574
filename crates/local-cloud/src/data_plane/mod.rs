//! API Gateway's data plane: the WebSocket endpoint of every stage, and the `@connections` API.
//!
//! | file | what it does |
//! |---|---|
//! | `target` | which stage of which API an address means |
//! | `handshake`, `upgrade` | a handshake: `$connect` decides, with AWS's statuses and bodies |
//! | `authorizer` | who may connect: IAM, or a function that is asked before `$connect` |
//! | `session` | one open socket: frames, limits, timers, and exactly one `$disconnect` |
//! | `sockets`, `close_reason` | the open connections, and how they end |
//! | `selection` | the route selection expression |
//! | `message` | one message: route, invocation, reply or error frame |
//! | `integration`, `reply` | what stands behind a route; the call of a function, and its answer |
//! | `http`, `mock` | integrations without a function |
//! | `events` | the JSON that functions are handed |
//! | `throttle` | token buckets of stages, routes and the account |
//! | `request_log` | execution and access log lines |
//! | `connections` | the `@connections` management API |

mod authorizer;
mod close_reason;
mod connections;
mod events;
mod handshake;
mod http;
mod integration;
mod message;
mod mock;
mod reply;
mod request_log;
mod selection;
mod session;
mod sockets;
mod target;
mod throttle;
mod upgrade;

use std::sync::Arc;

use crate::services::apigateway::Account;
use crate::services::apigatewayv2::Apis;
use crate::services::iam::Iam;
use crate::services::lambda::Functions;
use crate::services::logs::Logs;
use crate::shared::Shared;

pub(crate) use close_reason::CloseReason;
pub(crate) use handshake::{forbidden, open};
pub(crate) use sockets::{Connection, MESSAGE_LIMIT, Sockets};
pub(crate) use target::Target;
pub(crate) use upgrade::is_upgrade;

/// What answers at the stages' URLs, and the services that it asks.
#[derive(Debug)]
pub(crate) struct Gateway {
    shared: Arc<Shared>,
    iam: Arc<Iam>,
    logs: Arc<Logs>,
    account: Arc<Account>,
    functions: Arc<Functions>,
    apis: Arc<Apis>,
    sockets: Arc<Sockets>,
    throttles: throttle::Throttles,
    http: http::HttpClient,
}

impl Gateway {
    pub(crate) fn new(
        shared: &Arc<Shared>,
        iam: &Arc<Iam>,
        logs: &Arc<Logs>,
        account: &Arc<Account>,
        functions: &Arc<Functions>,
        apis: &Arc<Apis>,
        sockets: &Arc<Sockets>,
    ) -> Self {
        Self {
            shared: Arc::clone(shared),
            iam: Arc::clone(iam),
            logs: Arc::clone(logs),
            account: Arc::clone(account),
            functions: Arc::clone(functions),
            apis: Arc::clone(apis),
            sockets: Arc::clone(sockets),
            throttles: throttle::Throttles::default(),
            http: http::HttpClient::default(),
        }
    }
}
