//! Space-delimited fields: `[ip, user, status = 4*, ...]`.

use super::parser::Parser;
use super::{Comparison, Pattern, compare, refused};
use crate::wire::ServiceError;

/// What one field of a space-delimited message must be: all or any of the comparisons.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::services::logs) struct FieldTest {
    all: bool,
    compares: Vec<(Comparison, String)>,
}

pub(super) fn fields(inside: &str) -> Result<Pattern, ServiceError> {
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

fn field_test(part: &str) -> Result<FieldTest, ServiceError> {
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
pub(super) fn split_fields(message: &str) -> Vec<&str> {
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

pub(super) fn fields_match(tests: &[FieldTest], ellipsis: Option<usize>, fields: &[&str]) -> bool {
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
        let one = |(order, wanted): &(Comparison, String)| compare(*order, field, wanted);
        self.compares.is_empty()
            || if self.all {
                self.compares.iter().all(one)
            } else {
                self.compares.iter().any(one)
            }
    }
}
