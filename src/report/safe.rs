//! Strangers' text made harmless: what could move the cursor, turn the line around or hide in it is
//! written as an escape such as `\u{1b}`.

use std::borrow::Cow;

/// The text with everything invisible or active written out.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_harmful(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Control characters (escape sequences begin with one), line separators, bidirectional marks and
/// what takes no place. Joiners and variation selectors stay: emoji and many scripts need them.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c), 0x061C | 0x200B | 0x200E | 0x200F | 0x2028..=0x202E
            | 0x2060..=0x206F | 0xFEFF | 0xFFF9..=0xFFFB | 0xE0000..=0xE007F)
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn escape_sequences_and_line_breaks_are_written_out() {
        assert_eq!(
            visible("\u{1b}[2Jgone\r\nAlice: forged"),
            "\\u{1b}[2Jgone\\r\\nAlice: forged"
        );
        assert_eq!(visible("a\u{9b}31mb"), "a\\u{9b}31mb");
        assert_eq!(visible("\u{202e}txt.exe"), "\\u{202e}txt.exe");
    }

    #[test]
    fn ordinary_text_of_any_script_stays() {
        for text in ["hi", "Grüße", "שלום", "नमस्ते", "👩‍👩‍👧 ❤️", ""]
        {
            assert_eq!(visible(text), text);
        }
    }
}
