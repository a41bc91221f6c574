//! The line being typed, pure: bytes of a terminal go in, finished lines come out.
//!
//! Small on purpose: characters, erase a character, a word or the line, and that is it. Escape
//! sequences of other keys are swallowed whole, so that an arrow key types nothing.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Typing {
    /// The line is finished.
    Line(String),
    /// Ctrl-D on an empty line.
    End,
}

/// The line so far.
#[derive(Debug, Default)]
pub(super) struct Editor {
    text: String,
    partial: Vec<u8>,
    escape: Escape,
}

/// Where in an escape sequence the input is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Escape {
    #[default]
    Outside,
    Begun,
    Inside,
}

impl Editor {
    /// Takes what the terminal sent; a character may arrive in pieces.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<Typing> {
        self.partial.extend_from_slice(bytes);
        let mut out = Vec::new();
        for c in take_characters(&mut self.partial) {
            out.extend(self.character(c));
        }
        out
    }

    /// The end of the line, as much of it as fits into `columns`.
    pub(super) fn view(&self, columns: usize) -> &str {
        let mut start = self.text.len();
        let mut used = 0;
        for (at, c) in self.text.char_indices().rev() {
            used += c.width().unwrap_or(0);
            if used > columns {
                break;
            }
            start = at;
        }
        &self.text[start..]
    }

    fn character(&mut self, c: char) -> Option<Typing> {
        if self.is_escaping(c) {
            return None;
        }
        match c {
            '\r' | '\n' => return Some(Typing::Line(std::mem::take(&mut self.text))),
            '\u{4}' if self.text.is_empty() => return Some(Typing::End),
            '\u{7f}' | '\u{8}' => self.erase_character(),
            '\u{15}' => self.text.clear(),
            '\u{17}' => self.erase_word(),
            '\t' => self.text.push(' '),
            c if c.is_control() => {}
            c => self.text.push(c),
        }
        None
    }

    /// Swallows `ESC x`, `ESC O x` and `ESC [ … final`.
    fn is_escaping(&mut self, c: char) -> bool {
        let (next, swallowed) = match (self.escape, c) {
            (Escape::Outside, '\u{1b}') => (Escape::Begun, true),
            (Escape::Outside, _) => (Escape::Outside, false),
            (Escape::Begun, '[' | 'O') => (Escape::Inside, true),
            (Escape::Begun, _) => (Escape::Outside, true),
            (Escape::Inside, '\u{40}'..='\u{7e}') => (Escape::Outside, true),
            (Escape::Inside, _) => (Escape::Inside, true),
        };
        self.escape = next;
        swallowed
    }

    /// A visible character with the marks on it.
    fn erase_character(&mut self) {
        while let Some(c) = self.text.pop() {
            if c.width().unwrap_or(0) > 0 {
                break;
            }
        }
    }

    fn erase_word(&mut self) {
        let kept = self.text.trim_end();
        let start = kept.rfind(' ').map_or(0, |space| space + 1);
        self.text.truncate(start);
    }
}

/// The columns that a text takes.
pub(super) fn columns(text: &str) -> usize {
    text.width()
}

/// Takes the whole characters off the front; half of one stays, what is no UTF-8 is dropped.
fn take_characters(bytes: &mut Vec<u8>) -> Vec<char> {
    let mut out = Vec::new();
    loop {
        let (valid, bad) = match std::str::from_utf8(bytes) {
            Ok(text) => {
                out.extend(text.chars());
                bytes.clear();
                return out;
            }
            Err(error) => (error.valid_up_to(), error.error_len()),
        };
        out.extend(String::from_utf8_lossy(&bytes[..valid]).chars());
        bytes.drain(..valid + bad.unwrap_or(0));
        if bad.is_none() {
            return out;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8]) -> Vec<Typing> {
        Editor::default().feed(bytes)
    }

    fn line(text: &str) -> Typing {
        Typing::Line(text.to_owned())
    }

    #[test]
    fn a_return_finishes_the_line() {
        assert_eq!(lines(b"hi\rthere\nrest"), [line("hi"), line("there")]);
    }

    #[test]
    fn erasing_takes_a_character_a_word_or_all() {
        assert_eq!(lines("e\u{301}x\u{7f}\u{7f}a\r".as_bytes()), [line("a")]);
        assert_eq!(lines(b"one two  \x17three\r"), [line("one three")]);
        assert_eq!(lines(b"gone\x15kept\r"), [line("kept")]);
    }

    #[test]
    fn keys_that_mean_nothing_here_type_nothing() {
        assert_eq!(lines(b"a\x1b[A\x1b[1;5C\x1bOP\x1bxb\x07\r"), [line("ab")]);
    }

    #[test]
    fn the_end_is_the_end_only_on_an_empty_line() {
        assert_eq!(lines(b"\x04"), [Typing::End]);
        assert_eq!(lines(b"a\x04\r"), [line("a")]);
    }

    #[test]
    fn characters_may_arrive_in_pieces_and_rubbish_is_dropped() {
        let mut editor = Editor::default();
        assert_eq!(editor.feed(&[0xC3]), []);
        assert_eq!(editor.feed(&[0xA9, 0xFF, b'!', b'\r']), [line("é!")]);
    }

    #[test]
    fn a_long_line_shows_its_end() {
        let mut editor = Editor::default();
        editor.feed("0123456789漢字".as_bytes());
        assert_eq!(editor.view(5), "9漢字");
        assert_eq!(editor.view(4), "漢字");
        assert_eq!(editor.view(80), "0123456789漢字");
    }
}
