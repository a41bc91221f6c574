//! Execution environments: the processes behind the functions.

/// Every environment.
#[derive(Debug, Default)]
pub(crate) struct Environments {}
