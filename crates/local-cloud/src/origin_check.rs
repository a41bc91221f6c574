//! Refuses requests from web pages: the port is open to every program on this machine, browsers among them.
//!
//! A page of any site can make a browser send requests to a loopback port. Such a request carries the
//! site's `Origin`, or, after DNS rebinding, its `Host`. Neither is ever loopback, so both are checked. For
//! WebSocket handshakes only the `Host` is checked: which origins may connect is for the user's function to
//! decide.

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, HeaderValue};

/// Why a request is refused; `None` if it may pass.
pub(crate) fn refusal(headers: &HeaderMap, is_socket: bool) -> Option<&'static str> {
    let text = |name| {
        headers
            .get(name)
            .map(|value: &HeaderValue| value.to_str().unwrap_or("?"))
    };
    let host = text(HOST).map(host_name);
    if host.is_some_and(|host| !is_loopback(host) && !is_api(host)) {
        return Some("the local cloud answers to loopback names only");
    }
    let origin =
        text(ORIGIN).map(|origin| origin.split_once("://").map_or(origin, |(_, host)| host));
    if !is_socket && origin.is_some_and(|origin| !is_loopback(host_name(origin))) {
        return Some("the local cloud does not take requests from web pages of other sites");
    }
    None
}

/// Why a request to a Runtime API is refused. Its only clients are functions: they send no `Origin`, and know the
/// port by its address.
pub(crate) fn runtime_refusal(headers: &HeaderMap) -> Option<&'static str> {
    let is_local =
        |host: &HeaderValue| host.to_str().is_ok_and(|host| is_loopback(host_name(host)));
    if headers.get_all(HOST).iter().any(|host| !is_local(host)) {
        return Some("the Runtime API answers to loopback names only");
    }
    let is_page = headers.contains_key(ORIGIN);
    is_page.then_some("the Runtime API does not take requests from web pages")
}

/// Without the port, and without the brackets of an IPv6 address.
fn host_name(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(inside) => inside.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

/// An API's own host name on AWS, which a user can point at this machine. The end of the name decides: anyone
/// can own `x.execute-api.evil.example` and let it resolve to loopback.
fn is_api(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    host.contains(".execute-api.")
        && (host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn"))
}

/// Names that resolve to this machine. SDKs put `stream-` and the like before an endpoint's host.
fn is_loopback(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let host = host
        .strip_prefix("streaming-")
        .or(host.strip_prefix("stream-"))
        .unwrap_or(&host);
    host == "localhost"
        || host.ends_with(".localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(host: &str, origin: Option<&str>, is_socket: bool) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().unwrap());
        }
        refusal(&headers, is_socket).is_none()
    }

    #[test]
    fn a_page_of_another_site_cannot_drive_the_control_plane() {
        assert!(passes("127.0.0.1:4510", None, false));
        assert!(passes(
            "localhost:4510",
            Some("http://127.0.0.1:8080"),
            false
        ));
        assert!(!passes(
            "127.0.0.1:4510",
            Some("https://evil.example"),
            false
        ));
        assert!(!passes("127.0.0.1:4510", Some("null"), false));
        assert!(!passes("evil.example", None, false), "DNS rebinding");
        assert!(passes("LocalHost:4510", None, false));
        assert!(passes("[::1]:4510", Some("http://[::1]:8080"), false));
        assert!(!passes("127.0.0.1.evil.example", None, false));
    }

    #[test]
    fn the_socket_door_takes_any_origin_but_no_foreign_host() {
        assert!(passes("127.0.0.1:4510", Some("https://chat.example"), true));
        assert!(passes("a1.execute-api.us-east-1.amazonaws.com", None, true));
        assert!(!passes("evil.example", None, true));
        assert!(
            !passes("a1.execute-api.evil.example", None, true),
            "a name that looks like an API's can be anybody's"
        );
        assert!(passes("a1.execute-api.localhost:4510", None, true));
    }
}
