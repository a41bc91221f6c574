//! Text for the wire: XML, dates, random ids.

/// `count` random characters of `alphabet`: API Gateway's and IAM's ids are made so.
pub(crate) fn random_id(alphabet: &[u8], count: usize) -> String {
    (0..count)
        .map(|_| char::from(alphabet[fastrand::usize(..alphabet.len())]))
        .collect()
}

/// One XML element with escaped text.
pub(crate) fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escape(text))
}

/// XML escaping, with the characters that XML cannot carry left out.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\r' => out.push_str("&#13;"),
            other if (other as u32) < 0x20 && !matches!(other, '\t' | '\n') => {}
            other => out.push(other),
        }
    }
    out
}

/// Milliseconds of the epoch as ISO 8601 with whole seconds, as AWS writes dates in XML and REST.
pub(crate) fn iso8601(milliseconds: i64) -> String {
    jiff::Timestamp::from_second(milliseconds.div_euclid(1000))
        .map(|time| time.to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_text_is_escaped() {
        assert_eq!(element("a", "<&\u{1}\">"), "<a>&lt;&amp;&quot;&gt;</a>");
    }
}
