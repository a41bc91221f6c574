//! The handshake: the upgrade waits for the answer of `$connect`.
//!
//! | case | status and body |
//! |---|---|
//! | unknown API, stage or path; nothing deployed; no upgrade asked for | 403 `{"message":"Forbidden"}` |
//! | another `Sec-WebSocket-Version`, no key | 426, 400 |
//! | throttled | 429 |
//! | refused by an authorizer | 401, 403 or 500; see `authorizer` |
//! | no invoke permission, no function | 500 with message, connectionId and requestId |
//! | the function fails, or its answer is malformed | 502, the same body |
//! | the function takes too long | 504, the same body |
//! | the function answers another status than 2xx | that status, with its body |
//! | 2xx, or no integration on `$connect` | 101; of its headers only `Sec-WebSocket-Protocol` is used |
//!
//! AWS also accepts permessage-deflate when a client offers it. We decline it, as a server always may; clients
//! see the same messages.
//!
//! Uncertain, and chosen:
//! - a plain GET gets 403, as in a recent capture, and not the 426 of older notes;
//! - 29 seconds are a 504, which REST APIs answer; no handshake that waited so long is recorded;
//! - a slash after the stage is not a path;
//! - another version of the protocol and a missing key get the status of the WebSocket protocol;
//! - a throttled handshake has the body of other failures.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize};
use std::time::Duration;

use bytes::Bytes;
use http::header::USER_AGENT;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::authorizer::{self, Allowed, Denied};
use super::events::{self, HandshakeRequest, RequestContext};
use super::integration::{self, Failure};
use super::reply::Reply;
use super::request_log::{Caller, Entry, RequestLog};
use super::sockets::{OutgoingFrame, connection_id};
use super::upgrade::{accept, socket_key};
use super::{Connection, Gateway, Target, message, session};
use crate::conditions::FaultKind;
use crate::services::apigatewayv2::{LiveIntegration, LiveRoute, LiveStage};
use crate::wire::{Response, ServerAction};

/// A handshake that does not lead to a connection.
struct Refused {
    status: u16,
    body: Bytes,
    error: Option<(&'static str, &'static str)>,
    /// A further line of the execution log.
    detail: Option<&'static str>,
    /// An HTML page of AWS's front end, without the headers of the API.
    is_page: bool,
}

/// Answers a handshake; with 101 the connection is open. A fault can demand that there is no answer.
pub(crate) async fn open(
    gateway: &Arc<Gateway>,
    mut request: http::Request<Incoming>,
    target: Target,
    peer: IpAddr,
) -> ServerAction {
    let upgrade = hyper::upgrade::on(&mut request);
    let (parts, _) = request.into_parts();
    // In a task of its own: `$connect` runs to its end even if the client disconnects.
    let handshake = tokio::spawn(handshake(Arc::clone(gateway), parts, upgrade, target, peer));
    handshake
        .await
        .unwrap_or_else(|_| ServerAction::Send(Response::empty(StatusCode::INTERNAL_SERVER_ERROR)))
}

async fn handshake(
    gateway: Arc<Gateway>,
    parts: Parts,
    upgrade: OnUpgrade,
    target: Target,
    peer: IpAddr,
) -> ServerAction {
    let stage = gateway.apis.live(&target.api_id, &target.stage);
    let open = |stage: &Arc<LiveStage>| target.rest.is_empty() && !stage.deployment_id.is_empty();
    let Some(stage) = stage.filter(open) else {
        return ServerAction::Send(forbidden());
    };
    let key = match socket_key(&parts.headers) {
        Ok(key) => key,
        Err(refused) => return ServerAction::Send(*refused),
    };
    let fault = gateway.shared.conditions.next_fault("Connect");
    match fault {
        Some(FaultKind::Reset) => return ServerAction::HangUp,
        Some(FaultKind::Hang) => return ServerAction::Hang,
        _ => {}
    }
    let (outgoing, queue) = mpsc::unbounded_channel();
    let connection = connection(&gateway, &stage, &parts.headers, peer, outgoing);
    let mut handshake = Handshake::new(gateway, stage, connection, &parts);
    let decided = match &fault {
        Some(fault) => handshake.decide_with(fault, &parts).await,
        None => handshake.decide(&parts).await,
    };
    let response = match decided {
        Ok(reply) => {
            let response = accept(&key, &reply);
            let (gateway, connection) = handshake.accepted(&reply);
            gateway.sockets.remember(&connection);
            tokio::spawn(session::run(gateway, connection, queue, upgrade));
            response
        }
        Err(refused) => handshake.finish_refused(refused),
    };
    match fault {
        // The session finds that the client is gone.
        Some(FaultKind::LostAnswer) => ServerAction::HangUp,
        _ => ServerAction::Send(response),
    }
}

/// One handshake, until it is accepted or refused.
struct Handshake {
    gateway: Arc<Gateway>,
    stage: Arc<LiveStage>,
    connection: Arc<Connection>,
    handshake: HandshakeRequest,
    context: RequestContext,
    log: RequestLog,
    latency: Option<Duration>,
}

impl Handshake {
    fn new(
        gateway: Arc<Gateway>,
        stage: Arc<LiveStage>,
        connection: Connection,
        parts: &Parts,
    ) -> Self {
        let context = RequestContext::new(&gateway.shared, "CONNECT", "$connect");
        let mut log = RequestLog::begin(&gateway, &stage, &context, Caller::from(&connection));
        log.info(|| {
            let agent = connection.user_agent.as_deref().unwrap_or_default();
            let (ip, api) = (connection.source_ip, &stage.api_id);
            format!(
                "Client [UserAgent: {agent}, SourceIp: {ip}] is connecting to WebSocket API [{api}]."
            )
        });
        Self {
            gateway,
            stage,
            handshake: HandshakeRequest::read(parts, &connection),
            connection: Arc::new(connection),
            context,
            log,
            latency: None,
        }
    }

    /// The same, with a fault.
    async fn decide_with(&mut self, fault: &FaultKind, parts: &Parts) -> Result<Reply, Refused> {
        match fault {
            FaultKind::Throttle => Err(self.refused(429, "Too Many Requests", "THROTTLED")),
            FaultKind::Error(status) => {
                Err(self.refused(*status, "Internal server error", "DEFAULT_5XX"))
            }
            FaultKind::Delay(millis) => {
                tokio::time::sleep(Duration::from_millis(*millis)).await;
                self.decide(parts).await
            }
            _ => self.decide(parts).await,
        }
    }

    /// Throttles, authorization, then the function.
    async fn decide(&mut self, parts: &Parts) -> Result<Reply, Refused> {
        let throttles = &self.gateway.throttles;
        if !throttles.connection(&self.gateway.shared.conditions.now())
            || !throttles.route(&self.stage, "$connect")
        {
            return Err(self.refused(429, "Too Many Requests", "THROTTLED"));
        }
        let accepted = Reply {
            status: 200,
            ..Reply::default()
        };
        let stage = Arc::clone(&self.stage);
        let Some(route) = stage.routes.get("$connect") else {
            return Ok(accepted);
        };
        self.authorize(route, parts).await?;
        match &route.integration {
            Some(integration) => self.ask(integration).await,
            None => Ok(accepted),
        }
    }

    /// A route that requires an API key refuses everyone, because the operations that create keys are not
    /// here.
    ///
    /// Uncertain: whether AWS asks for the key again on messages, which have no headers to carry it,
    /// is not documented; only the handshake is refused.
    async fn authorize(&mut self, route: &LiveRoute, parts: &Parts) -> Result<(), Refused> {
        if route.api_key_required {
            return Err(self.refused(403, "Forbidden", "INVALID_API_KEY"));
        }
        match (route.authorization_type.as_str(), &route.authorizer) {
            ("" | "NONE", _) => return Ok(()),
            ("AWS_IAM", _) => {
                let asked = authorizer::ask_iam(&self.gateway, &self.stage, parts);
                self.context.caller_arn = Some(asked.map_err(|why| self.forbidden(&why))?);
            }
            (_, Some(authorizer)) => {
                let heard = (&parts.headers, &self.handshake);
                let (gateway, stage) = (&self.gateway, &self.stage);
                let (connection, context) = (&self.connection, &self.context);
                let asking =
                    authorizer::ask(gateway, stage, authorizer, connection, context, heard);
                let Allowed { said, latency } =
                    asking.await.map_err(|denied| self.denied(&denied))?;
                let _ = self.connection.authorizer.set(Arc::new(said));
                let millis = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
                self.context.authorizer_latency_ms = Some(millis);
            }
            (_, None) => return Err(self.denied(&Denied::Failed)),
        }
        let mut caller = Caller::from(&*self.connection);
        caller.arn.clone_from(&self.context.caller_arn);
        self.log.authorized(&self.context, caller);
        Ok(())
    }

    /// Invokes the integration of `$connect`, whose answer decides.
    async fn ask(&mut self, integration: &LiveIntegration) -> Result<Reply, Refused> {
        let (gateway, stage) = (&self.gateway, &self.stage);
        let (connection, context) = (&self.connection, &self.context);
        let event = events::connect(&gateway.shared, stage, connection, context, &self.handshake);
        self.log
            .trace(|| format!("Endpoint request body after transformations: {event}"));
        let called = integration::call(gateway, stage, "$connect", integration, &event).await;
        message::log_call(&mut self.log, &called);
        self.latency = Some(called.latency);
        match called.result {
            Ok(reply) if (200..300).contains(&reply.status) => Ok(reply),
            Ok(reply) => Err(Refused {
                status: reply.status,
                body: reply.body.unwrap_or_default().into(),
                error: None,
                detail: None,
                is_page: false,
            }),
            Err(Failure::TimedOut) => {
                Err(self.refused(504, "Endpoint request timed out", "INTEGRATION_TIMEOUT"))
            }
            Err(failure) => {
                let status = if failure == Failure::BadAnswer {
                    502
                } else {
                    500
                };
                Err(self.refused(status, "Internal server error", "INTEGRATION_FAILURE"))
            }
        }
    }

    fn accepted(mut self, reply: &Reply) -> (Arc<Gateway>, Arc<Connection>) {
        self.log.info(|| {
            let (id, api) = (&self.connection.id, &self.stage.api_id);
            format!("Client [Connection Id: {id}] connected to API [{api}] successfully.")
        });
        let (status, latency) = (reply.status, self.latency);
        self.log.finish(&Entry {
            status,
            error: None,
            latency,
        });
        (self.gateway, self.connection)
    }

    fn finish_refused(mut self, refused: Refused) -> Response {
        if let Some(detail) = refused.detail {
            self.log.error(|| detail.to_owned());
        }
        if let Some((text, _)) = refused.error {
            self.log.error(|| format!("Execution failed: {text}"));
        }
        let (status, error, latency) = (refused.status, refused.error, self.latency);
        self.log.finish(&Entry {
            status,
            error,
            latency,
        });
        refused.response(&self.context)
    }

    fn refused(&self, status: u16, text: &'static str, kind: &'static str) -> Refused {
        let body = message::frame(text, &self.connection.id, &self.context.request_id).into();
        Refused {
            status,
            body,
            error: Some((text, kind)),
            detail: None,
            is_page: false,
        }
    }

    fn denied(&self, denied: &Denied) -> Refused {
        const PAGE: &str = "<html>\r\n<head><title>400 Bad Request</title></head>\r\n<body>\r\n<center><h1>400 Bad Request</h1></center>\r\n</body>\r\n</html>\r\n";
        let (text, kind) = denied.error();
        let mut refused = self.refused(denied.status(), text, kind);
        match denied {
            Denied::NotInvoked(detail) => refused.detail = Some(detail),
            Denied::TwoAuthorizations => {
                refused.body = PAGE.into();
                refused.is_page = true;
            }
            _ => {}
        }
        refused
    }

    /// Uncertain: the body of a handshake that IAM refuses is not recorded. The message is IAM's, in
    /// the body of other failures.
    fn forbidden(&self, why: &str) -> Refused {
        let body = message::frame(why, &self.connection.id, &self.context.request_id);
        Refused {
            body: body.into(),
            ..self.refused(403, "Forbidden", "ACCESS_DENIED")
        }
    }
}

fn connection(
    gateway: &Gateway,
    stage: &LiveStage,
    headers: &HeaderMap,
    peer: IpAddr,
    outgoing: mpsc::UnboundedSender<OutgoingFrame>,
) -> Connection {
    let now = gateway.shared.clock.now_ms();
    let agent = headers
        .get(USER_AGENT)
        .and_then(|value| value.to_str().ok());
    Connection {
        id: connection_id(),
        api_id: stage.api_id.clone(),
        stage: stage.stage.clone(),
        connected_at: now,
        source_ip: peer,
        user_agent: agent.map(str::to_owned),
        authorizer: std::sync::OnceLock::new(),
        last_active: AtomicI64::new(now),
        outgoing,
        queued: AtomicUsize::new(0),
        closing: CancellationToken::new(),
        ending: std::sync::OnceLock::new(),
    }
}

/// AWS's answer to an address that is not a stage.
pub(crate) fn forbidden() -> Response {
    Response::rest_error(StatusCode::FORBIDDEN, "ForbiddenException", "Forbidden")
}

impl Refused {
    fn response(self, context: &RequestContext) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_GATEWAY);
        // A 1xx other than the upgrade would confuse every client.
        let status = if status.is_informational() {
            StatusCode::BAD_GATEWAY
        } else {
            status
        };
        let mut response = if self.is_page {
            Response::empty(status).with("content-type", "text/html")
        } else {
            Response::empty(status)
                .with("content-type", "application/json")
                .with("x-amz-apigw-id", &context.request_id)
        };
        response.body = self.body;
        response
    }
}
