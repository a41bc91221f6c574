//! Untrusted text on a terminal.
//!
//! A log line holds what a client sent. Written raw, an escape sequence in it could clear the
//! screen, set the title, or answer the next prompt; a bidi control could show a lie. So everything
//! that is not visible text becomes visible: `\x1b`, `\u{202e}`.
//!
//! A single value, such as a name or a tag, is made safe by [`escape`] where it is put into a line.
//! [`lines`] and [`json`] are the last gate of all that is written.

use std::borrow::Cow;
use std::fmt::Write;

/// The text with every control character made visible. A line end inside becomes `⏎`, a tab two
/// spaces.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_active) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\r' if rest.peek() == Some(&'\n') => {}
            '\n' => out.push_str(" ⏎ "),
            '\t' => out.push_str("  "),
            c if !is_active(c) => out.push(c),
            c if u32::from(c) < 0x100 => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
        }
    }
    Cow::Owned(out)
}

/// Text that is about to be written: everything but line ends, tabs and our own styles is made
/// visible.
pub(super) fn lines(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| matches!(c, '\n' | '\t') || !is_active(c);
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let kept = match style(rest) {
            Some(length) => &rest[..length],
            None => &rest[..c.len_utf8()],
        };
        if kept.len() > c.len_utf8() || is_plain(c) {
            out.push_str(kept);
        } else {
            out.push_str(&escape(kept));
        }
        rest = &rest[kept.len()..];
    }
    Cow::Owned(out)
}

/// The length of the style sequence that the text begins with: `ESC [`, digits and semicolons, `m`.
/// Hidden text (8) is none of ours.
fn style(text: &str) -> Option<usize> {
    let codes = text.strip_prefix("\u{1b}[")?;
    let end = codes.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    let ours = codes[end..].starts_with('m') && codes[..end].split(';').all(|code| code != "8");
    ours.then_some("\u{1b}[".len() + end + 1)
}

/// JSON text in which what a terminal could obey is written as `\u….`; it means the same.
pub(super) fn json(text: &str) -> Cow<'_, str> {
    let is_layout = |c: char| c == '\n';
    if !text.chars().any(|c| is_active(c) && !is_layout(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if !is_active(c) || is_layout(c) {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    Cow::Owned(out)
}

/// Controls (C0, DEL, C1), what steers the direction of writing, line separators, and the invisible:
/// but not the joiner that emoji need.
fn is_active(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200c}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escape_sequences_become_visible() {
        assert_eq!(
            escape("\u{1b}[2J\u{1b}]0;x\u{7}\u{9b}1m"),
            r"\x1b[2J\x1b]0;x\x07\x9b1m"
        );
        assert_eq!(escape("a\u{202e}b\u{200b}c"), r"a\u{202e}b\u{200b}c");
    }

    #[test]
    fn only_our_own_styles_reach_the_terminal() {
        let ours = "\u{1b}[1;32mok\u{1b}[0m\n\tnext";
        assert_eq!(lines(ours), ours);
        assert_eq!(lines("\u{1b}]0;x\u{7}"), r"\x1b]0;x\x07");
        assert_eq!(lines("\u{1b}[8mx"), r"\x1b[8mx");
        assert_eq!(lines("a\u{9b}2J\u{202e}\u{8}"), r"a\x9b2J\u{202e}\x08");
    }

    #[test]
    fn json_says_the_same_without_what_a_terminal_obeys() {
        let value = serde_json::json!({"a": "x\u{9b}2J\u{202e}\u{1b}\u{e0041}"});
        let text = serde_json::to_string_pretty(&value).unwrap();
        let safe = json(&text);
        assert!(safe.chars().all(|c| c == '\n' || !is_active(c)), "{safe}");
        let read: serde_json::Value = serde_json::from_str(&safe).unwrap();
        assert_eq!(read, value);
    }

    #[test]
    fn lines_join_and_tabs_become_spaces() {
        assert_eq!(escape("a\r\nb\nc\td\re"), r"a ⏎ b ⏎ c  d\x0de");
    }

    #[test]
    fn visible_text_stays_as_it_is() {
        let text = "Zoë 你好 👩\u{200d}💻 \u{301}";
        assert!(matches!(escape(text), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn nothing_active_survives(text in any::<String>()) {
            prop_assert!(!escape(&text).chars().any(is_active));
        }
    }
}
