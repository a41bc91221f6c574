//! Names that are taken, names that are refused, and names that are the same.

use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_name_that_was_taken_is_taken_again_as_it_is(raw in "\\PC{0,12}") {
        if let Ok(name) = Name::parse(&raw) {
            let again = Name::parse(&name.shown);
            prop_assert_eq!(again.as_ref(), Ok(&name));
            prop_assert!(!name.key.is_empty() && name.shown.chars().count() <= MAX_CHARS);
            prop_assert!(!name.shown.contains([':', '\n', '\r']));
        }
    }

    #[test]
    fn letter_case_makes_no_difference(raw in "[a-zA-Zа-яА-Яά-ώΑ-Ω0-9 _-]{1,12}") {
        if let (Ok(name), Ok(upper)) = (Name::parse(&raw), Name::parse(&raw.to_uppercase())) {
            prop_assert_eq!(name.key, upper.key);
        }
    }
}

fn key_of(raw: &str) -> String {
    Name::parse(raw).unwrap().key
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
        assert_eq!(key_of(a), key_of(b), "{a} {b}");
    }
}

#[test]
fn folding_twice_changes_nothing() {
    for name in ["İstanbul", "ﬁN", "ΣΑΣ", "Ⅷ", "ẞ", "ŉ", "ǰ"] {
        let once = key_of(name);
        assert_eq!(key(&once), once, "{name}");
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

#[test]
fn thirty_good_names_are_taken() {
    let good = [
        "Zoë",
        "José Ñandú",
        "O'Brien",
        "O’Neill",
        "Jean-Luc",
        "Dvořák",
        "Nguyễn Văn Ấn",
        "Łukasz",
        "Þórdís",
        "Kaʻiulani",
        "İbrahim",
        "Ali",
        "Иван Ильич",
        "Їжакевич",
        "Νίκος",
        "Αικατερίνη",
        "Հայկ",
        "გიორგი",
        "דָּוִד",
        "مُحَمَّد",
        "علی",
        "देवेन्द्र",
        "दुःखी",
        "প্রিয়াঙ্কা",
        "தமிழ்ச்செல்வி",
        "ณัฐวุฒิ",
        "田中さくら",
        "ジョン・スミス",
        "김민준 Kim",
        "Tanaka 田中 👑",
    ];
    for name in good {
        assert_eq!(
            Name::parse(name).map(|name| name.shown).as_deref(),
            Ok(name)
        );
    }
}

#[test]
fn thirty_bad_names_are_refused_by_the_rule_they_break() {
    let zalgo = format!("A{}", "\u{301}\u{300}".repeat(16));
    let bad: [(&str, &str); 30] = [
        ("Sуstem", "scripts"),
        ("Аlice", "scripts"),
        ("Αdam", "scripts"),
        ("pаypal", "scripts"),
        ("Bobб", "scripts"),
        ("Ꭺlice", "scripts"),
        ("a٣", "scripts"),
        ("田中и", "scripts"),
        ("aः hi", "scripts"),
        ("a∶b", "colon"),
        ("aːb", "colon"),
        ("a˸b", "colon"),
        ("a։b", "colon"),
        ("a：b", "colon"),
        ("Al\u{200b}ice", "invisible"),
        ("Al\u{2060}ice", "invisible"),
        ("\u{3164}Alice", "invisible"),
        ("Alice\u{2800}", "invisible"),
        ("A\u{202e}ecil", "invisible"),
        ("A\u{1d159}", "invisible"),
        ("A\u{e0062}", "invisible"),
        ("A\u{e000}", "invisible"),
        ("A\u{115f}", "invisible"),
        ("\u{16fe4}A", "invisible"),
        (&zalgo, "marks"),
        ("a\u{300}\u{301}\u{302}\u{303}\u{308}", "marks"),
        ("a\u{304}\u{304}", "marks"),
        ("admİn", "reserved"),
        ("АЅ: ", "colon"),
        ("[Chatсtl]", "scripts"),
    ];
    for (name, rule) in bad {
        let why = Name::parse(name).unwrap_err();
        assert!(why.contains(rule), "{name}: {why}");
    }
}

#[test]
fn whatever_looks_like_a_reserved_word_is_reserved() {
    for name in [
        "chatctl",
        "ChatCtI",
        "adm1n",
        "Admín",
        "sÿstem",
        "a11",
        "aIl",
        "|System|",
        "nuIl",
        "👑 Admin",
        "Moderat0r",
        "Ѕуѕтем",
    ] {
        let why = Name::parse(name).unwrap_err();
        assert!(why.contains("reserved"), "{name}: {why}");
    }
}

#[test]
fn of_two_names_that_look_the_same_only_one_can_be_taken() {
    for (a, b) in [
        ("AIice", "Alice"),
        ("A1ice", "Alice"),
        ("B0b", "Bob"),
        ("Rnary", "Mary"),
        ("сосо", "coco"),
        ("Ꭺ", "A"),
        ("İlker", "ilker"),
        ("ısmail", "ismail"),
        ("O’Neill", "O'Neill"),
        ("ニ", "二"),
        ("ТОМ", "Tom"),
        ("АНН", "ahh"),
    ] {
        assert_eq!(key_of(a), key_of(b), "{a} {b}");
    }
    for (a, b) in [
        ("José", "Jose"),
        ("Иван", "Иво"),
        ("Ann", "Anna"),
        ("n1", "n2"),
        ("あ", "ア"),
    ] {
        assert_ne!(key_of(a), key_of(b), "{a} {b}");
    }
}
