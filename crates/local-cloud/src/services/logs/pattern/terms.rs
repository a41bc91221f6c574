//! Patterns of terms: `ERROR "two words" -debug`, `?ERROR ?WARN`.
//!
//! A term counts wherever it occurs, also inside of a word. Optional terms (`?`) count only where there are
//! no others: beside a term that must occur, or must not, they are ignored, as recorded.

use super::condition::compile;
use super::lexer::{Language, Token, Tokens, bad_characters, refused};
use crate::wire::ServiceError;

#[derive(Debug, Clone, Default)]
pub(super) struct Terms {
    all: Vec<String>,
    any: Vec<String>,
    none: Vec<String>,
}

/// Terms, or one regular expression.
#[derive(Debug, Clone)]
pub(super) enum Unstructured {
    Terms(Terms),
    Regex(regex::Regex),
}

pub(super) fn parse(text: &str) -> Result<Unstructured, ServiceError> {
    let mut tokens = Tokens::read(text, Language::Terms)?;
    if let Some(text) = tokens.only_regex() {
        return compile(text).map(Unstructured::Regex);
    }
    let mut terms = Terms::default();
    while !tokens.done() {
        let list = if tokens.eat("?") {
            &mut terms.any
        } else if tokens.eat("-") {
            &mut terms.none
        } else {
            &mut terms.all
        };
        list.push(term(&mut tokens)?);
    }
    Ok(Unstructured::Terms(terms))
}

fn term(tokens: &mut Tokens) -> Result<String, ServiceError> {
    match tokens.next() {
        Some(Token::Quoted(term)) if term.is_empty() => Err(bad_characters("\"\"")),
        Some(Token::Word(term) | Token::Quoted(term)) => Ok(term),
        // Nobody has recorded what AWS makes of it.
        Some(Token::Regex(_)) => Err(ServiceError::not_here(
            "logs",
            "filtering by a regular expression beside other terms",
        )),
        _ => Err(refused()),
    }
}

impl Terms {
    pub(super) fn matches(&self, message: &str) -> bool {
        let has = |term: &String| message.contains(term.as_str());
        if self.all.is_empty() && self.none.is_empty() {
            return self.any.iter().any(has);
        }
        self.all.iter().all(has) && !self.none.iter().any(has)
    }
}
