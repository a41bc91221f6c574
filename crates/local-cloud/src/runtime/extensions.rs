//! The Extensions API, on the same port as the Runtime API.
//!
//! There are no layers and nothing is in `/opt/extensions`, so only internal extensions can register: parts of
//! the function's own process, which get INVOKE events and no SHUTDOWN. They may register only while the function
//! initialises. The errors are those of AWS's own emulator of this API.

use std::sync::{Arc, Mutex};

use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use super::protocol::{ApiResponse, RuntimeEvent, accepted, refuse, text, with_json};
use super::{FunctionSpec, lock};

/// The most extensions of one function.
const MOST: usize = 10;

/// The extensions of one environment.
#[derive(Debug)]
pub(super) struct Extensions {
    spec: Arc<FunctionSpec>,
    events: mpsc::UnboundedSender<RuntimeEvent>,
    state: Mutex<Registrations>,
}

#[derive(Debug, Default)]
struct Registrations {
    registered: Vec<Extension>,
    /// The runtime has asked for work: the init phase is over.
    closed: bool,
}

#[derive(Debug)]
struct Extension {
    id: String,
    name: String,
    invoke: bool,
}

impl Extensions {
    pub(super) fn new(
        spec: Arc<FunctionSpec>,
        events: mpsc::UnboundedSender<RuntimeEvent>,
    ) -> Self {
        Self {
            spec,
            events,
            state: Mutex::default(),
        }
    }

    /// How many have registered.
    pub(super) fn count(&self) -> usize {
        lock(&self.state).registered.len()
    }

    /// Whether this one wants INVOKE events.
    pub(super) fn wants_invoke(&self, index: usize) -> bool {
        let state = lock(&self.state);
        let found = state.registered.get(index);
        found.is_some_and(|extension| extension.invoke)
    }

    /// A new process registers anew.
    pub(super) fn forget(&self) {
        *lock(&self.state) = Registrations::default();
    }

    /// From now on no extension may register.
    pub(super) fn close_registration(&self) {
        lock(&self.state).closed = true;
    }

    /// Whether the runtime has asked for work: the init phase is over.
    pub(super) fn registration_is_closed(&self) -> bool {
        lock(&self.state).closed
    }

    pub(super) async fn answer(
        &self,
        method: &Method,
        what: &[&str],
        headers: &HeaderMap,
        body: &[u8],
    ) -> ApiResponse {
        let answer = match (method, what) {
            (&Method::POST, ["register"]) => self.register(headers, body),
            (&Method::GET, ["event", "next"]) => match self.known(headers) {
                Ok(index) => return self.next(index).await,
                Err(refusal) => Err(refusal),
            },
            (&Method::POST, ["init", "error"]) => self.failed(headers, "Extension.InitError"),
            (&Method::POST, ["exit", "error"]) => self.failed(headers, "Extension.ExitError"),
            _ => Ok(refuse(
                StatusCode::NOT_FOUND,
                "NotFound",
                "There is no such path in the Extensions API",
            )),
        };
        answer.unwrap_or_else(|(kind, words)| refuse(StatusCode::FORBIDDEN, kind, &words))
    }

    fn register(&self, headers: &HeaderMap, body: &[u8]) -> Result<ApiResponse, ExtensionError> {
        let name = text(headers, "lambda-extension-name").unwrap_or_default();
        if name.is_empty() {
            return refused("Extension.InvalidExtensionName", "Empty extension name");
        }
        let invoke = wants_invoke(body)?;
        let mut state = lock(&self.state);
        if state.closed {
            let words = "Extension registration closed already";
            return refused("Extension.RegistrationClosed", words);
        }
        if state.registered.iter().any(|other| other.name == name) {
            let words = "Extension with this name already registered";
            return refused("Extension.InvalidExtensionState", words);
        }
        if state.registered.len() >= MOST {
            let words = format!("Extension limit ({MOST}) reached");
            return refused("Extension.TooManyExtensions", words);
        }
        let id = uuid::Uuid::new_v4().to_string();
        let answer = self.registered(headers, &id);
        state.registered.push(Extension { id, name, invoke });
        Ok(answer)
    }

    fn registered(&self, headers: &HeaderMap, id: &str) -> ApiResponse {
        let mut body = json!({
            "functionName": self.spec.name, "functionVersion": self.spec.version,
            "handler": self.spec.handler,
        });
        let features = text(headers, "lambda-extension-accept-feature").unwrap_or_default();
        if features
            .split(',')
            .any(|feature| feature.trim() == "accountId")
        {
            body["accountId"] = self.spec.function_arn.split(':').nth(4).into();
        }
        let mut answer = with_json(StatusCode::OK, &body);
        if let Ok(value) = http::HeaderValue::from_str(id) {
            let headers = answer.headers_mut();
            headers.insert("lambda-extension-identifier", value);
        }
        answer
    }

    async fn next(&self, index: usize) -> ApiResponse {
        let (deliver, delivered) = oneshot::channel();
        let _ = self
            .events
            .send(RuntimeEvent::ExtensionNext(index, deliver));
        match delivered.await {
            Ok(event) => with_json(StatusCode::OK, &event),
            Err(_) => refuse(StatusCode::GONE, "Gone", "The environment ends"),
        }
    }

    /// An extension reports that it failed, which ends the environment.
    fn failed(
        &self,
        headers: &HeaderMap,
        kind: &'static str,
    ) -> Result<ApiResponse, ExtensionError> {
        self.known(headers)?;
        let header = "Lambda-Extension-Function-Error-Type";
        match text(headers, header).filter(|why| !why.is_empty()) {
            None => refused("Extension.MissingHeader", format!("{header} not found")),
            Some(why) => {
                let _ = self.events.send(RuntimeEvent::ExtensionFailure(kind, why));
                Ok(accepted())
            }
        }
    }

    /// Which extension the identifier means.
    fn known(&self, headers: &HeaderMap) -> Result<usize, ExtensionError> {
        let header = "Lambda-Extension-Identifier";
        let id = text(headers, header).unwrap_or_default();
        if id.is_empty() {
            let words = format!("Missing {header} header");
            return refused("Extension.MissingExtensionIdentifier", words);
        }
        if uuid::Uuid::parse_str(&id).is_err() {
            let words = format!("Invalid {header}");
            return refused("Extension.InvalidExtensionIdentifier", words);
        }
        let state = lock(&self.state);
        let found = state.registered.iter().position(|one| one.id == id);
        found.ok_or_else(|| {
            let words = format!("Unknown extension {id}");
            ("Extension.UnknownExtensionIdentifier", words)
        })
    }
}

/// Error type and message of a 403.
type ExtensionError = (&'static str, String);

fn refused<T>(kind: &'static str, words: impl Into<String>) -> Result<T, ExtensionError> {
    Err((kind, words.into()))
}

/// Whether the body asks for INVOKE events; any other kind is refused.
fn wants_invoke(body: &[u8]) -> Result<bool, ExtensionError> {
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return refused("InvalidRequestFormat", "the body is not JSON");
    };
    if body["configurationKeys"]
        .as_array()
        .is_some_and(|keys| !keys.is_empty())
    {
        let words = "configurationKeys are deprecated; use environment variables instead";
        return refused("InvalidRequestFormat", words);
    }
    let events = body["events"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    for event in events
        .iter()
        .map(|event| event.as_str().unwrap_or_default())
    {
        let why = match event {
            "INVOKE" => continue,
            "SHUTDOWN" => "ShutdownEventNotSupportedForInternalExtension",
            _ => "ErrorInvalidEventType",
        };
        return refused("Extension.InvalidEventType", format!("{event}: {why}"));
    }
    Ok(!events.is_empty())
}
