//! A recursive descent over JSON selectors, and over the comparisons of space-delimited fields.

use super::json::{Expression, PathStep, Test};
use super::{Comparison, closing_quote, refused, unescape};
use crate::wire::ServiceError;

/// A recursive descent over the inside of `{ … }`.
#[derive(Debug)]
pub(super) struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text.trim() }
    }

    pub(super) fn done(&self) -> bool {
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

    pub(super) fn or(&mut self) -> Result<Expression, ServiceError> {
        let mut left = self.and()?;
        while self.eat("||") {
            left = Expression::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expression, ServiceError> {
        let mut left = self.unit()?;
        while self.eat("&&") {
            left = Expression::And(Box::new(left), Box::new(self.unit()?));
        }
        Ok(left)
    }

    fn unit(&mut self) -> Result<Expression, ServiceError> {
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

    fn path(&mut self) -> Result<Vec<PathStep>, ServiceError> {
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
                steps.push(PathStep::Member(rest[..end].to_owned()));
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

    fn test(&mut self) -> Result<Test, ServiceError> {
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
        if order == Comparison::Equal && literal == "*" {
            return Ok(Test::Any);
        }
        Ok(Test::Compare(order, literal))
    }

    pub(super) fn order(&mut self) -> Option<Comparison> {
        ORDERS
            .iter()
            .find(|(token, _)| self.eat(token))
            .map(|(_, order)| *order)
    }

    pub(super) fn literal(&mut self) -> Result<String, ServiceError> {
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
const ORDERS: [(&str, Comparison); 6] = [
    ("!=", Comparison::NotEqual),
    ("<=", Comparison::LessEqual),
    (">=", Comparison::GreaterEqual),
    ("=", Comparison::Equal),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

fn bracket(inside: &str) -> Result<PathStep, ServiceError> {
    let inside = inside.trim();
    if inside == "*" {
        return Ok(PathStep::AnyItem);
    }
    let quoted = inside.trim_matches(['"', '\'']);
    if quoted.len() < inside.len() {
        return Ok(PathStep::Member(quoted.to_owned()));
    }
    inside.parse().map(PathStep::Item).map_err(|_| refused())
}
