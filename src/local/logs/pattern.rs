//! Filter patterns: terms, JSON selectors, and space-delimited fields.
//!
//! - `ERROR timeout`: both terms; `"two words"` is a phrase; `?a ?b` is either; `-a` must not occur.
//!   A term counts wherever it occurs. AWS does not document whether it must be a whole word; finding
//!   more is the safer choice for who looks for errors.
//! - `{ $.level = "ERROR" && ($.code >= 500 || $.path = /api*) }` for JSON messages.
//! - `[time, id, level = ERROR, ...]` for messages of fields.
//! - `%ERR(OR)?%`: a regular expression between percent signs.

use serde_json::Value;

use super::super::wire::Fault;
use super::invalid;

/// A parsed pattern.
#[derive(Debug, Clone)]
pub(super) enum Pattern {
    Everything,
    Terms {
        all: Vec<String>,
        any: Vec<String>,
        none: Vec<String>,
    },
    Json(Expression),
    Fields {
        tests: Vec<FieldTest>,
        ellipsis: Option<usize>,
    },
    Regex(regex::Regex),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Test(Vec<Step>, Test),
}

/// One step into a JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    Member(String),
    Item(usize),
    AnyItem,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Test {
    Compare(Order, String),
    IsTrue,
    IsFalse,
    IsNull,
    NotExists,
    Any,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

/// What one field of a space-delimited message must be: all or any of the comparisons.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FieldTest {
    all: bool,
    compares: Vec<(Order, String)>,
}

impl Pattern {
    /// Parses a pattern; refuses one that AWS would refuse.
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        if text.chars().count() > 1024 {
            return Err(invalid(
                "The filter pattern must have at most 1024 characters",
            ));
        }
        let text = text.trim();
        if text.is_empty() || text == "\" \"" {
            return Ok(Self::Everything);
        }
        if text.starts_with('%') && text.ends_with('%') && text.len() > 1 {
            return regex::Regex::new(&text[1..text.len() - 1])
                .map(Self::Regex)
                .map_err(|_| refused());
        }
        match (text.chars().next(), text.chars().last()) {
            (Some('{'), Some('}')) => {
                let mut parser = Parser::new(&text[1..text.len() - 1]);
                let expression = parser.or()?;
                if parser.done() {
                    Ok(Self::Json(expression))
                } else {
                    Err(refused())
                }
            }
            (Some('['), Some(']')) => fields(&text[1..text.len() - 1]),
            (Some('{' | '['), _) => Err(refused()),
            _ => terms(text),
        }
    }

    /// Whether a message matches.
    pub(super) fn matches(&self, message: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Regex(expression) => expression.is_match(message),
            Self::Terms { all, any, none } => {
                let has = |term: &String| message.contains(term.as_str());
                // Terms that must occur make the optional ones irrelevant.
                all.iter().all(has)
                    && !none.iter().any(has)
                    && (any.is_empty() || !all.is_empty() || any.iter().any(has))
            }
            Self::Json(expression) => {
                let value = message
                    .find('{')
                    .and_then(|start| serde_json::from_str(&message[start..]).ok());
                value.is_some_and(|value: Value| expression.holds(&value))
            }
            Self::Fields { tests, ellipsis } => {
                fields_match(tests, *ellipsis, &split_fields(message))
            }
        }
    }
}

fn terms(text: &str) -> Result<Pattern, Fault> {
    let (mut all, mut any, mut none) = (Vec::new(), Vec::new(), Vec::new());
    let mut rest = text;
    while !rest.is_empty() {
        let list = match rest.as_bytes()[0] {
            b'?' => &mut any,
            b'-' => &mut none,
            _ => &mut all,
        };
        if matches!(rest.as_bytes()[0], b'?' | b'-') {
            rest = &rest[1..];
        }
        let (term, after) = if let Some(quoted) = rest.strip_prefix('"') {
            let end = closing_quote(quoted).ok_or_else(refused)?;
            (unescape(&quoted[..end]), &quoted[end + 1..])
        } else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            check_plain(&rest[..end])?;
            (rest[..end].to_owned(), &rest[end..])
        };
        if term.is_empty() {
            return Err(refused());
        }
        list.push(term);
        rest = after.trim_start();
    }
    Ok(Pattern::Terms { all, any, none })
}

/// Without quotes a term has letters, digits and underscores; other characters need quotes.
fn check_plain(term: &str) -> Result<(), Fault> {
    let fine = |c: char| c.is_alphanumeric() || "_.:/*#=@$&^~!;'<>+|".contains(c);
    if term.chars().all(fine) {
        Ok(())
    } else {
        Err(refused())
    }
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(index, character)| {
        let closes = character == '"' && !escaped;
        escaped = character == '\\' && !escaped;
        closes.then_some(index)
    })
}

fn unescape(text: &str) -> String {
    text.replace("\\\"", "\"").replace("\\\\", "\\")
}

fn refused() -> Fault {
    invalid("Invalid filter pattern")
}

/// A recursive descent over the inside of `{ … }`.
#[derive(Debug)]
struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text.trim() }
    }

    fn done(&self) -> bool {
        self.rest.is_empty()
    }

    fn eat(&mut self, token: &str) -> bool {
        let head = self.rest.get(..token.len());
        let found = head.is_some_and(|head| head.eq_ignore_ascii_case(token));
        if found {
            self.rest = self.rest[token.len()..].trim_start();
        }
        found
    }

    fn or(&mut self) -> Result<Expression, Fault> {
        let mut left = self.and()?;
        while self.eat("||") {
            left = Expression::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expression, Fault> {
        let mut left = self.unit()?;
        while self.eat("&&") {
            left = Expression::And(Box::new(left), Box::new(self.unit()?));
        }
        Ok(left)
    }

    fn unit(&mut self) -> Result<Expression, Fault> {
        if self.eat("(") {
            let inner = self.or()?;
            return if self.eat(")") {
                Ok(inner)
            } else {
                Err(refused())
            };
        }
        let path = self.path()?;
        Ok(Expression::Test(path, self.test()?))
    }

    fn path(&mut self) -> Result<Vec<Step>, Fault> {
        self.rest = self.rest.strip_prefix('$').ok_or_else(refused)?;
        let mut steps = Vec::new();
        loop {
            if let Some(rest) = self.rest.strip_prefix('.') {
                let end = rest
                    .find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-')))
                    .unwrap_or(rest.len());
                if end == 0 {
                    return Err(refused());
                }
                steps.push(Step::Member(rest[..end].to_owned()));
                self.rest = &rest[end..];
            } else if let Some(rest) = self.rest.strip_prefix('[') {
                let end = rest.find(']').ok_or_else(refused)?;
                steps.push(bracket(&rest[..end])?);
                self.rest = &rest[end + 1..];
            } else {
                self.rest = self.rest.trim_start();
                return if steps.is_empty() {
                    Err(refused())
                } else {
                    Ok(steps)
                };
            }
        }
    }

    fn test(&mut self) -> Result<Test, Fault> {
        let words: [(&str, Test); 4] = [
            ("IS TRUE", Test::IsTrue),
            ("IS FALSE", Test::IsFalse),
            ("IS NULL", Test::IsNull),
            ("NOT EXISTS", Test::NotExists),
        ];
        for (word, test) in words {
            if self.eat(word) {
                return Ok(test);
            }
        }
        let order = self.order().ok_or_else(refused)?;
        let literal = self.literal()?;
        if order == Order::Equal && literal == "*" {
            return Ok(Test::Any);
        }
        Ok(Test::Compare(order, literal))
    }

    fn order(&mut self) -> Option<Order> {
        ORDERS
            .iter()
            .find(|(token, _)| self.eat(token))
            .map(|(_, order)| *order)
    }

    fn literal(&mut self) -> Result<String, Fault> {
        if let Some(rest) = self.rest.strip_prefix('"') {
            let end = closing_quote(rest).ok_or_else(refused)?;
            let text = unescape(&rest[..end]);
            self.rest = rest[end + 1..].trim_start();
            return Ok(text);
        }
        let end = self
            .rest
            .find(|c: char| c.is_whitespace() || matches!(c, '&' | '|' | ')' | ','))
            .unwrap_or(self.rest.len());
        let text = self.rest[..end].to_owned();
        self.rest = self.rest[end..].trim_start();
        if text.is_empty() {
            Err(refused())
        } else {
            Ok(text)
        }
    }
}

/// Longer tokens first.
const ORDERS: [(&str, Order); 6] = [
    ("!=", Order::NotEqual),
    ("<=", Order::LessEqual),
    (">=", Order::GreaterEqual),
    ("=", Order::Equal),
    ("<", Order::Less),
    (">", Order::Greater),
];

fn bracket(inside: &str) -> Result<Step, Fault> {
    let inside = inside.trim();
    if inside == "*" {
        return Ok(Step::AnyItem);
    }
    let quoted = inside.trim_matches(['"', '\'']);
    if quoted.len() < inside.len() {
        return Ok(Step::Member(quoted.to_owned()));
    }
    inside.parse().map(Step::Item).map_err(|_| refused())
}

impl Expression {
    fn holds(&self, value: &Value) -> bool {
        match self {
            Self::And(left, right) => left.holds(value) && right.holds(value),
            Self::Or(left, right) => left.holds(value) || right.holds(value),
            Self::Test(path, test) => test.holds(&select(path, value)),
        }
    }
}

fn select<'a>(path: &[Step], value: &'a Value) -> Vec<&'a Value> {
    path.iter().fold(vec![value], |found, step| {
        found
            .into_iter()
            .flat_map(|value| match step {
                Step::Member(name) => value.get(name).into_iter().collect::<Vec<_>>(),
                Step::Item(index) => value.get(index).into_iter().collect(),
                Step::AnyItem => value.as_array().into_iter().flatten().collect(),
            })
            .collect()
    })
}

impl Test {
    fn holds(&self, found: &[&Value]) -> bool {
        match self {
            Self::NotExists => found.is_empty(),
            Self::Any => !found.is_empty(),
            Self::IsTrue => found.contains(&&Value::Bool(true)),
            Self::IsFalse => found.contains(&&Value::Bool(false)),
            Self::IsNull => found.contains(&&Value::Null),
            Self::Compare(order, literal) => found.iter().any(|value| {
                let text = match value {
                    Value::String(text) => text.clone(),
                    Value::Object(_) | Value::Array(_) => return false,
                    other => other.to_string(),
                };
                compare(*order, &text, literal)
            }),
        }
    }
}

/// Numbers compare as numbers; texts are equal or not, with `*` for any run.
fn compare(order: Order, actual: &str, wanted: &str) -> bool {
    let numbers = (actual.parse::<f64>(), wanted.parse::<f64>());
    if let (Ok(actual), Ok(wanted)) = numbers {
        return match order {
            Order::Equal => (actual - wanted).abs() < f64::EPSILON,
            Order::NotEqual => (actual - wanted).abs() >= f64::EPSILON,
            Order::Less => actual < wanted,
            Order::LessEqual => actual <= wanted,
            Order::Greater => actual > wanted,
            Order::GreaterEqual => actual >= wanted,
        };
    }
    let equal = super::super::iam::policy::glob(wanted, actual);
    match order {
        Order::Equal => equal,
        Order::NotEqual => !equal,
        _ => false,
    }
}

fn fields(inside: &str) -> Result<Pattern, Fault> {
    let (mut tests, mut ellipsis) = (Vec::new(), None);
    for part in inside.split(',').map(str::trim) {
        if part == "..." {
            ellipsis = Some(tests.len());
        } else {
            tests.push(field_test(part)?);
        }
    }
    Ok(Pattern::Fields { tests, ellipsis })
}

fn field_test(part: &str) -> Result<FieldTest, Fault> {
    let all = !part.contains("||");
    let pieces = part.split(if all { "&&" } else { "||" });
    let mut compares = Vec::new();
    for piece in pieces {
        let name_end = piece.find(['=', '<', '>', '!']);
        let Some(start) = name_end else { continue };
        let mut parser = Parser::new(&piece[start..]);
        let order = parser.order().ok_or_else(refused)?;
        compares.push((order, parser.literal()?));
    }
    Ok(FieldTest { all, compares })
}

/// Words, with `"…"` and `[…]` as one field each.
fn split_fields(message: &str) -> Vec<&str> {
    let mut fields = Vec::new();
    let mut rest = message.trim();
    while !rest.is_empty() {
        let closing = match rest.as_bytes()[0] {
            b'"' => Some('"'),
            b'[' => Some(']'),
            _ => None,
        };
        let quoted = closing.and_then(|c| {
            rest[1..]
                .find(c)
                .map(|end| (&rest[1..=end], &rest[end + 2..]))
        });
        let (field, after) = quoted
            .unwrap_or_else(|| rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())));
        fields.push(field);
        rest = after.trim_start();
    }
    fields
}

fn fields_match(tests: &[FieldTest], ellipsis: Option<usize>, fields: &[&str]) -> bool {
    let enough = match ellipsis {
        Some(_) => fields.len() >= tests.len(),
        None => fields.len() == tests.len(),
    };
    let skipped = fields.len().saturating_sub(tests.len());
    enough
        && tests.iter().enumerate().all(|(index, test)| {
            let shift = if ellipsis.is_some_and(|at| index >= at) {
                skipped
            } else {
                0
            };
            test.holds(fields[index + shift])
        })
}

impl FieldTest {
    fn holds(&self, field: &str) -> bool {
        let one = |(order, wanted): &(Order, String)| compare(*order, field, wanted);
        self.compares.is_empty()
            || if self.all {
                self.compares.iter().all(one)
            } else {
                self.compares.iter().any(one)
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, message: &str) -> bool {
        Pattern::parse(pattern).unwrap().matches(message)
    }

    #[test]
    fn every_term_must_occur_and_excluded_ones_must_not() {
        assert!(matches("ERROR time", "ERROR: a time-out"));
        assert!(!matches("ERROR time", "ERROR: refused"));
        assert!(!matches("ERROR -refused", "ERROR: refused"));
        assert!(!matches("error", "ERROR"));
        assert!(matches("", "anything"));
    }

    #[test]
    fn either_of_optional_terms_is_enough() {
        assert!(matches("?ERROR ?WARN", "WARN: low"));
        assert!(!matches("?ERROR ?WARN", "INFO: fine"));
    }

    #[test]
    fn a_phrase_keeps_its_spaces_and_signs() {
        assert!(matches("\"in - time\"", "just in - time"));
        assert!(!matches("\"in time\"", "time in"));
        assert!(matches("-\"not this\" yes", "yes"));
    }

    #[test]
    fn a_regular_expression_stands_between_percent_signs() {
        assert!(matches("%ERR(OR)?[ :]%", "an ERROR: there"));
        assert!(!matches("%^ERR%", "an ERROR"));
    }

    #[test]
    fn json_selectors_reach_into_objects_and_lists() {
        let message =
            r#"{"level":"ERROR","code":503,"a":{"b":[{"c":"x"},{"c":"yes"}]},"ok":true,"n":null}"#;
        assert!(matches(
            r#"{ $.level = "ERROR" && $.code >= 500 }"#,
            message
        ));
        assert!(matches("{ $.level = ERR* }", message));
        assert!(matches(
            "{ ($.code = 1 || $.a.b[1].c = \"yes\") && $.ok IS TRUE }",
            message
        ));
        assert!(matches("{ $.a.b[*].c = x }", message));
        assert!(matches("{ $.n IS NULL && $.missing NOT EXISTS }", message));
        assert!(!matches("{ $.missing = 1 }", message));
        assert!(!matches("{ $.level != ERROR }", message));
        assert!(!matches("{ $.code = 503 }", "no json at all"));
    }

    #[test]
    fn fields_are_words_quotes_and_brackets() {
        let line =
            r#"127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index HTTP/1.0" 404 1534"#;
        assert!(matches(
            "[ip, user, name, time, request = GET*, status = 4*, bytes > 1000]",
            line
        ));
        assert!(matches("[..., status = 404, bytes]", line));
        assert!(!matches("[ip, status = 404]", line));
        assert!(matches("[ip = 127* || ip = 10*, ...]", line));
    }

    #[test]
    fn broken_patterns_are_refused() {
        for pattern in ["%(%", "{ $.a = ", "{ a = 1 }", "[a", "\"open", "a(b"] {
            assert_eq!(
                Pattern::parse(pattern).unwrap_err().message,
                "Invalid filter pattern",
                "{pattern}"
            );
        }
    }
}
