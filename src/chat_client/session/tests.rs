//! Sessions with a clock of their own.

use super::super::typed::Typed;
use super::*;

/// A session with a clock of its own.
struct At {
    session: Session,
    now: Instant,
}

impl At {
    fn new(name: Option<&str>, scripted: bool) -> Self {
        Self {
            session: Session::new(name.map(str::to_owned), scripted),
            now: Instant::now(),
        }
    }

    fn opened(&mut self) -> Vec<Do> {
        self.session.opened(self.now)
    }

    fn typed(&mut self, line: &str) -> Vec<Do> {
        self.session.typed(Typed::parse(line), self.now)
    }

    fn frame(&mut self, frame: &str) -> Vec<Do> {
        self.session.frame(&Frame::parse(frame), self.now)
    }

    fn after(&mut self, seconds: u64) -> Vec<Do> {
        self.now += Duration::from_secs(seconds);
        self.session.tick(self.now)
    }
}

fn set_name(name: &str) -> Do {
    Do::Send(json!({"action": "setName", "name": name}))
}

fn public(message: &str) -> Do {
    Do::Send(json!({"action": "sendPublic", "message": message}))
}

#[test]
fn a_message_typed_after_a_name_waits_until_the_name_is_taken() {
    let mut at = At::new(Some("Alice"), false);
    assert_eq!(at.opened(), [set_name("Alice")]);
    assert_eq!(at.typed("hi"), []);
    assert_eq!(
        at.frame(r#"{"systemMessage":"Bob has joined the chat","joined":["Bob"]}"#),
        []
    );
    assert_eq!(
        at.frame(r#"{"systemMessage":"Alice has joined the chat"}"#),
        [public("hi")]
    );
    assert_eq!(at.session.name(), Some("Alice"));
}

#[test]
fn a_refused_name_lets_the_rest_go_on() {
    let mut at = At::new(Some("a:b"), false);
    at.opened();
    at.typed("hi");
    assert_eq!(
        at.frame(r#"{"error":{"code":"bad_name","message":"no"}}"#),
        [public("hi")]
    );
    assert_eq!(at.session.name(), None);
}

#[test]
fn silence_about_a_name_ends_the_waiting_after_ten_seconds() {
    let mut at = At::new(Some("Alice"), false);
    at.opened();
    at.typed("hi");
    assert_eq!(at.after(9), []);
    assert_eq!(at.after(2), [public("hi")]);
}

#[test]
fn a_name_that_the_chat_writes_plainer_is_still_ours() {
    let mut at = At::new(Some(" Ａｌｉｃｅ "), false);
    at.opened();
    at.frame(r#"{"members":["Alice"]}"#);
    assert_eq!(at.session.name(), Some("Alice"));
}

#[test]
fn after_a_reconnect_the_name_is_asked_for_until_it_is_free() {
    let mut at = At::new(Some("Alice"), false);
    at.opened();
    at.frame(r#"{"members":["Alice"]}"#);
    at.session.lost();
    assert!(matches!(at.typed("kept")[..], [Do::Note(_)]));
    assert_eq!(at.opened(), [set_name("Alice")]);
    assert!(matches!(
        at.frame(r#"{"error":{"code":"name_taken","message":"no"}}"#)[..],
        [Do::Note(_)]
    ));
    assert_eq!(at.after(8), [set_name("Alice")]);
    assert_eq!(at.frame(r#"{"members":["Alice"]}"#), [public("kept")]);
}

#[test]
fn a_name_that_somebody_else_has_is_not_asked_for_again() {
    let mut at = At::new(Some("Alice"), false);
    at.opened();
    assert_eq!(
        at.frame(r#"{"error":{"code":"name_taken","message":"no"}}"#),
        []
    );
    assert_eq!(at.after(60), []);
    assert_eq!(at.typed("/name Bea"), [set_name("Bea")]);
}

#[test]
fn a_script_waits_for_each_echo_and_for_the_last_delivery() {
    let mut at = At::new(Some("Alice"), true);
    for line in ["one", "two", "/msg Bob three", "/quit"] {
        at.typed(line);
    }
    at.opened();
    assert_eq!(at.frame(r#"{"members":["Alice"]}"#), [public("one")]);
    assert_eq!(at.frame(r#"{"publicMessage":"Alicent: one"}"#), []);
    assert_eq!(
        at.frame(r#"{"publicMessage":"Alice: one"}"#),
        [public("two")]
    );
    let private = Do::Send(json!({"action": "sendPrivate", "to": "Bob", "message": "three"}));
    let shown = Do::ShowWhisper {
        to: "Bob".into(),
        text: "three".into(),
    };
    let ping = Do::Send(json!({"action": "ping"}));
    assert_eq!(
        at.frame(r#"{"publicMessage":"Alice: two"}"#),
        [private, shown, ping]
    );
    assert_eq!(at.frame(r#"{"pong":1}"#), [Do::Quit]);
}

#[test]
fn a_script_stays_below_the_rate_that_the_chat_refuses() {
    let mut at = At::new(None, true);
    at.opened();
    let mut sent = Vec::new();
    let mut note = |todo: Vec<Do>, now| {
        sent.extend(
            todo.iter()
                .filter(|one| matches!(one, Do::Send(_)))
                .map(|_| now),
        );
    };
    for n in 0..30 {
        let todo = at.typed(&format!("/msg Bob {n}"));
        note(todo, at.now);
    }
    while let Some(wake) = at.session.deadline() {
        at.now = at.now.max(wake);
        let todo = at.session.tick(at.now);
        note(todo, at.now);
    }
    assert_eq!(sent.len(), 30);
    for window in sent.windows(11) {
        assert!(window[10] - window[0] > Duration::from_secs(10));
    }
}

#[test]
fn members_follow_lists_pages_joins_leaves_and_renames() {
    let mut at = At::new(None, false);
    at.opened();
    at.frame(r#"{"members":["Bob"],"page":1,"pages":2,"id":"m1"}"#);
    at.frame(r#"{"members":["alice"],"page":2,"pages":2,"id":"m1"}"#);
    at.frame(r#"{"systemMessage":"x","joined":["Cy"]}"#);
    at.frame(r#"{"systemMessage":"x","left":["Bob"]}"#);
    at.frame(r#"{"systemMessage":"x","renamed":{"from":"Cy","to":"Dee"}}"#);
    let names = ["alice", "Dee"].map(str::to_owned).to_vec();
    assert_eq!(at.typed("/members"), [Do::ShowMembers(names)]);
}

#[test]
fn a_frame_delivered_twice_is_new_once() {
    let mut at = At::new(None, false);
    let frame = Frame::parse(r#"{"publicMessage":"A: hi","id":"m1"}"#);
    assert!(at.session.is_new(&frame));
    assert!(!at.session.is_new(&frame));
}
