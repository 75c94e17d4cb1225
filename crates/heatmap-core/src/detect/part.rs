//! [`PARTS`]: the parts of a score, their names, and what each must have seen of a grid.

/// What a part must have seen before it can score a banner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: the part is zero-shot.
    Nothing,
    /// The anchor of the grid: the part is one-shot.
    Anchor,
    /// The banners of the grid, without labels.
    Population,
    /// The [`Reference`](super::Reference): banners of the grid that are taken for good.
    Reference,
    /// Banners of the grid that are known to be broken.
    Labels,
}

/// A part of the score: its name, its description, and what it must have seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Its name, as in the header of `scores.csv`.
    pub name: &'static str,
    /// Its column heading in the report.
    pub title: &'static str,
    /// One or two sentences on what it measures.
    pub help: &'static str,
    /// What it must have seen.
    pub needs: Needs,
}

/// The parts that a [`LayoutDetector`](super::LayoutDetector) computes, in order.
pub const PARTS: [Part; 18] = [
    Part {
        name: "neighbor_fit",
        title: "Neighbour fit",
        help: "Distance of the whole distribution of clicks to those of the ten most alike \
                good banners: 0 is the same, 1.4 has no place in common.",
        needs: Needs::Reference,
    },
    Part {
        name: "pile_up",
        title: "Pile-up",
        help: "Largest share of the clicks in one spot beyond what the most alike good \
                banners have there.",
        needs: Needs::Reference,
    },
    Part {
        name: "pattern_fit",
        title: "Pattern",
        help: "How much better a known pattern (a spot at the rim, a strip along an edge, \
                anywhere, a cloud, a diagonal), mixed with a layout of the grid, explains the \
                clicks than the layouts alone.",
        needs: Needs::Reference,
    },
    Part {
        name: "set_network",
        title: "Network",
        help: "Log odds of broken by a small network that sees the banner beside the 24 good \
                ones most like it; it was trained on generated layouts alone, of which half \
                the banners were broken. Above 0: rather broken there; as probabilities its \
                log odds are off by 0.02 there on average, and nobody knows by how much on \
                this log.",
        needs: Needs::Reference,
    },
    Part {
        name: "like_broken",
        title: "Like broken ones",
        help: "How much nearer the banner lies to the most alike banner that is labelled \
                broken than to the ten most alike good ones.",
        needs: Needs::Labels,
    },
    Part {
        name: "dirichlet_multinomial",
        title: "Clumps",
        help: "How unlikely the counts are, given that good banners of the grid differ and \
                that clicks repeat.",
        needs: Needs::Reference,
    },
    Part {
        name: "earth_mover",
        title: "Earth mover",
        help: "How far the clicks would have to be moved, in diagonals of the banner, to lie \
                as on the anchor.",
        needs: Needs::Reference,
    },
    Part {
        name: "likelihood_ratio",
        title: "Likelihood ratio",
        help: "How much better clicks all over explain the banner than its anchor does, per \
                click.",
        needs: Needs::Anchor,
    },
    Part {
        name: "known_defects",
        title: "Known defects",
        help: "How much better one of fifteen known ways of breaking, mixed with the anchor, \
                explains the clicks.",
        needs: Needs::Anchor,
    },
    Part {
        name: "layout_distance",
        title: "Layout distance",
        help: "How far the clusters of clicks lie from those of the anchor, in diagonals of \
                the banner.",
        needs: Needs::Anchor,
    },
    Part {
        name: "cosine_anchor",
        title: "Cosine",
        help: "One minus the cosine similarity to the anchor, in cells of 5 x 5 bins.",
        needs: Needs::Anchor,
    },
    Part {
        name: "zero_shot",
        title: "Zero-shot",
        help: "The likelihood ratio with a good map in steps, that needs no anchor.",
        needs: Needs::Nothing,
    },
    Part {
        name: "zero_shot_defects",
        title: "Zero-shot defects",
        help: "The known ways of breaking against that map.",
        needs: Needs::Nothing,
    },
    Part {
        name: "noise_share",
        title: "Noise",
        help: "Share of the clicks that belong to no cluster.",
        needs: Needs::Nothing,
    },
    Part {
        name: "pca_reconstruction",
        title: "PCA",
        help: "What is left when the usual differences between banners of the grid are taken \
                out.",
        needs: Needs::Population,
    },
    Part {
        name: "mahalanobis",
        title: "Mahalanobis",
        help: "Distance to the mean of the grid in units of how its banners usually differ.",
        needs: Needs::Population,
    },
    Part {
        name: "knn_distance",
        title: "Neighbours",
        help: "Mean distance to the ten most alike banners of the grid.",
        needs: Needs::Population,
    },
    Part {
        name: "isolation_forest",
        title: "Isolation",
        help: "How few random cuts separate the banner from the others of its grid.",
        needs: Needs::Population,
    },
];

/// Returns the index in [`PARTS`] of the part with this name.
pub fn part_named(name: &str) -> Option<usize> {
    PARTS.iter().position(|part| part.name == name)
}
