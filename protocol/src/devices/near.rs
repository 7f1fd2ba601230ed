//! Names that look like a mistyped one.

use super::models;

/// At most three model keys that `name` may have meant, most similar first.
///
/// ```
/// assert_eq!(adit_protocol::devices::models_like("blok-erupter"), ["block-erupter"]);
/// ```
pub fn models_like(name: &str) -> Vec<&'static str> {
    let name = name.to_ascii_lowercase();
    let mut near: Vec<(usize, &'static str)> = models()
        .filter_map(|model| {
            let distance = distance(&name, model.key);
            let part = name.len() >= 3 && (model.key.contains(&name) || name.contains(model.key));
            (part || distance <= 2).then_some((distance, model.key))
        })
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(3).map(|(_, key)| key).collect()
}

/// Insertions, deletions and replacements that turn `a` into `b`.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, to) in b.chars().enumerate() {
            let replaced = corner + usize::from(from != to);
            corner = row[j + 1];
            row[j + 1] = replaced.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.chars().count()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_model_is_answered_with_the_nearest_names() {
        assert_eq!(models_like("blok-erupter"), ["block-erupter"]);
        assert_eq!(models_like("antminer-u4")[..2], ["antminer-u1", "antminer-u2"]);
        assert_eq!(models_like("ICARUS"), ["icarus"]);
        assert_eq!(models_like("antminer").len(), 3);
        assert!(models_like("toaster").is_empty());
        assert!(models_like("").is_empty());
    }

    #[test]
    fn the_distance_is_levenshtein_s() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("abc", "abc"), 0);
    }
}
