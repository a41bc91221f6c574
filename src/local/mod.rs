//! The local cloud: a small, strict AWS on one loopback port, over AWS's own wire protocols.
//!
//! It shares no code with `engine/`, `resources/` or `stack/`, so that the two sides cannot share a mistake.
