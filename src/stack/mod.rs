//! What a chat is made of: [`Stack::wanted`] lists its resources, [`orphans`] what is left of
//! former ones.

mod orphans;
mod parts;
mod wanted;

pub use orphans::orphans;
pub use wanted::{Desired, Stack, routes_digest};
