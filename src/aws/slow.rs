//! A call that takes long is named while it is waited for, so that nobody takes the wait for a hang.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeSerializationInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// Most calls are answered within a second.
const LONG: Duration = Duration::from_secs(5);

type Hear = Arc<dyn Fn(&str) + Send + Sync>;

tokio::task_local! {
    static HEAR: Hear;
}

/// Does `work`; `hear` gets the name of each of its calls that takes longer than five seconds. Work
/// inside it may have a listener of its own. Tasks that `work` spawns are not heard.
pub async fn telling<T>(
    hear: impl Fn(&str) + Send + Sync + 'static,
    work: impl Future<Output = T>,
) -> T {
    HEAR.scope(Arc::new(hear), work).await
}

/// Watches the calls of a client.
#[derive(Debug)]
pub(super) struct SlowCalls;

impl Intercept for SlowCalls {
    fn name(&self) -> &'static str {
        "SlowCalls"
    }

    // Before this, the SDK has not told which operation it is.
    fn read_before_serialization(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        call: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = call.load::<Metadata>().map(|call| call.name().to_owned());
        if let (Ok(hear), Some(operation)) = (HEAR.try_with(Arc::clone), operation) {
            call.interceptor_state()
                .store_put(Watch::begin(hear, operation));
        }
        Ok(())
    }
}

/// Belongs to a call and ends with it, also when it is dropped.
#[derive(Debug)]
struct Watch(JoinHandle<()>);

impl Watch {
    fn begin(hear: Hear, operation: String) -> Self {
        Self(tokio::spawn(async move {
            tokio::time::sleep(LONG).await;
            hear(&operation);
        }))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Storable for Watch {
    type Storer = StoreReplace<Self>;
}
