//! Which program has a port that is taken: asked over HTTP, not guessed.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How a local cloud names itself, on its port and in its state folder.
pub(crate) const SERVICE: &str = "chatctl local";
/// The port may belong to a program that never answers.
const TIME_LIMIT: Duration = Duration::from_secs(3);
/// More bytes than a local cloud answers.
const ANSWER_LIMIT: u64 = 64 * 1024;

/// Another local cloud, which has the port.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PortOwner {
    /// Its process.
    pub process_id: Option<u32>,
    /// Its only region.
    pub region: String,
    /// The folder that keeps its state, if any does.
    pub persist: Option<PathBuf>,
}

/// The local cloud on this loopback port; `None` if it is another program or the port is free.
pub async fn port_owner(port: u16) -> Option<PortOwner> {
    let answer = tokio::time::timeout(TIME_LIMIT, ask(port))
        .await
        .ok()?
        .ok()?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    let health: serde_json::Value = serde_json::from_str(body).ok()?;
    if health["service"] != SERVICE {
        return None;
    }
    serde_json::from_value(health).ok()
}

async fn ask(port: u16) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let request = format!(
        "GET /_chatctl/health HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream
        .take(ANSWER_LIMIT)
        .read_to_string(&mut answer)
        .await?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LocalCloud, Options};

    #[tokio::test]
    async fn a_local_cloud_is_known_and_another_program_is_not() {
        let cloud = LocalCloud::start(Options::default()).await.unwrap();
        let found = port_owner(cloud.addr().port()).await.unwrap();
        assert_eq!(found.process_id, Some(std::process::id()));
        assert_eq!((found.region.as_str(), found.persist), ("us-east-1", None));
        cloud.stop().await;

        let other = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = other.local_addr().unwrap().port();
        let answering = tokio::spawn(async move {
            let (mut stream, _) = other.accept().await.unwrap();
            stream.write_all(b"220 mail\r\n").await.unwrap();
        });
        assert_eq!(port_owner(port).await, None);
        answering.await.unwrap();
    }
}
