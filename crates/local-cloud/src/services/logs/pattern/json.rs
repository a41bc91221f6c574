//! Patterns for JSON messages: `{ $.level = "ERROR" && ($.code >= 500 || $.path = "/api*") }`.

use serde_json::{Map, Value};

use super::condition::{Condition, check_regexes, number};
use super::lexer::{Language, Token, Tokens, refused};
use super::path::{PathStep, select};
use crate::services::logs::invalid;
use crate::wire::ServiceError;

const WILDCARD_SELECTORS: usize = 3;

#[derive(Debug, Clone)]
pub(super) enum Expression {
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Test(Vec<PathStep>, Test),
}

#[derive(Debug, Clone)]
pub(super) enum Test {
    Compare(Condition),
    IsTrue,
    IsFalse,
    IsNull,
    NotExists,
}

/// Parses what stands between the braces.
pub(super) fn parse(inside: &str) -> Result<Expression, ServiceError> {
    let mut tokens = Tokens::read(inside, Language::Json)?;
    let expression = or(&mut tokens)?;
    if !tokens.done() {
        return Err(refused());
    }
    let mut tests = Vec::new();
    expression.tests(&mut tests);
    check_wildcards(&tests)?;
    check_regexes(tests.iter().filter_map(|(_, test)| match test {
        Test::Compare(condition) => Some(condition),
        _ => None,
    }))?;
    Ok(expression)
}

fn or(tokens: &mut Tokens) -> Result<Expression, ServiceError> {
    let mut left = and(tokens)?;
    while tokens.eat("||") {
        left = Expression::Or(Box::new(left), Box::new(and(tokens)?));
    }
    Ok(left)
}

fn and(tokens: &mut Tokens) -> Result<Expression, ServiceError> {
    let mut left = unit(tokens)?;
    while tokens.eat("&&") {
        left = Expression::And(Box::new(left), Box::new(unit(tokens)?));
    }
    Ok(left)
}

fn unit(tokens: &mut Tokens) -> Result<Expression, ServiceError> {
    if tokens.eat("(") {
        let inner = or(tokens)?;
        return if tokens.eat(")") {
            Ok(inner)
        } else {
            Err(refused())
        };
    }
    match tokens.next() {
        Some(Token::Path(path)) => Ok(Expression::Test(path, test(tokens)?)),
        _ => Err(refused()),
    }
}

fn test(tokens: &mut Tokens) -> Result<Test, ServiceError> {
    let words = [
        ("IS TRUE", Test::IsTrue),
        ("IS FALSE", Test::IsFalse),
        ("IS NULL", Test::IsNull),
        ("NOT EXISTS", Test::NotExists),
    ];
    for (words, test) in words {
        if tokens.eat_words(words) {
            return Ok(test);
        }
    }
    let condition = Condition::read(tokens)?;
    condition.map(Test::Compare).ok_or_else(refused)
}

fn check_wildcards(tests: &[(&[PathStep], &Test)]) -> Result<(), ServiceError> {
    let wildcards = |path: &[PathStep]| path.iter().filter(|s| **s == PathStep::Any).count();
    if tests.iter().any(|(path, _)| wildcards(path) > 1) {
        return Err(invalid(
            "Your filter pattern has a JSON path selector that exceeds the maximum of 1 wildcard allowed per json selector.",
        ));
    }
    if tests.iter().filter(|(path, _)| wildcards(path) > 0).count() > WILDCARD_SELECTORS {
        return Err(invalid(format!(
            "Your input has exceeded the maximum of {WILDCARD_SELECTORS} JSON wildcard selectors allowed per filter pattern."
        )));
    }
    Ok(())
}

impl Expression {
    fn tests<'a>(&'a self, out: &mut Vec<(&'a [PathStep], &'a Test)>) {
        match self {
            Self::And(left, right) | Self::Or(left, right) => {
                left.tests(out);
                right.tests(out);
            }
            Self::Test(path, test) => out.push((path, test)),
        }
    }

    /// Whether a message matches: only one that is a JSON object can.
    pub(super) fn matches(&self, message: &str) -> bool {
        let object = serde_json::from_str::<Map<String, Value>>(message);
        object.is_ok_and(|object| self.holds(&Value::Object(object)))
    }

    fn holds(&self, value: &Value) -> bool {
        match self {
            Self::And(left, right) => left.holds(value) && right.holds(value),
            Self::Or(left, right) => left.holds(value) || right.holds(value),
            Self::Test(path, test) => test.holds(&select(path, value)),
        }
    }
}

impl Test {
    fn holds(&self, found: &[&Value]) -> bool {
        match self {
            Self::NotExists => found.is_empty(),
            Self::IsTrue => found.contains(&&Value::Bool(true)),
            Self::IsFalse => found.contains(&&Value::Bool(false)),
            Self::IsNull => found.iter().any(|value| is_null(value)),
            Self::Compare(condition) => found.iter().any(|value| compares(condition, value)),
        }
    }
}

/// A list with a null in it counts, as recorded.
fn is_null(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.contains(&Value::Null),
        other => other.is_null(),
    }
}

/// Only texts and numbers compare; nothing else is equal or unequal to anything.
fn compares(condition: &Condition, value: &Value) -> bool {
    match value {
        Value::String(text) => condition.holds(text, None),
        Value::Number(it) => {
            let text = it.to_string();
            condition.holds(&text, number(&text))
        }
        _ => false,
    }
}
