//! The known name nearest to a mistyped one. Pure text.

/// The candidate with the fewest typing mistakes from `name`, when they are few for its length.
pub(super) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let mistakes_max = (name.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (mistakes(name, candidate), candidate))
        .filter(|(count, _)| *count <= mistakes_max)
        .min_by_key(|(count, _)| *count)
        .map(|(_, candidate)| candidate)
}

/// Letters to insert, delete, replace or swap with their neighbour to get from one to the other
/// (optimal string alignment distance, upper and lower case alike).
fn mistakes(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.to_lowercase().chars().collect();
    let to: Vec<char> = to.to_lowercase().chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for i in 1..=from.len() {
        let mut row = vec![i];
        for j in 1..=to.len() {
            let replaced = last[j - 1] + usize::from(from[i - 1] != to[j - 1]);
            let mut least = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                least = least.min(before[j - 2] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 3] = ["http.listen", "http.shards", "storage.dir"];

    #[test]
    fn finds_the_typing_mistake() {
        assert_eq!(nearest("http.lissten", NAMES), Some("http.listen"));
        assert_eq!(nearest("htpt.listen", NAMES), Some("http.listen"));
        assert_eq!(nearest("HTTP.Listen", NAMES), Some("http.listen"));
        assert_eq!(nearest("storage.dirr", NAMES), Some("storage.dir"));
    }

    #[test]
    fn offers_nothing_far_fetched() {
        assert_eq!(nearest("relay.colour", NAMES), None);
        assert_eq!(nearest("", NAMES), None);
    }

    #[test]
    fn counts_mistakes() {
        assert_eq!(mistakes("abc", "abc"), 0);
        assert_eq!(mistakes("abc", ""), 3);
        assert_eq!(mistakes("", "abc"), 3);
        assert_eq!(mistakes("abcd", "abdc"), 1);
        assert_eq!(mistakes("kitten", "sitting"), 3);
    }
}
