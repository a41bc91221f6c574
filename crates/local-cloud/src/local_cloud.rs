//! The cloud as a test holds it: started, controlled, stopped.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::conditions::{Call, Conditions, Fault};
use crate::options::Options;
use crate::start_error::StartError;
use crate::state::Cloud;
use crate::transport::Acceptor;
use crate::{runtime, server};

/// A running local cloud. Dropping it ends it; [`LocalCloud::stop`] waits until everything has ended.
///
/// A stage of a WebSocket API has a URL that any WebSocket client can open:
///
/// ```
/// use aws_config::{BehaviorVersion, Region};
/// use aws_credential_types::Credentials;
/// use aws_sdk_apigatewayv2::types::{IntegrationType, ProtocolType};
/// use chatctl_local_cloud::{LocalCloud, Options};
/// use futures_util::{SinkExt, StreamExt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cloud = LocalCloud::start(Options::default()).await?;
/// let config = aws_config::defaults(BehaviorVersion::latest())
///     .endpoint_url(cloud.endpoint())
///     .region(Region::new("us-east-1"))
///     .credentials_provider(Credentials::new("any", "key", None, None, "test"))
///     .http_client(aws_smithy_http_client::Builder::new().build_http())
///     .load()
///     .await;
/// let gateway = aws_sdk_apigatewayv2::Client::new(&config);
/// let api = gateway
///     .create_api()
///     .name("time")
///     .protocol_type(ProtocolType::Websocket)
///     .route_selection_expression("$request.body.action")
///     .send()
///     .await?;
/// let id = api.api_id().unwrap_or_default();
///
/// // A route whose integration answers by itself. A Lambda function is an `AWS_PROXY` integration.
/// let mock = gateway
///     .create_integration()
///     .api_id(id)
///     .integration_type(IntegrationType::Mock)
///     .template_selection_expression("200")
///     .request_templates("200", r#"{"statusCode":200}"#)
///     .send()
///     .await?;
/// let mock = mock.integration_id().unwrap_or_default();
/// let response = gateway.create_integration_response().api_id(id).integration_id(mock);
/// response
///     .integration_response_key("$default")
///     .template_selection_expression("\\$default")
///     .response_templates("$default", "hello")
///     .send()
///     .await?;
/// let route = gateway.create_route().api_id(id).route_key("$default");
/// let route = route.target(format!("integrations/{mock}")).send().await?;
/// let response = gateway.create_route_response().api_id(id);
/// let response = response.route_id(route.route_id().unwrap_or_default());
/// response.route_response_key("$default").send().await?;
/// gateway.create_stage().api_id(id).stage_name("test").auto_deploy(true).send().await?;
///
/// let url = format!("{}/test", api.api_endpoint().unwrap_or_default());
/// let (mut socket, _) = tokio_tungstenite::connect_async(url).await?;
/// socket.send(r#"{"action":"anything"}"#.into()).await?;
/// let answer = socket.next().await.ok_or("the socket closed")??;
/// assert_eq!(answer.to_text()?, "hello");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct LocalCloud {
    cloud: Arc<Cloud>,
    server: server::Server,
    acceptor: Arc<Acceptor>,
    /// Dropped last: what still runs writes there.
    _temporary: Option<TemporaryFolder>,
}

/// A state folder of our own making, removed at the end.
#[derive(Debug)]
struct TemporaryFolder(PathBuf);

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // Files that a process still holds open are removed at the next start.
        let _ = fs_err::remove_dir_all(&self.0);
    }
}

impl LocalCloud {
    /// Binds the port and begins to serve. Takes a few milliseconds.
    ///
    /// # Errors
    /// The port is taken, or a folder cannot be used.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let is_temporary = options.state_dir.is_none();
        let listener = server::bind(options.port).await?;
        let address = listener.local_addr().map_err(|source| StartError::Listen {
            port: options.port,
            source,
        })?;
        let state_dir = runtime::state_dir(options.state_dir.clone())?;
        let temporary = is_temporary.then(|| TemporaryFolder(state_dir.clone()));
        let acceptor = Arc::new(Acceptor::default());
        let cloud = Arc::new(Cloud::new(options, address, state_dir, &acceptor)?);
        let stopping = cloud.shared.stopping.clone();
        tokio::spawn(Arc::clone(&cloud.keeper).run(stopping));
        let server =
            server::Server::start(listener, address, Arc::clone(&cloud), Arc::clone(&acceptor));
        Ok(Self {
            cloud,
            server,
            acceptor,
            _temporary: temporary,
        })
    }

    /// `http://127.0.0.1:PORT`, for `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> &str {
        &self.cloud.shared.endpoint
    }

    /// The only region.
    pub fn region(&self) -> &str {
        &self.cloud.shared.region
    }

    /// The address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.server.address()
    }

    /// The clock, to be turned forward by tests.
    pub fn clock(&self) -> &Clock {
        &self.cloud.shared.clock
    }

    /// Plans a fault.
    pub fn inject(&self, fault: Fault) {
        self.cloud.shared.conditions.add(fault);
    }

    /// The faults that are still to come.
    pub fn faults(&self) -> Vec<Fault> {
        self.cloud.shared.conditions.faults()
    }

    /// Changes delays, limits and strictness.
    pub fn set_conditions(&self, conditions: Conditions) {
        self.cloud.shared.conditions.set(conditions);
    }

    /// The seed of the random numbers that decide about faults with a probability. A cloud that starts with
    /// this seed repeats them.
    pub fn seed(&self) -> u64 {
        let conditions = self.cloud.shared.conditions.now();
        conditions.seed.unwrap_or_default()
    }

    /// Every call of a control plane so far, the latest last.
    pub fn calls(&self) -> Vec<Call> {
        self.cloud.shared.conditions.calls()
    }

    /// Finds the API with these tags, for as long as it is deployed on a stage of this name.
    pub fn finder(&self, stage: &str, tags: &[(&str, &str)]) -> Finder {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Finder {
            cloud: Arc::clone(&self.cloud),
            stage: stage.to_owned(),
            tags: tags.iter().map(owned).collect(),
        }
    }

    /// An access key whose calls meet no fault and no latency, and are not listed: for an observer beside
    /// the program under test, whose calls would use up the faults that are planned for it.
    pub fn observer_key(&self) -> &str {
        &self.cloud.observer_key
    }

    /// Waits until no socket is open and every `$disconnect` is done.
    pub async fn silent(&self) {
        self.cloud.sockets.silent().await;
    }

    /// Breaks off every StartLiveTail session in the middle of a message, as a lost network does.
    pub fn cut_live_tails(&self) {
        self.cloud.logs.cut_tails();
    }

    /// How many StartLiveTail sessions are open.
    pub fn live_tails(&self) -> usize {
        self.cloud.logs.tails()
    }

    /// Why the state cannot be written to the `persist` folder at the moment.
    pub fn trouble(&self) -> watch::Receiver<Option<String>> {
        self.cloud.keeper.trouble()
    }

    /// Why no new connection can be accepted at the moment.
    pub fn accept_trouble(&self) -> watch::Receiver<Option<String>> {
        self.acceptor.trouble()
    }

    /// Closes the port and every socket, ends every process, and removes a temporary state folder.
    pub async fn stop(mut self) {
        self.cloud.shared.stopping.cancel();
        self.server.stop().await;
        self.cloud.environments.ended().await;
        let keeper = Arc::clone(&self.cloud.keeper);
        let _ = tokio::task::spawn_blocking(move || keeper.close()).await;
    }
}

impl Drop for LocalCloud {
    fn drop(&mut self) {
        self.cloud.shared.stopping.cancel();
    }
}

/// Finds an API by its tags; see [`LocalCloud::finder`].
#[derive(Debug, Clone)]
pub struct Finder {
    cloud: Arc<Cloud>,
    stage: String,
    tags: Vec<(String, String)>,
}

impl Finder {
    /// `ws://…/STAGE`, if it is there now.
    pub fn url(&self) -> Option<String> {
        self.cloud.apis.find(&self.stage, &self.tags)
    }
}
