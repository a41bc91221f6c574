//! The operations of AWS by name: which one a request means, and whether the local cloud has it.
//!
//! `operations.txt` is the only list. The router looks an operation up there before it calls a service: one that
//! is marked as missing is answered with 501. `/_chatctl/operations` shows those that are marked as present, and
//! the tests in `tests/outside` call each of them. Services dispatch by these names, and faults and the list of
//! calls use them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use http::Method;

static TABLE: LazyLock<Vec<Operation>> =
    LazyLock::new(|| parse(include_str!("operations.txt")).collect());

/// One line of the table.
#[derive(Debug)]
struct Operation {
    is_here: bool,
    service: &'static str,
    name: &'static str,
    address: Option<Address>,
}

/// Method and path of an operation of a REST service.
#[derive(Debug)]
struct Address {
    method: &'static str,
    /// `{}` is any segment.
    segments: Vec<&'static str>,
    /// A pair that must be in the query, such as `mode=import`.
    query: Option<&'static str>,
}

/// The service and operation of a REST request, if the table has it.
pub(crate) fn rest(
    method: &Method,
    path: &str,
    query: &str,
) -> Option<(&'static str, &'static str)> {
    let parts = segments(path);
    let fits = |operation: &&Operation| {
        let address = operation.address.as_ref();
        address.is_some_and(|address| address.fits(method, &parts, query))
    };
    // Some addresses differ in their query alone.
    let queried = |operation: &&Operation| {
        let address = operation.address.as_ref();
        address.is_some_and(|address| address.query.is_some())
    };
    let found = TABLE.iter().filter(queried).find(fits);
    let found = found.or_else(|| TABLE.iter().find(fits))?;
    Some((found.service, found.name))
}

/// Whether the local cloud has the operation.
pub(crate) fn is_here(service: &str, name: &str) -> bool {
    let wanted = |one: &Operation| one.is_here && one.service == service && one.name == name;
    TABLE.iter().any(wanted)
}

/// Everything the local cloud has, by service.
pub(crate) fn here() -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for operation in TABLE.iter().filter(|operation| operation.is_here) {
        all.entry(operation.service)
            .or_default()
            .push(operation.name);
    }
    all
}

/// The service that a path belongs to, even if its operation is not in the table.
pub(crate) fn service(path: &str) -> Option<&'static str> {
    let dated =
        |part: &str| part.len() == 10 && part.starts_with("20") && part.as_bytes()[4] == b'-';
    let first = segments(path).first().copied()?;
    if dated(first) {
        return Some("lambda");
    }
    let known = TABLE.iter().find(|operation| {
        let address = operation.address.as_ref();
        address.is_some_and(|address| address.segments.first() == Some(&first))
    });
    known.map(|operation| operation.service)
}

fn parse(text: &'static str) -> impl Iterator<Item = Operation> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| {
        let mut words = line.split(' ');
        let is_here = words.next()? == "+";
        let (service, name) = (words.next()?, words.next()?);
        let address = words.next().zip(words.next());
        let address = address.map(|(method, place)| Address::new(method, place));
        Some(Operation {
            is_here,
            service,
            name,
            address,
        })
    })
}

impl Address {
    fn new(method: &'static str, place: &'static str) -> Self {
        let (path, query) = match place.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (place, None),
        };
        Self {
            method,
            segments: segments(path),
            query,
        }
    }

    fn fits(&self, method: &Method, parts: &[&str], query: &str) -> bool {
        let same = |(pattern, part): (&&str, &&str)| *pattern == "{}" || pattern == part;
        self.method == method.as_str()
            && self.segments.len() == parts.len()
            && self.segments.iter().zip(parts).all(same)
            && self
                .query
                .is_none_or(|wanted| query.split('&').any(|pair| pair == wanted))
    }
}

/// One slash at the end is passed over; an empty segment in the middle is a segment.
fn segments(path: &str) -> Vec<&str> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rest_requests_have_the_names_of_the_models() {
        let name = |method: Method, path| rest(&method, path, "").map(|found| found.1);
        assert_eq!(name(Method::POST, "/v2/apis"), Some("CreateApi"));
        assert_eq!(
            name(Method::PATCH, "/v2/apis/a1/stages/prod"),
            Some("UpdateStage")
        );
        assert_eq!(
            name(Method::GET, "/2015-03-31/functions/"),
            Some("ListFunctions")
        );
        let policy = "/2015-03-31/functions/chat/policy/s1";
        assert_eq!(name(Method::DELETE, policy), Some("RemovePermission"));
        let tags = "/v2/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fapis%2Fa1";
        assert_eq!(name(Method::GET, tags), Some("GetTags"));
        assert_eq!(name(Method::GET, "/nothing"), None);
    }

    #[test]
    fn a_query_tells_two_operations_of_one_path_apart() {
        let name = |query| rest(&Method::POST, "/restapis", query).map(|found| found.1);
        assert_eq!(name(""), Some("CreateRestApi"));
        assert_eq!(name("mode=import"), Some("ImportRestApi"));
    }

    #[test]
    fn every_line_of_the_table_is_read_and_stands_there_once() {
        let text = include_str!("operations.txt");
        let lines = text.lines().filter(|line| line.starts_with(['+', '-']));
        let mut lines: Vec<_> = lines.map(|line| &line[2..]).collect();
        assert_eq!(lines.len(), TABLE.len());
        lines.sort_unstable();
        lines.dedup();
        assert_eq!(lines.len(), TABLE.len());
        assert!(is_here("iam", "CreateRole") && !is_here("iam", "CreateUser"));
        assert!(
            !is_here("lambda", "CreateCapacityProvider") && here()["lambda"].contains(&"Invoke")
        );
        assert_eq!(service("/v2/nothing/of/this"), Some("apigatewayv2"));
        assert_eq!(service("/2099-01-01/future"), Some("lambda"));
    }
}
