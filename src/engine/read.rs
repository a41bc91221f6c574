//! Reads everything that is there, side by side. Never changes anything.

use super::resource::Resource;
use crate::error::{Error, Result};
use std::sync::Arc;
use tokio::task::JoinSet;

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
    let mut readers = JoinSet::new();
    for (index, one) in wanted.iter().cloned().enumerate() {
        let observed = Arc::clone(observed);
        readers.spawn(async move {
            let found = one.read(&observed).await?;
            Ok::<_, Error>((index, Seen { wanted: one, found }))
        });
    }
    let mut seen = Vec::with_capacity(wanted.len());
    while let Some(one) = readers.join_next().await {
        seen.push(one.map_err(|end| Error::failed("a reading ended early").because(end))??);
    }
    seen.sort_by_key(|(index, _)| *index);
    Ok(seen.into_iter().map(|(_, one)| one).collect())
}
