//! Every integration test, in one binary: a file per command or property.

#![allow(missing_docs, clippy::unwrap_used, unreachable_pub)]

mod chat;
mod init;
mod page;
mod standin;

use std::io::{Read, Write};
/// A server that gives one fixed answer to one request; its address as `http://…`.
fn answer_once(answer: String) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/production", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(answer.as_bytes());
    });
    url
}
