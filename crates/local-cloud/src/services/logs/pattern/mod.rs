//! Filter patterns: terms, JSON selectors, and space-delimited fields.
//!
//! - `ERROR timeout`: both terms; `"two words"` is a phrase; `?a ?b` is either; `-a` must not occur.
//!   A term counts wherever it occurs. AWS does not document whether it must be a whole word; matching
//!   more is the safer choice in a search for errors.
//! - `{ $.level = "ERROR" && ($.code >= 500 || $.path = /api*) }` for JSON messages.
//! - `[time, id, level = ERROR, ...]` for messages of fields.
//! - `%ERR(OR)?%`: a regular expression between percent signs.

mod fields;
mod json;
mod parser;

use serde_json::Value;

use self::fields::{FieldTest, fields, fields_match, split_fields};
use self::json::Expression;
use self::parser::Parser;
use super::invalid;
use crate::wire::ServiceError;

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

impl Pattern {
    /// Parses a pattern; refuses one that AWS would refuse.
    pub(super) fn parse(text: &str) -> Result<Self, ServiceError> {
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

fn terms(text: &str) -> Result<Pattern, ServiceError> {
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
fn check_plain(term: &str) -> Result<(), ServiceError> {
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

fn refused() -> ServiceError {
    invalid("Invalid filter pattern")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

/// Numbers compare as numbers; texts are equal or not, with `*` for any run.
fn compare(order: Comparison, actual: &str, wanted: &str) -> bool {
    let numbers = (actual.parse::<f64>(), wanted.parse::<f64>());
    if let (Ok(actual), Ok(wanted)) = numbers {
        return match order {
            Comparison::Equal => (actual - wanted).abs() < f64::EPSILON,
            Comparison::NotEqual => (actual - wanted).abs() >= f64::EPSILON,
            Comparison::Less => actual < wanted,
            Comparison::LessEqual => actual <= wanted,
            Comparison::Greater => actual > wanted,
            Comparison::GreaterEqual => actual >= wanted,
        };
    }
    let equal = crate::services::iam::policy::glob(wanted, actual);
    match order {
        Comparison::Equal => equal,
        Comparison::NotEqual => !equal,
        _ => false,
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
