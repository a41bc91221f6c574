//! Wanted against found: read what is there, plan the difference, apply it side by side.
//!
//! Nothing here knows AWS. A resource is anything that implements [`Resource`]; `resources/` has the
//! kinds. Data flows one way: [`read::read`] → [`plan::Plan::converge`] → [`apply::apply`], and what
//! happens meanwhile leaves as [`event::Event`]s.

pub mod apply;
pub mod diff;
pub mod event;
mod graph;
mod output;
pub mod pace;
pub mod plan;
pub mod read;
mod resource;
mod step_context;
mod stop;
pub mod view;
pub mod wait;

#[cfg(test)]
mod apply_tests;
#[cfg(test)]
mod fake;

pub use output::Output;
pub use resource::{Edge, Field, Fields, Id, Ownership, Resource};
pub use step_context::{Look, StepContext, deleted};
pub use stop::Stop;
