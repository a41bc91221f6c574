//! Order under faults, over many seeds: what came in time is in order, and what is not carries the mark.
//!
//! Whether an event came in time is decided by when CloudWatch took it, not by when it was shown.

use crate::world::calm;
use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::types::InputLogEvent;
use chatctl::error::Result;
use chatctl::tail::{self, Group, LogEvent, LogSource, Pacer, TailItem, TailNotice};
use chatctl::tail::{TailOptions, Timing};
use chatctl_local_cloud::{Fault, FaultKind, LocalCloud, Options};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;

const SEEDS: u64 = 10;
const SOURCES: [LogSource; 3] = [LogSource::Function, LogSource::Execution, LogSource::Access];

/// A tenth of what holds for AWS, or less.
const TIMING: Timing = Timing {
    overlap: Duration::from_secs(20),
    deep_every: Duration::from_secs(1),
    glance: Duration::from_secs(3),
    settle: Duration::from_millis(400),
    patience: Duration::from_secs(8),
    busy_pause: Duration::from_millis(100),
    idle_pause: Duration::from_millis(200),
    answer: Duration::from_millis(700),
    retry_pause: Duration::from_millis(40),
};

/// Every kind of failure that a read can meet.
fn faults() -> Vec<Fault> {
    [
        (FaultKind::Throttle, 0.05),
        (FaultKind::Error(503), 0.05),
        (FaultKind::Reset, 0.04),
        (FaultKind::LostAnswer, 0.05),
        (FaultKind::Hang, 0.04),
        (FaultKind::Delay(350), 0.15),
    ]
    .into_iter()
    .map(|(kind, chance)| Fault {
        service: Some("logs".into()),
        operation: Some("FilterLogEvents".into()),
        times: Fault::ALWAYS,
        probability: Some(chance),
        ..Fault::new(kind)
    })
    .collect()
}

async fn cloud(seed: u64) -> LocalCloud {
    let mut conditions = calm();
    conditions.seed = Some(seed);
    // Every other cloud's clock is far from ours.
    let clock_ahead = Duration::from_secs(seed % 2 * 3600);
    let options = Options {
        conditions,
        faults: faults(),
        clock_ahead,
        ..Options::default()
    };
    LocalCloud::start(options).await.unwrap()
}

fn group(source: LogSource) -> Group {
    Group {
        source,
        name: format!("/{}", source.name()).into(),
        finder: None,
    }
}

/// Writes for some seconds into one group; most events are punctual, some are up to 5 s late.
async fn write(client: Client, cloud: &LocalCloud, source: LogSource, seed: u64) -> Vec<String> {
    let mut random = fastrand::Rng::with_seed(seed * 10 + source as u64);
    let mut written = Vec::new();
    for round in 0..40 {
        let is_late = random.u8(0..10) == 0;
        let mut events = Vec::new();
        for n in 0..random.usize(1..12) {
            let age = if is_late {
                random.i64(0..5_000)
            } else {
                random.i64(0..60)
            };
            let text = format!("{} {round} {n}", source.name());
            events.push((cloud.clock().now_ms() - age, text));
        }
        events.sort_unstable();
        written.extend(events.iter().map(|(_, text)| text.clone()));
        put(&client, source, events).await;
        tokio::time::sleep(Duration::from_millis(random.u64(20..160))).await;
    }
    written
}

async fn put(client: &Client, source: LogSource, events: Vec<(i64, String)>) {
    let events = events.into_iter().map(|(time, text)| {
        let event = InputLogEvent::builder().timestamp(time).message(text);
        event.build().unwrap()
    });
    let put = client.put_log_events().log_group_name(&*group(source).name);
    let put = put
        .log_stream_name("s")
        .set_log_events(Some(events.collect()));
    let answer = put.send().await.unwrap();
    assert!(answer.rejected_log_events_info().is_none(), "{answer:?}");
}

async fn make(client: &Client, source: LogSource) {
    let name = group(source).name;
    let make = client.create_log_group().log_group_name(&*name);
    make.send().await.unwrap();
    let make = client.create_log_stream().log_group_name(&*name);
    make.log_stream_name("s").send().await.unwrap();
}

/// Follows a cloud's three groups while they are written, and returns what was shown.
async fn follow(seed: u64) -> Vec<LogEvent> {
    let cloud = cloud(seed).await;
    let world = crate::world::settings(&cloud, &[]);
    let client = chatctl::aws::Clients::connect(&world).await.unwrap().logs;
    for source in SOURCES {
        make(&client, source).await;
    }
    let options = TailOptions {
        since: cloud.clock().now_ms() - 60_000,
        until: None,
        follow: true,
        pattern: None,
        timing: TIMING,
    };
    let groups = SOURCES.map(group).into();
    let pacer = Arc::new(Pacer::near());
    let mut stream = tail::start(client.clone(), groups, options, pacer);
    // What is shown meanwhile waits in the channel.
    let writers = SOURCES.map(|source| write(client.clone(), &cloud, source, seed));
    let written = futures_util::future::join_all(writers).await;
    let written: BTreeSet<_> = written.into_iter().flatten().collect();
    let shown = take(&mut stream, written.len()).await;
    let texts: BTreeSet<_> = shown.iter().map(|event| event.message.clone()).collect();
    assert_eq!(texts, written, "seed {seed}");
    shown
}

/// The next events, as soon as so many are there.
async fn take(stream: &mut Receiver<Result<TailItem>>, count: usize) -> Vec<LogEvent> {
    let mut events = Vec::new();
    while events.len() < count {
        let next = tokio::time::timeout(Duration::from_secs(60), stream.recv()).await;
        match next.expect("events are missing").unwrap().unwrap() {
            TailItem::Event(event) => events.push(event),
            TailItem::Notice(TailNotice::LeftBehind { source, .. }) => {
                panic!("the others went on without {}", source.name())
            }
            _ => {}
        }
    }
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_in_time_is_in_order_and_what_is_late_says_so_under_every_fault() {
    let runs = (1..=SEEDS).map(|seed| tokio::spawn(async move { (seed, follow(seed).await) }));
    let mut late = 0;
    for run in futures_util::future::join_all(runs).await {
        let (seed, shown) = run.unwrap();
        let mut newest = i64::MIN;
        for event in &shown {
            assert_eq!(
                event.late,
                event.timestamp < newest,
                "seed {seed}: {event:?}"
            );
            newest = newest.max(event.timestamp);
            let in_time = event.ingested - event.timestamp < 300;
            assert!(!(event.late && in_time), "seed {seed}: {event:?}");
            late += u32::from(event.late);
        }
    }
    assert!(late > 0, "no event was late, so nothing was tried");
}
