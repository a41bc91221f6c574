//! The calls to AWS: whose credentials, which way they take, how long they may take, and what is made
//! of the answers.

mod answers;
mod login;
mod middle;
mod proxy;
mod refused;
mod time_outs;
mod way_out;
