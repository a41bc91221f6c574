//! Reads everything that is there, side by side. Never changes anything.

use super::resource::Resource;
use crate::error::Result;
use futures_util::future::try_join_all;
use std::sync::Arc;

/// One resource of the stack: as it is wanted, and as it was found.
#[derive(Debug, Clone)]
pub struct Seen<R> {
    /// As wanted; its names are what was looked for.
    pub wanted: R,
    /// As found.
    pub found: Option<R>,
}

/// Looks for each of `wanted`, all at once; the answer has the same order.
///
/// # Errors
/// The first reading that fails.
pub async fn read<R: Resource>(wanted: &[R], observed: &Arc<R::Observed>) -> Result<Vec<Seen<R>>> {
    let looks = wanted.iter().map(|one| async {
        let found = one.read(observed).await?;
        Ok(Seen {
            wanted: one.clone(),
            found,
        })
    });
    try_join_all(looks).await
}
