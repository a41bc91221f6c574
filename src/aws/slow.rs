//! A call that takes long is named while it is waited for, so that nobody takes the wait for a hang.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeSerializationInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// Most calls are answered within a second.
const LONG: Duration = Duration::from_secs(5);

tokio::task_local! {
    static HEARD_BY: SlowCalls;
}

type Hear = dyn Fn(&str) + Send + Sync;

/// Where slow calls are told.
#[derive(Clone)]
pub struct SlowCalls(Option<Arc<Hear>>);

impl SlowCalls {
    /// `hear` gets the name of each call that takes longer than five seconds.
    pub fn new(hear: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hear)))
    }

    /// Whoever hears the calls of this task. A task that is spawned has to be given it.
    pub fn of_this_task() -> Self {
        HEARD_BY.try_with(Self::clone).unwrap_or(Self(None))
    }

    /// Does `work` and hears its calls.
    pub async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        HEARD_BY.scope(self.clone(), Box::pin(work)).await
    }
}

impl fmt::Debug for SlowCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SlowCalls")
    }
}

/// Watches the calls of a client.
#[derive(Debug)]
pub(super) struct SlowCallInterceptor;

impl Intercept for SlowCallInterceptor {
    fn name(&self) -> &'static str {
        "SlowCallInterceptor"
    }

    // Before this, the SDK has not told which operation it is.
    fn read_before_serialization(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        call: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = call.load::<Metadata>().map(|call| call.name().to_owned());
        if let (Some(hear), Some(operation)) = (SlowCalls::of_this_task().0, operation) {
            let watch = tokio::spawn(async move {
                tokio::time::sleep(LONG).await;
                hear(&operation);
            });
            call.interceptor_state().store_put(Watch(watch));
        }
        Ok(())
    }
}

/// Belongs to a call and ends with it, also when it is dropped.
#[derive(Debug)]
struct Watch(JoinHandle<()>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Storable for Watch {
    type Storer = StoreReplace<Self>;
}
