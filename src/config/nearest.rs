//! "Did you mean …?"

/// The one of `known` that `word` is most likely a misspelling of, if any is near enough.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = word.to_lowercase();
    let likeness = |one: &str| strsim::jaro_winkler(&word, &one.to_lowercase());
    known
        .iter()
        .map(|one| (likeness(one), *one))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, one)| one)
}
