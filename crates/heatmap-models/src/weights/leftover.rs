//! The tensors of a file that a network has no use for, and the shortest way to name them.

use std::collections::BTreeSet;

use super::container::{begins_with, inside};

/// Returns the shortest beginnings, each up to a dot, of the names in `unused` that no name in
/// `used` has: what to leave out so that the rest of the file fits. They are given without the
/// container of the file, such as `projection_head.` for `state_dict.projection_head.0.weight`.
pub(super) fn beginnings(unused: &[String], used: &BTreeSet<&str>) -> Vec<String> {
    // With and without the container, because both are compared when names are left out.
    let used: BTreeSet<&str> = used.iter().flat_map(|key| [*key, inside(key)]).collect();
    let is_free = |beginning: &&str| {
        !used.range(*beginning..).next().is_some_and(|key| key.starts_with(beginning))
    };
    let mut found: Vec<String> = Vec::new();
    for key in unused {
        // The names are sorted, so those with one beginning follow each other.
        if found.last().is_some_and(|beginning| begins_with(key, beginning)) {
            continue;
        }
        let key = inside(key);
        let ends = key.match_indices('.').map(|(at, _)| at + 1).chain([key.len()]);
        let shortest = ends.map(|end| &key[..end]).find(is_free).unwrap_or(key).to_owned();
        if !found.contains(&shortest) {
            found.push(shortest);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(unused: &[&str], used: &[&str]) -> Vec<String> {
        let unused: Vec<String> = unused.iter().map(|key| (*key).to_owned()).collect();
        beginnings(&unused, &used.iter().copied().collect())
    }

    #[test]
    fn a_beginning_is_short_and_spares_the_network() {
        let lightning = of(
            &[
                "state_dict.prediction_head.layers.0.bias",
                "state_dict.prediction_head.layers.3.bias",
                "state_dict.projection_head.layers.0.weight",
                "state_dict.queue",
            ],
            &["state_dict.backbone.0.weight"],
        );
        assert_eq!(lightning, ["prediction_head.", "projection_head.", "queue"]);
        let used = ["module.encoder_q.conv1.weight"];
        assert_eq!(of(&["module.encoder_k.conv1.weight"], &used), ["module.encoder_k."]);
        // Another block of a stage that the network has, too.
        assert_eq!(of(&["layer2.1.bn1.bias"], &["layer2.0.bn1.bias"]), ["layer2.1."]);
    }
}
