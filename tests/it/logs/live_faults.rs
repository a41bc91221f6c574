//! `--live` when a session ends with an exception, breaks off or falls silent: no line is lost, none is
//! shown twice. The tail runs in this process, with short waits.

use super::Chat;
use crate::world::until;
use chatctl::error::Result;
use chatctl::tail::live::{self, LiveOptions};
use chatctl::tail::{
    Group, LiveNotice, LogSource, Pacer, TailItem, TailNotice, TailOptions, Timing, now,
};
use chatctl_local_cloud::{Fault, FaultKind};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

/// The pause between the two looks at a gap, and how far back a gap begins.
const SHORT: Duration = Duration::from_millis(500);

/// A chat with one log group.
async fn chat() -> Chat {
    let chat = Chat::api().await;
    chat.make("function").await;
    chat
}

/// A live tail of that group.
fn tail(chat: &Chat) -> Receiver<Result<TailItem>> {
    let world = &chat.world;
    let place = &world.clients.place;
    let live = LiveOptions {
        groups: vec![Group {
            source: LogSource::Function,
            name: chat.groups["function"].as_str().into(),
            finder: None,
        }],
        arn_prefix: format!(
            "arn:aws:logs:{}:{}:log-group:",
            place.region, place.account_id
        ),
        plain_host: true,
        flags: world.settings.chat_flags(),
    };
    let options = TailOptions {
        since: now(),
        until: None,
        follow: true,
        pattern: None,
        timing: Timing {
            glance: SHORT,
            overlap: SHORT,
            ..Timing::NEAR
        },
    };
    let client = world.clients.logs.clone();
    live::start(client, live, options, Arc::new(Pacer::near()))
}

async fn sessions(chat: &Chat, count: usize) {
    until("the session is open", || {
        chat.calls("StartLiveTail") >= count && chat.world.cloud.live_tails() == 1
    })
    .await;
}

/// What comes until nothing more comes for a while: the lines, and why sessions ended.
async fn shown(tail: &mut Receiver<Result<TailItem>>) -> (Vec<String>, Vec<String>) {
    let (mut lines, mut reasons) = (Vec::new(), Vec::new());
    while let Ok(Some(item)) = timeout(4 * SHORT, tail.recv()).await {
        match item.unwrap() {
            TailItem::Event(event) => lines.push(event.message),
            TailItem::Notice(TailNotice::Live(LiveNotice::Renewed { why })) => reasons.push(why),
            TailItem::Notice(_) | TailItem::CaughtUp => {}
        }
    }
    (lines, reasons)
}

/// One line before the fault, one that the session cannot show any more, one in the gap, one after it.
async fn once_each(kind: FaultKind, why: &str) {
    let chat = chat().await;
    let mut tail = tail(&chat);
    sessions(&chat, 1).await;
    chat.write("function", &[(0, "before")]).await;
    let (lines, _) = shown(&mut tail).await;
    assert_eq!(lines, ["before"], "{kind:?}");
    chat.world.cloud.inject(Fault {
        service: Some("logs".into()),
        operation: Some("SessionUpdate".into()),
        ..Fault::new(kind.clone())
    });
    chat.write("function", &[(0, "unseen"), (0, "unseen")])
        .await;
    until("the session is over", || chat.world.cloud.live_tails() == 0).await;
    chat.write("function", &[(0, "in the gap")]).await;
    sessions(&chat, 2).await;
    chat.write("function", &[(0, "after")]).await;
    until("the gap is read twice", || {
        chat.calls("FilterLogEvents") >= 2
    })
    .await;
    let (lines, reasons) = shown(&mut tail).await;
    assert_eq!(
        lines,
        ["unseen", "unseen", "in the gap", "after"],
        "{kind:?}"
    );
    assert_eq!(reasons.len(), 1, "{kind:?}: {reasons:?}");
    assert!(reasons[0].contains(why), "{kind:?}: {reasons:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_with_an_exception_or_is_cut_loses_and_repeats_no_line() {
    let exception = |status, code: &str, message: &str| FaultKind::ServiceError {
        status,
        code: code.into(),
        message: message.into(),
    };
    let timed_out = exception(400, "SessionTimeoutException", "the session timed out");
    let unknown = exception(429, "ThrottlingException", "too many sessions");
    tokio::join!(
        once_each(timed_out, "the session timed out"),
        once_each(FaultKind::Error(500), "An unknown error occurred"),
        once_each(unknown, "too many sessions"),
        once_each(FaultKind::Reset, "CloudWatch closed it"),
        once_each(FaultKind::LostAnswer, "end of stream"),
    );
}

/// The tail gets no time for a while, as a stopped process: what it then finds in its socket is old.
#[tokio::test(flavor = "multi_thread")]
async fn a_tail_that_was_stopped_reads_from_where_it_stopped() {
    let chat = chat().await;
    let (stop, stopped) = std::sync::mpsc::channel::<std::sync::mpsc::Receiver<()>>();
    let (say, mut said) = tokio::sync::mpsc::unbounded_channel();
    let chat = Arc::new(chat);
    let beside = Arc::clone(&chat);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(async {
            let mut tail = tail(&beside);
            while let Some(item) = tail.recv().await {
                if let TailItem::Event(event) = item.unwrap() {
                    let _ = say.send(event.message);
                    if let Ok(go_on) = stopped.try_recv() {
                        let _ = go_on.recv();
                    }
                }
            }
        });
    });
    sessions(&chat, 1).await;
    let (go_on, wait) = std::sync::mpsc::channel();
    stop.send(wait).unwrap();
    chat.write("function", &[(0, "before")]).await;
    assert_eq!(said.recv().await.as_deref(), Some("before"));
    // Updates wait in the socket when the session ends.
    tokio::time::sleep(Duration::from_millis(2_200)).await;
    chat.world.cloud.cut_live_tails();
    until("the session is over", || chat.world.cloud.live_tails() == 0).await;
    chat.write("function", &[(0, "while it was stopped")]).await;
    tokio::time::sleep(4 * SHORT).await;
    go_on.send(()).unwrap();
    let next = timeout(Duration::from_secs(30), said.recv()).await;
    assert_eq!(next.unwrap().as_deref(), Some("while it was stopped"));
}
