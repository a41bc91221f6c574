//! Untrusted text on a terminal.
//!
//! A log line holds what a client sent. Written raw, an escape sequence in it could clear the
//! screen, set the title, or answer the next prompt; a bidi control could show a lie. So everything
//! that is not visible text becomes visible: `\x1b`, `\u{202e}`.

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
