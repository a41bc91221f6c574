//! The chat page's loopback server. The page itself, in a real browser: tests/outside.

use chatctl::page::{self, PageServer};
use std::io::{Read, Write};
use std::net::TcpStream;

const CHAT: &str = "wss://abc.execute-api.eu-central-1.amazonaws.com/production";

/// A served page and the runtime that serves it.
struct Served {
    runtime: tokio::runtime::Runtime,
    server: PageServer,
    port: u16,
}

fn served() -> Served {
    served_by(|| page::serve(0, CHAT.into()))
}

fn served_by<F>(serve: impl FnOnce() -> F) -> Served
where
    F: Future<Output = chatctl::error::Result<PageServer>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let server = runtime.block_on(serve()).unwrap();
    let port = server
        .url()
        .trim_end_matches('/')
        .rsplit_once(':')
        .unwrap()
        .1
        .parse()
        .unwrap();
    Served {
        runtime,
        server,
        port,
    }
}

impl Served {
    /// Head and body of the answer.
    fn get(&self, path: &str, host: &str) -> (String, String) {
        self.ask("GET", path, host)
    }

    fn ask(&self, method: &str, path: &str, host: &str) -> (String, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

#[test]
fn every_file_that_the_page_names_is_served() {
    let page = served();
    let (head, html) = page.get("/", &page.host());
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let mut texts = vec![html];
    for path in [
        "/app.js",
        "/connection.js",
        "/log.js",
        "/notify.js",
        "/outbox.js",
        "/members.js",
        "/style.css",
        "/icon.svg",
    ] {
        let (head, text) = page.get(path, &page.host());
        assert!(head.starts_with("HTTP/1.1 200"), "{path}: {head}");
        assert!(
            head.contains("content-type: text/") || head.contains("image/svg+xml"),
            "{head}"
        );
        assert!(
            texts.iter().any(|other| other.contains(path)),
            "{path} is named nowhere"
        );
        texts.push(text);
    }
}

#[test]
fn the_endpoint_is_told_as_the_page_expects_it() {
    let page = served();
    let (head, body) = page.get("/get-ws-endpoint", &page.host());
    assert!(head.contains("content-type: application/json"), "{head}");
    let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(answer, serde_json::json!({ "endpoint": CHAT }));
}

#[test]
fn a_chat_that_moves_is_found_at_its_new_address_and_one_that_is_gone_is_not() {
    let place = std::sync::Arc::new(std::sync::Mutex::new(Some(CHAT.to_owned())));
    let asked = std::sync::Arc::clone(&place);
    let page = served_by(|| page::serve_moving(0, CHAT, move || asked.lock().unwrap().clone()));
    let ask = |now: Option<&str>| {
        *place.lock().unwrap() = now.map(str::to_owned);
        page.get("/get-ws-endpoint", &page.host())
    };
    assert!(ask(Some(CHAT)).1.contains(CHAT));
    let moved = CHAT.replace("abc", "def");
    assert!(ask(Some(&moved)).1.contains(&moved));
    let (head, body) = ask(None);
    assert!(head.starts_with("HTTP/1.1 503"), "{head}");
    assert!(body.contains("no chat is deployed here"), "{body}");
    assert!(ask(Some(CHAT)).0.starts_with("HTTP/1.1 200"));
}

#[test]
fn a_foreign_host_name_gets_nothing() {
    let page = served();
    for host in [
        "chat.example.com".to_owned(),
        format!("evil.example.com:{}", page.port),
        "127.0.0.1:1".into(),
    ] {
        let (head, body) = page.get("/get-ws-endpoint", &host);
        assert!(head.starts_with("HTTP/1.1 421"), "{host}: {head}");
        assert!(!body.contains("endpoint"), "{body}");
    }
    let localhost = format!("localhost:{}", page.port);
    assert!(page.get("/", &localhost).0.starts_with("HTTP/1.1 200"));
}

#[test]
fn every_answer_carries_the_strict_policy() {
    let page = served();
    for path in ["/", "/app.js", "/get-ws-endpoint", "/nothing"] {
        let (head, _) = page.get(path, &page.host());
        for part in [
            "default-src 'none'",
            "script-src 'self';",
            "connect-src 'self' wss://abc.execute-api.eu-central-1.amazonaws.com;",
            "frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
        ] {
            assert!(head.contains(part), "{path} lacks {part}: {head}");
        }
        assert!(!head.contains("unsafe"), "{head}");
    }
}

#[test]
fn the_page_keeps_the_ids_that_scripts_know_and_brings_nothing_from_outside() {
    let page = served();
    let (_, html) = page.get("/", &page.host());
    for id in [
        "setNameBtn",
        "sendBtn",
        "disconnectBtn",
        "nameInput",
        "messageInput",
        "toInput",
        "chatBox",
        "membersList",
    ] {
        assert!(html.contains(&format!("id=\"{id}\"")), "{id}");
    }
    assert!(!html.contains("http://") && !html.contains("https://") && !html.contains(" style="));
}

#[test]
fn only_reading_is_possible_and_only_what_is_there() {
    let page = served();
    assert!(
        page.get("/etc/passwd", &page.host())
            .0
            .starts_with("HTTP/1.1 404")
    );
    assert!(
        page.ask("POST", "/get-ws-endpoint", &page.host())
            .0
            .starts_with("HTTP/1.1 405")
    );
}

#[test]
fn a_taken_port_is_an_error_with_a_way_out() {
    let page = served();
    let error = page
        .runtime
        .block_on(page::serve(page.port, CHAT.into()))
        .err()
        .unwrap();
    assert!(error.message().contains(&page.port.to_string()), "{error}");
    assert!(
        error
            .hints()
            .iter()
            .any(|hint| hint.contains("--page-port"))
    );
}

#[test]
fn stopping_gives_the_port_back_even_when_a_browser_holds_on() {
    // A test beside this one may take a port as soon as it is free, but not every time.
    assert!((0..5).any(|_| is_given_back()));
}

fn is_given_back() -> bool {
    let Served {
        runtime,
        server,
        port,
    } = served();
    let mut held = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(held, "GET / HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n").unwrap();
    assert!(held.read(&mut [0; 16]).unwrap() > 0);
    runtime.block_on(server.stop());
    runtime.block_on(page::serve(port, CHAT.into())).is_ok()
}
