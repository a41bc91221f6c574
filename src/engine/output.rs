//! Values that one step makes and later steps use, such as an id that AWS chooses.
//!
//! A resource that uses a value holds the value's [`Output`], so it cannot be made without one, and
//! its edge comes from that very output. [`Plan`](super::plan::Plan) refuses a plan in which a
//! value is neither known nor made by a step that runs before it is used.

use super::resource::Edge;
use crate::error::{Error, Result};
use std::sync::{Arc, OnceLock};

/// A value that is set once: when the plan is made if it is there already, else by the step of the
/// resource that makes it. Clones share the value.
#[derive(Debug, Clone)]
pub struct Output<T> {
    made_by: &'static str,
    value: Arc<OnceLock<T>>,
}

impl<T: Clone> Output<T> {
    /// A value that the resource `made_by` will make, unless it is known already.
    pub fn new(made_by: &'static str, known: Option<T>) -> Self {
        let value = known.map_or_else(OnceLock::new, OnceLock::from);
        Self {
            made_by,
            value: Arc::new(value),
        }
    }

    /// The value, if it is there by now.
    pub fn known(&self) -> Option<T> {
        self.value.get().cloned()
    }

    /// The value, for a step that the plan put behind the one that makes it.
    ///
    /// # Errors
    /// That step has not run.
    pub fn get(&self) -> Result<T> {
        let missing = || Error::failed(format!("{} has not been made", self.made_by));
        self.known().ok_or_else(missing)
    }

    /// Sets the value; the first one stays.
    pub fn set(&self, value: T) {
        let _ = self.value.set(value);
    }

    /// The edge of a resource that uses the value.
    pub fn edge(&self, why: &'static str) -> Edge {
        Edge {
            on: self.made_by,
            why,
            makes_value: self.value.get().is_none(),
        }
    }
}
