//! What a member may be called, by the rules of UTS 39 (Unicode Security Mechanisms).
//!
//! A name is shown to strangers in front of a colon, so it must not forge a line ("Alice: hi"), hide in
//! it (control, bidirectional and invisible characters), reach into the lines around it (stacked
//! marks), or pass for the chat itself (reserved words). Two names that look the same are the same
//! name: `key`, under which the table stores who has it, is the confusable skeleton of the name without
//! its letter case. The libraries follow Unicode's own tables.
//!
//! What surprises: a capital I is drawn as a small l, and letter case makes no difference, so `i` and
//! `l` are one letter in a key: `AIice` (with a capital I) is `Alice`, and `Bili` is `Bill`.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_security::mixed_script::AugmentedScriptSet;
use unicode_security::{MixedScript, skeleton};

/// The most characters in a name, counted after normalisation.
pub const MAX_CHARS: usize = 32;

/// The most marks on one letter: the limit of UTS 39, section 5.4.
const MAX_MARKS: usize = 4;

/// Longer input is refused before it is normalised, because one character may become eighteen.
const MAX_RAW_BYTES: usize = 512;

/// Names that would pass for the chat itself. Whatever looks like one is refused too.
const RESERVED: [&str; 16] = [
    "admin",
    "administrator",
    "all",
    "chat",
    "chatctl",
    "everybody",
    "everyone",
    "here",
    "me",
    "moderator",
    "null",
    "operator",
    "server",
    "support",
    "system",
    "undefined",
];

/// Looks like `all`, and is an honest name.
const NOT_RESERVED: &str = "ali";

/// A name that has passed the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// As others see it.
    pub shown: String,
    /// As it is compared: equal for names that look the same.
    pub key: String,
}

impl Name {
    /// Checks and normalises what a client sent. The error says in one sentence which rule was broken.
    pub fn parse(raw: &str) -> Result<Self, &'static str> {
        if raw.len() > MAX_RAW_BYTES {
            return Err(TOO_LONG);
        }
        let shown: String = raw.nfkc().collect::<String>().trim().to_owned();
        check(&shown)?;
        let key = key(&shown);
        Ok(Self { shown, key })
    }

    /// The key of somebody *else's* name: never an error, because a name that breaks the rules simply
    /// belongs to nobody.
    pub fn key_of(raw: &str) -> Option<String> {
        Self::parse(raw).ok().map(|name| name.key)
    }
}

const TOO_LONG: &str = "a name has at most 32 characters";

fn check(shown: &str) -> Result<(), &'static str> {
    let rules = [
        (shown.is_empty(), "a name needs at least one character"),
        (shown.chars().count() > MAX_CHARS, TOO_LONG),
        (
            shown.chars().any(looks_like_a_colon),
            "a name must not contain a colon, or a character that looks like one",
        ),
        (
            shown.chars().any(is_invisible),
            "a name must not contain control, invisible or direction-changing characters",
        ),
        (
            stacks_marks(shown),
            "a name must not have more than 4 marks on a letter, or one mark twice",
        ),
        (
            mixes_scripts(shown),
            "a name must not mix letters of different scripts, such as Latin and Cyrillic",
        ),
        (
            !shown.chars().any(stands_alone),
            "a name needs at least one visible character",
        ),
        (
            is_reserved(shown),
            "this name is reserved, or looks like one that is; choose another",
        ),
    ];
    rules
        .into_iter()
        .find(|(broken, _)| *broken)
        .map_or(Ok(()), |(_, why)| Err(why))
}

/// Equal for all spellings of a name: lower, upper and lower case again, because that unites what one
/// alone keeps apart (final sigma, both sharp s). The dot of the Turkish İ is no mark on a small i.
fn fold(shown: &str) -> String {
    let cased = shown.to_lowercase().to_uppercase().to_lowercase();
    let composed: String = cased
        .replace("i\u{307}", "i")
        .nfkc()
        .filter(|c| !is_variation_selector(*c))
        .collect();
    composed.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Equal for all names that look the same. Letters of other scripts look Latin above all as capitals
/// (Cyrillic ТОМ), so these are compared where all of them do, and small letters elsewhere. The
/// skeleton is taken again, because that of 0 is a capital O, and that of a small m is rn.
fn key(shown: &str) -> String {
    let small = fold(shown);
    let capital: String = skeleton(&small.to_uppercase()).collect();
    let looks_latin = |c: char| c.is_ascii() || is_combining_mark(c);
    let base = if capital.chars().all(looks_latin) {
        fold(&capital)
    } else {
        small
    };
    let skeleton: String = skeleton(&base).collect();
    fold(&skeleton).replace('i', "l")
}

fn looks_like_a_colon(c: char) -> bool {
    // A mark of Indic scripts looks like a colon too, and is in order among their letters.
    !is_combining_mark(c) && skeleton(c.encode_utf8(&mut [0; 4])).any(|part| part == ':')
}

/// Characters that take no place on the screen, move the text around them, break the line, or have no
/// shape that all agree on (private use). The skeleton leaves out what Unicode calls default ignorable.
fn is_invisible(c: char) -> bool {
    let is_ignorable = skeleton(c.encode_utf8(&mut [0; 4])).next().is_none();
    c.is_control()
        || (c.is_whitespace() && c != ' ')
        || (is_ignorable && !is_variation_selector(c))
        || matches!(u32::from(c),
            0x0600..=0x0605 | 0x06DD | 0x070F | 0x0890 | 0x0891 | 0x08E2 | 0x2800 | 0xE000..=0xF8FF
            | 0xFFF9..=0xFFFC | 0xFFFE..=0xFFFF | 0x110BD | 0x110CD | 0x13430..=0x13455 | 0x16FE4
            | 0x1D159 | 0xE0000..=0x10FFFF)
}

fn stacks_marks(shown: &str) -> bool {
    let (mut marks, mut last) = (0, ' ');
    shown.nfd().any(|c| {
        marks = if is_combining_mark(c) { marks + 1 } else { 0 };
        let twice = marks > 1 && c == last;
        last = c;
        twice || marks > MAX_MARKS
    })
}

/// Whether it is less than "highly restrictive" in UTS 39: the letters belong to one script, or to
/// Latin and one of the Chinese, Japanese and Korean writing systems.
fn mixes_scripts(shown: &str) -> bool {
    if shown.is_single_script() {
        return false;
    }
    let others: String = shown.chars().filter(|c| !is_latin(*c)).collect();
    let scripts = others.as_str().resolve_script_set();
    !(scripts.hanb || scripts.jpan || scripts.kore)
}

fn is_latin(c: char) -> bool {
    let mut scripts = AugmentedScriptSet::for_char(c);
    scripts.intersect_with(AugmentedScriptSet::for_char('a'));
    !scripts.is_empty()
}

/// Whether the character can be seen alone: a name of nothing but spaces and accents cannot.
fn stands_alone(c: char) -> bool {
    c != ' ' && !is_variation_selector(c) && !is_combining_mark(c)
}

/// They choose between two drawings of the same character, so they make no difference to a name.
fn is_variation_selector(c: char) -> bool {
    matches!(u32::from(c), 0xFE00..=0xFE0F)
}

/// Compared without accents, and without the punctuation around it: `[Sÿstem]`.
fn is_reserved(shown: &str) -> bool {
    let plain: String = fold(shown)
        .nfd()
        .filter(|c| !is_combining_mark(*c))
        .collect();
    let bare = |text: &str| text.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
    let looks = [key(&bare(&plain)), bare(&key(&plain))];
    plain != NOT_RESERVED && RESERVED.iter().any(|word| looks.contains(&key(word)))
}

#[cfg(test)]
#[path = "names_tests.rs"]
mod tests;
