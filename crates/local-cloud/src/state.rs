//! The whole cloud: every service with the ones that it calls, put together in one place.
//!
//! Only the router, the server, `/_chatctl/…` and the facade see this. The services do not: each holds what it
//! needs, so what calls what can be read in [`Cloud::new`].

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::conditions::{ConditionsState, Scenario};
use crate::data_plane::{Gateway, Sockets};
use crate::options::Options;
use crate::persist::{Changes, Keeper, Sections};
use crate::runtime::{Environments, Host};
use crate::services::apigateway::Account;
use crate::services::apigatewayv2::{Apis, Connections};
use crate::services::dynamodb::Tables;
use crate::services::iam::Iam;
use crate::services::lambda::Functions;
use crate::services::logs::Logs;
use crate::shared::Shared;
use crate::start_error::StartError;
use crate::transport::Acceptor;

/// Every service, and what they share.
#[derive(Debug)]
pub(crate) struct Cloud {
    /// Account, region, clock, conditions.
    pub(crate) shared: Arc<Shared>,
    /// An access key whose calls no fault meets and no list shows.
    pub(crate) observer_key: String,
    /// What is kept over restarts.
    pub(crate) keeper: Arc<Keeper>,
    /// Roles, policies, sessions, and the evaluator.
    pub(crate) iam: Arc<Iam>,
    /// Log groups.
    pub(crate) logs: Arc<Logs>,
    /// API Gateway's account settings.
    pub(crate) account: Arc<Account>,
    /// DynamoDB tables.
    pub(crate) tables: Arc<Tables>,
    /// Execution environments: the processes behind the functions.
    pub(crate) environments: Arc<Environments>,
    /// Lambda functions.
    pub(crate) functions: Arc<Functions>,
    /// WebSocket APIs with their deployments and stages.
    pub(crate) apis: Arc<Apis>,
    /// Open WebSocket connections.
    pub(crate) sockets: Arc<Sockets>,
    /// What answers at the stages' URLs.
    pub(crate) gateway: Arc<Gateway>,
}

impl Cloud {
    /// A cloud that answers on `address` and writes into `state_dir`, as it was kept or empty.
    pub(crate) fn new(
        options: Options,
        address: SocketAddr,
        state_dir: PathBuf,
        acceptor: &Arc<Acceptor>,
    ) -> Result<Self, StartError> {
        let persist = options.persist.clone();
        let host = Host {
            state_dir,
            search_path: options.search_path.clone(),
            acceptor: Arc::clone(acceptor),
        };
        let shared = Arc::new(shared(options, address));
        let iam = Arc::new(Iam::new(&shared));
        let logs = Arc::new(Logs::new(&shared, &iam));
        let account = Arc::new(Account::new(&shared, &iam, &logs));
        let tables = Arc::new(Tables::new(&shared, &iam));
        let environments = Arc::new(Environments::new(host, &shared, &iam, &logs));
        let functions = Arc::new(Functions::new(&shared, &iam, &environments));
        let sockets = Arc::new(Sockets::default());
        let connections = Arc::clone(&sockets) as Arc<dyn Connections>;
        let apis = Arc::new(Apis::new(&shared, &iam, &logs, &account, connections));
        let gateway = Arc::new(Gateway::new(
            &shared, &iam, &logs, &account, &functions, &apis, &sockets,
        ));
        let sections: Sections = vec![
            ("iam", Arc::clone(&iam) as _),
            ("logs", Arc::clone(&logs) as _),
            ("apigateway", Arc::clone(&account) as _),
            ("apigatewayv2", Arc::clone(&apis) as _),
            ("lambda", Arc::clone(&functions) as _),
            ("dynamodb", Arc::clone(&tables) as _),
            ("clock", Arc::clone(&shared) as _),
        ];
        let keeper = Keeper::new(persist, Arc::clone(&shared.changes), sections);
        keeper.load(&identity(&shared))?;
        Ok(Self {
            shared,
            observer_key: format!("OBSERVER{:032X}", fastrand::u128(..)),
            keeper: Arc::new(keeper),
            iam,
            logs,
            account,
            tables,
            environments,
            functions,
            apis,
            sockets,
            gateway,
        })
    }
}

fn shared(options: Options, address: SocketAddr) -> Shared {
    let clock = Clock::default();
    clock.set_speed(options.clock_speed);
    clock.turn(options.clock_ahead);
    let scenario = Scenario {
        conditions: options.conditions,
        faults: options.faults,
    };
    Shared {
        region: options.region,
        account_id: options.account_id,
        endpoint: format!("http://{address}"),
        clock,
        conditions: ConditionsState::new(scenario),
        stopping: CancellationToken::new(),
        changes: Arc::new(Changes::default()),
    }
}

/// Whose state a folder must hold: ARNs name both.
fn identity(shared: &Shared) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("accountId", shared.account_id.clone()),
        ("region", shared.region.clone()),
    ])
}
