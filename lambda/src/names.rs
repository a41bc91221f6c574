//! What a member may be called.
//!
//! A name is shown to strangers in front of a colon, so it must not forge one ("Alice: hi"), hide in
//! the line (control, bidirectional and zero-width characters) or pass for the chat itself (reserved
//! words). Two spellings that look or sound the same to people are the same name: the *folded* form
//! (compatibility composition, letter case, inner spaces) is the key of the lock in the table, the
//! *shown* form is what others read. Look-alike letters of different scripts (Latin and Cyrillic `a`)
//! are not folded: no short rule does that without refusing honest names.

use unicode_normalization::UnicodeNormalization;

/// The most characters in a name, counted after normalisation.
pub const MAX_CHARS: usize = 32;

/// Longer input is refused before it is normalised, because one character may become eighteen.
const MAX_RAW_BYTES: usize = 512;

/// Names that would pass for the chat itself. Compared in folded form.
const RESERVED: [&str; 12] = [
    "admin",
    "administrator",
    "all",
    "chat",
    "everyone",
    "here",
    "me",
    "moderator",
    "server",
    "system",
    "undefined",
    "null",
];

/// A name that has passed the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// As others see it.
    pub shown: String,
    /// As it is compared.
    pub folded: String,
}

impl Name {
    /// Checks and normalises what a client sent. The error says what to change, in one sentence.
    pub fn parse(raw: &str) -> Result<Self, &'static str> {
        if raw.len() > MAX_RAW_BYTES {
            return Err("a name has at most 32 characters");
        }
        let shown: String = raw.nfkc().collect::<String>().trim().to_owned();
        check(&shown)?;
        let folded = fold(&shown);
        let bare = folded.trim_matches(|c: char| !c.is_alphanumeric());
        if RESERVED.contains(&bare) {
            return Err("this name is reserved, choose another");
        }
        Ok(Self { shown, folded })
    }

    /// The form in which somebody *else's* name is looked up: never an error, because a name that
    /// breaks the rules simply belongs to nobody.
    pub fn key(raw: &str) -> Option<String> {
        Self::parse(raw).ok().map(|name| name.folded)
    }
}

fn check(shown: &str) -> Result<(), &'static str> {
    if shown.is_empty() {
        return Err("a name needs at least one character");
    }
    if shown.chars().count() > MAX_CHARS {
        return Err("a name has at most 32 characters");
    }
    if shown.contains(':') {
        return Err("a name must not contain a colon");
    }
    if shown.chars().any(is_unseen) {
        return Err("a name must not contain control, invisible or direction-changing characters");
    }
    if !shown.chars().any(is_mark_of_its_own) {
        return Err("a name needs at least one visible character");
    }
    Ok(())
}

/// The form in which names are compared. Lower, upper and lower case again, because that unites what
/// one alone keeps apart (final sigma, both sharp s).
fn fold(shown: &str) -> String {
    let cased = shown.to_lowercase().to_uppercase().to_lowercase();
    let composed: String = cased
        .nfkc()
        .filter(|c| !is_variation_selector(*c))
        .collect();
    composed.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Characters that take no place on the screen, move the text around them, or break the line.
fn is_unseen(c: char) -> bool {
    if c.is_control() || (c.is_whitespace() && c != ' ') {
        return true;
    }
    matches!(u32::from(c),
        0x00AD | 0x034F | 0x061C | 0x070F | 0x08E2 | 0x115F | 0x1160 | 0x17B4 | 0x17B5
        | 0x0600..=0x0605 | 0x06DD | 0x0890 | 0x0891 | 0x180B..=0x180F
        | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0x2800 | 0x3164
        | 0xD800..=0xF8FF | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB | 0xFFFE..=0xFFFF
        | 0x110BD | 0x110CD | 0x13430..=0x13455 | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A
        | 0xE0000..=0x10FFFF)
}

/// Whether the character can be seen alone: a name of nothing but spaces and accents cannot.
fn is_mark_of_its_own(c: char) -> bool {
    c != ' ' && !is_variation_selector(c) && !unicode_normalization::char::is_combining_mark(c)
}

/// They choose between two drawings of the same character, so they make no difference to a name.
fn is_variation_selector(c: char) -> bool {
    matches!(u32::from(c), 0xFE00..=0xFE0F)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(raw: &str) -> String {
        Name::parse(raw).unwrap().folded
    }

    #[test]
    fn ordinary_names_of_many_scripts_are_taken_as_they_are() {
        for name in [
            "Alice",
            "Åsa",
            "孫悟空",
            "Владимир",
            "عمر",
            "Jean-Luc P.",
            "o_O",
            "❤️",
            "7",
        ] {
            assert!(Name::parse(name).is_ok(), "{name}");
        }
        assert_eq!(Name::parse("  Alice ").unwrap().shown, "Alice");
    }

    #[test]
    fn spellings_that_look_the_same_are_the_same_name() {
        for (a, b) in [
            ("Alice", "ALICE"),
            ("Alice", "Ａｌｉｃｅ"),
            ("Åsa", "A\u{30a}sa"),
            ("Straße", "STRASSE"),
            ("ΣΑΣ", "σας"),
            ("Jo Ann", "jo   ann"),
            ("❤", "❤\u{fe0f}"),
            ("ﬁn", "fin"),
        ] {
            assert_eq!(folded(a), folded(b), "{a} {b}");
        }
    }

    #[test]
    fn folding_twice_changes_nothing() {
        for name in ["İstanbul", "ﬁN", "ΣΑΣ", "Ⅷ", "ẞ", "ŉ", "ǰ"] {
            let once = folded(name);
            assert_eq!(fold(&once), once, "{name}");
        }
    }

    #[test]
    fn a_name_cannot_forge_a_line() {
        for name in [
            "Alice: hi",
            "Alice：hi",
            "A\nB",
            "A\tB",
            "A\u{2028}B",
            "A\u{202e}B",
            "A\u{7}",
        ] {
            assert!(Name::parse(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_name_cannot_hide() {
        for name in [
            "",
            "   ",
            "\u{200b}",
            "A\u{200d}B",
            "A\u{ad}",
            "\u{2800}",
            "\u{3164}",
            "\u{301}",
            "\u{fe0f}",
            "A\u{feff}",
            "A\u{e0041}",
            "\u{a0}",
        ] {
            assert!(Name::parse(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn reserved_words_are_refused_in_any_dress() {
        for name in [
            "system",
            "SYSTEM",
            "[System]",
            "Ｓｙｓｔｅｍ",
            "everyone!",
            "Admin",
            "_server_",
        ] {
            assert!(Name::parse(name).is_err(), "{name}");
        }
        assert!(Name::parse("systematic").is_ok());
    }

    #[test]
    fn the_length_is_counted_in_characters_after_normalisation() {
        assert!(Name::parse(&"é".repeat(32)).is_ok());
        assert!(Name::parse(&"e\u{301}".repeat(32)).is_ok());
        assert!(Name::parse(&"é".repeat(33)).is_err());
        assert!(Name::parse("ﷺﷺ").is_err(), "one character becomes eighteen");
        assert!(Name::parse(&"a".repeat(100_000)).is_err());
    }
}
