//! The tokens of a filter pattern, and the words with which AWS refuses a character.
//!
//! AWS reads a whole pattern into tokens before it looks at their order, so a wrong character is what it
//! complains about, wherever it stands. Its complaint quotes the token up to and with that character.
//! Recorded: radkawar/stackd testdata/aws/logs/filters.json.

use std::collections::VecDeque;

use crate::services::logs::invalid;
use crate::wire::ServiceError;

use super::path::PathStep;

/// One token.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Sign(&'static str),
    Word(String),
    /// Between double quotes, without them and without escapes.
    Quoted(String),
    /// Between percent signs, without them.
    Regex(String),
    Path(Vec<PathStep>),
}

/// Which of the three languages is read: they differ in their signs and in what a word may have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Language {
    Terms,
    Json,
    Fields,
}

impl Language {
    /// Longer signs before those that they begin with.
    fn signs(self) -> &'static [&'static str] {
        match self {
            Self::Terms => &["?", "-"],
            Self::Json => &["(", ")", "&&", "||", "!=", "<=", ">=", "=", "<", ">"],
            Self::Fields => &["...", ",", "&&", "||", "!=", "<=", ">=", "=", "<", ">"],
        }
    }

    /// Uncertain: which signs AWS takes in a word of a JSON or field pattern besides those of numbers,
    /// addresses and host names, and whether letters may be other than ASCII.
    fn in_word(self, character: char) -> bool {
        let signs = if self == Self::Terms { "_" } else { "_.*+-" };
        character.is_alphanumeric() || signs.contains(character)
    }
}

/// The tokens that are still to be read.
#[derive(Debug)]
pub(super) struct Tokens(VecDeque<Token>);

impl Tokens {
    /// Reads a whole pattern, without the braces or brackets around it.
    pub(super) fn read(text: &str, language: Language) -> Result<Self, ServiceError> {
        let mut lexer = Lexer {
            rest: text.trim_start(),
            language,
        };
        let mut tokens = VecDeque::new();
        while !lexer.rest.is_empty() {
            tokens.push_back(lexer.token()?);
            lexer.rest = lexer.rest.trim_start();
        }
        Ok(Self(tokens))
    }

    pub(super) fn next(&mut self) -> Option<Token> {
        self.0.pop_front()
    }

    pub(super) fn done(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes the sign if it is next.
    pub(super) fn eat(&mut self, sign: &'static str) -> bool {
        let found = self.0.front() == Some(&Token::Sign(sign));
        if found {
            self.0.pop_front();
        }
        found
    }

    /// Takes these words if they are next.
    pub(super) fn eat_words(&mut self, words: &str) -> bool {
        let wanted = words
            .split(' ')
            .map(|word| Token::Word(word.to_owned()))
            .collect::<Vec<_>>();
        let found = self.0.iter().take(wanted.len()).eq(&wanted);
        if found {
            self.0.drain(..wanted.len());
        }
        found
    }

    /// The regular expression, if it is all that there is.
    pub(super) fn only_regex(&self) -> Option<&str> {
        match self.0.front() {
            Some(Token::Regex(text)) if self.0.len() == 1 => Some(text),
            _ => None,
        }
    }
}

struct Lexer<'a> {
    rest: &'a str,
    language: Language,
}

impl Lexer<'_> {
    fn token(&mut self) -> Result<Token, ServiceError> {
        match self.rest.chars().next() {
            Some('"') => self.quoted().map(Token::Quoted),
            Some('%') => self.regex().map(Token::Regex),
            Some('$') if self.language == Language::Json => self.path().map(Token::Path),
            _ => self.sign_or_word(),
        }
    }

    fn sign_or_word(&mut self) -> Result<Token, ServiceError> {
        let language = self.language;
        let word = self.length(|character| language.in_word(character));
        let signs = self.language.signs();
        let sign = signs.iter().find(|sign| self.rest.starts_with(**sign));
        match sign {
            Some(&"...") if word > 3 => Err(bad_characters(&self.rest[..word])),
            Some(sign) => {
                self.take(sign.len());
                Ok(Token::Sign(sign))
            }
            None if word > 0 => {
                let word = self.take(word);
                self.check_end_of_term()?;
                Ok(Token::Word(word))
            }
            None => {
                let first = self.rest.chars().next().unwrap_or_default();
                // `!(` is the beginning of no `!=`; other characters begin nothing.
                let begins = signs.iter().any(|sign| sign.starts_with(first));
                Err(self.bad_character(if begins { first.len_utf8() } else { 0 }))
            }
        }
    }

    /// Uncertain: whether AWS would take `a-b` for two terms. A sign in a term needs quotes, says the guide.
    fn check_end_of_term(&self) -> Result<(), ServiceError> {
        let ends = self.rest.is_empty() || self.rest.starts_with(char::is_whitespace);
        if ends || self.language != Language::Terms {
            return Ok(());
        }
        Err(self.bad_character(0))
    }

    fn quoted(&mut self) -> Result<String, ServiceError> {
        let mut text = String::new();
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.take(at + 1);
                    return Ok(text);
                }
                '\\' => match characters.next() {
                    Some((_, escaped @ ('"' | '\\'))) => text.push(escaped),
                    Some((_, other)) => text.extend(['\\', other]),
                    None => break,
                },
                other => text.push(other),
            }
        }
        Err(bad_characters(self.rest))
    }

    /// Up to the next percent sign: letters, digits and the signs that the guide lists, which leave out
    /// spaces and parentheses (CloudWatch Logs guide, "Supported regular expressions (regex) syntax").
    fn regex(&mut self) -> Result<String, ServiceError> {
        let fine = |c: char| c.is_ascii_alphanumeric() || ":_#=@/;,-^$?[]{}|\\*+.".contains(c);
        let end = self.rest[1..].find(|c| !fine(c)).map(|end| end + 1);
        match end {
            Some(end) if self.rest[end..].starts_with('%') => {
                let text = self.rest[1..end].to_owned();
                self.take(end + 1);
                Ok(text)
            }
            Some(end) => Err(self.bad_character(end)),
            None => Err(bad_characters(self.rest)),
        }
    }

    /// A selector such as `$.a['b.c'][0]`: each part is a token of AWS's, so each is complained about alone.
    fn path(&mut self) -> Result<Vec<PathStep>, ServiceError> {
        if !self.rest.starts_with("$.") {
            return Err(self.bad_character(1));
        }
        let mut steps = vec![self.member(2)?];
        loop {
            if self.rest.starts_with('.') {
                steps.push(self.member(1)?);
            } else if self.rest.starts_with('[') {
                steps.push(self.item()?);
            } else {
                return Ok(steps);
            }
        }
    }

    /// A member's name after so many bytes: plain, any (`*`), or quoted in brackets.
    fn member(&mut self, start: usize) -> Result<PathStep, ServiceError> {
        let after = &self.rest[start..];
        if after.starts_with('*') {
            self.take(start + 1);
            return Ok(PathStep::Any);
        }
        for (open, close) in [("['", "']"), ("[\"", "\"]")] {
            if let Some(quoted) = after.strip_prefix(open) {
                let end = quoted
                    .find(close)
                    .ok_or_else(|| bad_characters(self.rest))?;
                let name = quoted[..end].to_owned();
                self.take(start + open.len() + end + close.len());
                return Ok(PathStep::Member(name));
            }
        }
        let fine = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
        match after.find(|c| !fine(c)).unwrap_or(after.len()) {
            0 => Err(self.bad_character(start)),
            end => {
                let name = after[..end].to_owned();
                self.take(start + end);
                Ok(PathStep::Member(name))
            }
        }
    }

    /// `[0]` or `[*]`.
    fn item(&mut self) -> Result<PathStep, ServiceError> {
        let inside = &self.rest[1..];
        let digits = inside
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(inside.len());
        let length = if inside.starts_with('*') { 1 } else { digits };
        if length == 0 || !inside[length..].starts_with(']') {
            return Err(self.bad_character(1 + length));
        }
        let step = match &inside[..length] {
            "*" => PathStep::Any,
            number => PathStep::Item(number.parse().map_err(|_| refused())?),
        };
        self.take(length + 2);
        Ok(step)
    }

    fn length(&self, wanted: impl Fn(char) -> bool) -> usize {
        self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len())
    }

    fn take(&mut self, bytes: usize) -> String {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        taken.to_owned()
    }

    /// The complaint about the character that stands after so many bytes of a token.
    fn bad_character(&self, bytes: usize) -> ServiceError {
        let next = self.rest[bytes..].chars().next();
        bad_characters(&self.rest[..bytes + next.map_or(0, char::len_utf8)])
    }
}

/// AWS's words for a token that it cannot read, or does not expect.
pub(super) fn bad_characters(term: &str) -> ServiceError {
    invalid(format!("Invalid character(s) in term '{term}'"))
}

/// AWS's words for tokens in the wrong order.
pub(super) fn refused() -> ServiceError {
    invalid("Invalid filter pattern")
}
