//! From a spanning tree to clusters: builds the hierarchy, condenses it to clusters of a least
//! size, selects the clusters of the largest excess of mass, and scores how far out each row is.
//! Sections 3.3, 5 and 6 of the paper.

use std::collections::BTreeMap;

use super::{ClusterSelection, Edge};
use crate::analysis::root;

/// A node of the hierarchy: smaller groups that become one at a distance; a single row has no
/// parts.
struct Group {
    parts: Vec<usize>,
    rows: usize,
    distance: f64,
}

/// A cluster of the condensed hierarchy: a group that shrinks, as the distance falls, until it
/// splits into clusters or vanishes.
struct Cluster {
    parent: usize,
    /// 1 / distance of the split that it comes from; 0 for the root.
    birth: f64,
    /// Excess of mass: summed over its rows, by how much 1 / distance grows from birth to when the
    /// row leaves.
    stability: f64,
    /// Smallest distance at which the cluster, or one within it, still exists.
    lasts_to: f64,
}

/// Returns the cluster of each row, any number below that of the rows or `None` for noise, and the
/// outlier score of each row.
pub(super) fn clusters(
    edges: Vec<Edge>,
    min_cluster_size: usize,
    selection: ClusterSelection,
) -> (Vec<Option<usize>>, Vec<f64>) {
    let rows = edges.len() + 1;
    let (clusters, leaves) = condensed(&groups(edges), rows, min_cluster_size);
    let selected = match selection {
        ClusterSelection::ExcessOfMass => most_stable(&clusters),
        ClusterSelection::Leaf => leaves_of(&clusters),
    };
    // A cluster within a selected one is a part of that one. Parents come first, so their labels
    // are known.
    let mut labels: Vec<Option<usize>> = Vec::with_capacity(clusters.len());
    for (at, cluster) in clusters.iter().enumerate() {
        let above = if at == 0 { None } else { labels[cluster.parent] };
        labels.push(above.or(selected[at].then_some(at)));
    }
    // A row that leaves at distance 0 is one of several equal ones, of which none is farther out.
    let score = |&(cluster, distance): &(usize, f64)| {
        if distance > 0.0 { 1.0 - clusters[cluster].lasts_to / distance } else { 0.0 }
    };
    (
        leaves.iter().map(|&(cluster, _)| labels[cluster]).collect(),
        leaves.iter().map(score).collect(),
    )
}

/// Returns all groups of the hierarchy: first the rows, then what they merge into, by ascending
/// distance; the last group is everything.
fn groups(mut edges: Vec<Edge>) -> Vec<Group> {
    edges.sort_by(|a, b| a.squared_distance.total_cmp(&b.squared_distance));
    let rows = edges.len() + 1;
    let mut groups: Vec<Group> =
        (0..rows).map(|_| Group { parts: Vec::new(), rows: 1, distance: 0.0 }).collect();
    // A forest (union-find) of the rows that are connected so far, and the group of each root.
    let mut parents: Vec<usize> = (0..rows).collect();
    let mut group_of: Vec<usize> = (0..rows).collect();
    for tied in edges.chunk_by(|a, b| a.squared_distance == b.squared_distance) {
        let mut touched: Vec<usize> =
            tied.iter().flat_map(|edge| edge.rows).map(|row| root(&mut parents, row)).collect();
        touched.sort_unstable();
        touched.dedup();
        for edge in tied {
            let [a, b] = edge.rows.map(|row| root(&mut parents, row));
            parents[a] = b;
        }
        let mut merged: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for old in touched {
            merged.entry(root(&mut parents, old)).or_default().push(group_of[old]);
        }
        for (new, parts) in merged {
            group_of[new] = groups.len();
            let rows = parts.iter().map(|&part| groups[part].rows).sum();
            groups.push(Group { parts, rows, distance: tied[0].squared_distance.sqrt() });
        }
    }
    groups
}

/// Returns the clusters of at least `min_cluster_size` rows, the root first and parents before
/// their parts; and for each row the last cluster that it is in, going down, with the distance at
/// which it leaves that.
fn condensed(
    groups: &[Group],
    rows: usize,
    min_cluster_size: usize,
) -> (Vec<Cluster>, Vec<(usize, f64)>) {
    let mut clusters =
        vec![Cluster { parent: 0, birth: 0.0, stability: 0.0, lasts_to: f64::INFINITY }];
    let mut leaves = vec![(0, 0.0); rows];
    let mut open = vec![(groups.len() - 1, 0)];
    while let Some((group, cluster)) = open.pop() {
        let Group { parts, distance, .. } = &groups[group];
        let density = 1.0 / distance;
        let (large, small): (Vec<usize>, Vec<usize>) =
            parts.iter().partition(|&&part| groups[part].rows >= min_cluster_size);
        clusters[cluster].lasts_to = *distance;
        let mut leaving = small.iter().map(|&part| groups[part].rows).sum::<usize>();
        if let [only] = large[..] {
            open.push((only, cluster));
        } else {
            for part in large {
                open.push((part, clusters.len()));
                leaving += groups[part].rows;
                clusters.push(Cluster {
                    parent: cluster,
                    birth: density,
                    stability: 0.0,
                    lasts_to: f64::INFINITY,
                });
            }
        }
        if leaving > 0 {
            clusters[cluster].stability += (density - clusters[cluster].birth) * leaving as f64;
        }
        // All rows of a small part leave where it does.
        let mut within = small;
        while let Some(group) = within.pop() {
            within.extend(&groups[group].parts);
            if group < rows {
                leaves[group] = (cluster, *distance);
            }
        }
    }
    for at in (1..clusters.len()).rev() {
        let parent = clusters[at].parent;
        clusters[parent].lasts_to = clusters[parent].lasts_to.min(clusters[at].lasts_to);
    }
    (clusters, leaves)
}

/// Returns for each cluster whether it is at least as stable as the best clusters within it
/// together. The root is never selected.
fn most_stable(clusters: &[Cluster]) -> Vec<bool> {
    let mut best_within = vec![0.0; clusters.len()];
    let mut selected = vec![false; clusters.len()];
    for (at, cluster) in clusters.iter().enumerate().skip(1).rev() {
        selected[at] = cluster.stability >= best_within[at];
        best_within[cluster.parent] += cluster.stability.max(best_within[at]);
    }
    selected
}

/// Returns for each cluster whether it holds no other one. The root is never selected.
fn leaves_of(clusters: &[Cluster]) -> Vec<bool> {
    let mut leaf = vec![true; clusters.len()];
    leaf[0] = false;
    clusters.iter().skip(1).for_each(|cluster| leaf[cluster.parent] = false);
    leaf
}
