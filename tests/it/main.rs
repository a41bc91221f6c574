//! Every integration test, in one binary: a file per command or property.

mod local_control;
mod local_data;
