//! What a chat is made of: [`wanted`] lists its resources. Names, tags and policies are made here
//! and nowhere else.

pub mod names;
pub mod policy;
pub mod tags;
mod wanted;

pub use names::Names;
pub use wanted::{Wanted, snapshot, wanted};
