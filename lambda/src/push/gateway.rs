//! API Gateway's `@connections`: signed POST, GET and DELETE.
//!
//! What surprises: 410 is the only answer that means "gone"; 429 means too fast *or* that this one
//! client reads too slowly; 403 means that the role lacks `execute-api:ManageConnections`. A post that
//! broke before its answer is tried once more and may arrive twice: that is what the `id` in every
//! frame is for.

use std::future::poll_fn;
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt};
use http::{Method, StatusCode};
use tokio::time::{sleep, timeout};

use super::{Frame, Outbox, Presence, Push, Report};
use crate::clock::Millis;
use crate::config::Connections;
use crate::event::Place;
use crate::http::{Endpoint, Http, HttpError};
use crate::sign::{Call, Signer, encode};

/// Posts under way at once. More would not be faster: the processor is the limit by then.
const CONCURRENCY: usize = 128;
/// For all frames to one connection, tries and waits included.
const RECIPIENT_LIMIT: Duration = Duration::from_secs(5);
/// For one request.
const POST_LIMIT: Duration = Duration::from_secs(3);
const MAX_TRIES: u32 = 7;
const FIRST_WAIT_MS: u64 = 25;
/// SHA-256 of nothing.
const EMPTY_HASH: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// The connections of whatever API the event came from.
#[derive(Debug)]
pub struct Gateway {
    http: Http,
    signer: Signer,
    connections: Connections,
}

/// How one delivery ended.
enum End {
    Delivered,
    Gone(String),
    Failed(String),
}

impl Report {
    fn add(&mut self, end: End) {
        match end {
            End::Delivered => self.delivered += 1,
            End::Gone(connection) => self.gone.push(connection),
            End::Failed(why) => {
                self.failed += 1;
                self.trouble = Some(why);
            }
        }
    }
}

impl Gateway {
    /// Nothing is sent yet.
    pub fn new(http: Http, signer: Signer, connections: Connections) -> Self {
        Self {
            http,
            signer,
            connections,
        }
    }

    async fn to_one(&self, base: &Endpoint, outbox: &Outbox, to: String) -> End {
        while let Some(frames) = outbox.take(&to) {
            let end = match timeout(RECIPIENT_LIMIT, self.all_frames(base, &to, &frames)).await {
                Ok(Ok(Presence::Here)) => continue,
                Ok(Ok(Presence::Gone)) => End::Gone(to.clone()),
                Ok(Err(why)) => End::Failed(why),
                Err(_) => End::Failed("no answer in time".into()),
            };
            outbox.give_up(&to);
            return end;
        }
        End::Delivered
    }

    async fn all_frames(
        &self,
        base: &Endpoint,
        to: &str,
        frames: &[Frame],
    ) -> Result<Presence, String> {
        for frame in frames {
            if self.one_frame(base, to, frame).await? == Presence::Gone {
                return Ok(Presence::Gone);
            }
        }
        Ok(Presence::Here)
    }

    async fn one_frame(
        &self,
        base: &Endpoint,
        to: &str,
        frame: &Frame,
    ) -> Result<Presence, String> {
        let mut broken = 0;
        for tries in 1..=MAX_TRIES {
            match self.request(Method::POST, base, to, frame).await {
                Ok(status) if status.is_success() => return Ok(Presence::Here),
                Ok(StatusCode::GONE) => return Ok(Presence::Gone),
                Ok(StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
                | Err(HttpError::NotSent(_)) => pause(tries).await,
                Err(HttpError::Broken(why)) if broken > 0 => return Err(why),
                Err(HttpError::Broken(_)) => broken += 1,
                Err(HttpError::Timeout) => return Err("no answer in time".into()),
                Ok(StatusCode::FORBIDDEN) => return Err(FORBIDDEN.into()),
                Ok(status) => return Err(format!("posting was answered {}", status.as_u16())),
            }
        }
        Err("throttled or unreachable until the tries were used up".into())
    }

    async fn request(
        &self,
        method: Method,
        base: &Endpoint,
        to: &str,
        frame: &Frame,
    ) -> Result<StatusCode, HttpError> {
        let mut path = format!("{}/@connections/", base.path);
        encode(&mut path, to, b"");
        let call = Call {
            method: method.as_str(),
            host: &base.host,
            path: &path,
            headers: &[],
            body_hash: &frame.hash,
        };
        let request = self
            .signer
            .request(&call, &base.url(&path), frame.body.clone(), Millis::now())
            .map_err(|e| HttpError::Broken(e.to_string()))?;
        self.http
            .send(request, POST_LIMIT)
            .await
            .map(|(status, _)| status)
    }

    async fn bare(&self, method: Method, place: &Place, to: &str) -> Option<StatusCode> {
        let base = self.connections.at(place).ok()?;
        let nothing = Frame {
            body: Bytes::new(),
            hash: EMPTY_HASH.into(),
        };
        self.request(method, &base, to, &nothing).await.ok()
    }
}

const FORBIDDEN: &str = "posting was answered 403: the function's role needs \
    execute-api:ManageConnections on this API and stage (…/{stage}/*/@connections/*)";

impl Push for Gateway {
    async fn drain(&self, place: &Place, outbox: &Outbox) -> Report {
        let mut report = Report::default();
        let base = match self.connections.at(place) {
            Ok(base) => base,
            Err(why) => {
                while let Some(to) = outbox.next() {
                    outbox.give_up(&to);
                    report.failed += 1;
                }
                report.trouble = Some(why);
                return report;
            }
        };
        let mut posts = FuturesUnordered::new();
        poll_fn(|context| {
            loop {
                // Looked at again each time, because more may have been added.
                let free = CONCURRENCY - posts.len();
                let next = std::iter::from_fn(|| outbox.next()).take(free);
                posts.extend(next.map(|to| self.to_one(&base, outbox, to)));
                match ready!(posts.poll_next_unpin(context)) {
                    Some(end) => report.add(end),
                    None => return Poll::Ready(()),
                }
            }
        })
        .await;
        drop(posts);
        report
    }

    async fn presence(&self, place: &Place, connection: &str) -> Presence {
        match self.bare(Method::GET, place, connection).await {
            Some(StatusCode::GONE) => Presence::Gone,
            _ => Presence::Here,
        }
    }

    async fn close(&self, place: &Place, connection: &str) {
        // If it does not work the client stays refused by the rate limit, and tries again to be closed.
        let _ = self.bare(Method::DELETE, place, connection).await;
    }
}

async fn pause(tries: u32) {
    let most = FIRST_WAIT_MS << tries.min(6);
    sleep(Duration::from_millis(fastrand::u64(1..=most))).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_nothing_is_right() {
        assert_eq!(crate::sign::sha256_hex(b""), EMPTY_HASH);
    }
}
