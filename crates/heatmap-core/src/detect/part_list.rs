//! [`PARTS`]: every part of the score; a new one is an entry here.

use super::part::{Cost, Fit, FittedPart, Needs, Part, PartInputs};
use super::{
    ClickMap, CosineAnchor, DirichletMultinomial, EarthMoverConfig, IsolationForestConfig,
    KnnDistanceConfig, KnownDefects, LayoutDistance, LikelihoodRatio, MahalanobisConfig,
    NoiseShare, OnFeatures, PcaReconstructionConfig, Score,
};
use crate::Heatmap;

/// The parts that a [`LayoutDetector`](super::LayoutDetector) computes, in order.
pub const PARTS: [Part; 18] = [
    Part {
        name: "neighbor_fit",
        title: "Neighbour fit",
        help: "Distance of the whole distribution of clicks to those of the ten most alike \
                good banners: 0 is the same, 1.4 has no place in common.",
        needs: Needs::Reference,
        cost: Cost::Low,
        fit: Fit::Together,
    },
    Part {
        name: "pile_up",
        title: "Pile-up",
        help: "Largest share of the clicks in one spot beyond what the most alike good \
                banners have there.",
        needs: Needs::Reference,
        cost: Cost::Low,
        fit: Fit::Together,
    },
    Part {
        name: "pattern_fit",
        title: "Pattern",
        help: "How much better a known pattern (a spot at the rim, a strip along an edge, \
                anywhere, a cloud, a diagonal), mixed with a layout of the grid, explains the \
                clicks than the layouts alone.",
        needs: Needs::Reference,
        cost: Cost::Low,
        fit: Fit::Together,
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
        cost: Cost::High,
        fit: Fit::Together,
    },
    Part {
        name: "like_broken",
        title: "Like broken ones",
        help: "How much nearer the banner lies to the most alike banner that is labelled \
                broken than to the ten most alike good ones.",
        needs: Needs::Labels,
        cost: Cost::Low,
        fit: Fit::Together,
    },
    Part {
        name: "dirichlet_multinomial",
        title: "Clumps",
        help: "How unlikely the counts are, given that good banners of the grid differ and \
                that clicks repeat.",
        needs: Needs::Reference,
        cost: Cost::High,
        fit: Fit::Alone(|of| {
            let cell_bins = DirichletMultinomial::CELL_BINS;
            let score = DirichletMultinomial::fit(&of.anchor.map, of.population, cell_bins);
            Ok(boxed(score.ok()))
        }),
    },
    Part {
        name: "earth_mover",
        title: "Earth mover",
        help: "How far the clicks would have to be moved, in diagonals of the banner, to lie \
                as on the anchor.",
        needs: Needs::Reference,
        cost: Cost::High,
        fit: Fit::Alone(|of| Ok(boxed(EarthMoverConfig::default().fit(&of.anchor.map).ok()))),
    },
    Part {
        name: "likelihood_ratio",
        title: "Likelihood ratio",
        help: "How much better clicks all over explain the banner than its anchor does, per \
                click.",
        needs: Needs::Anchor,
        cost: Cost::Low,
        fit: Fit::Alone(|of| Ok(boxed(Some(of.ratio.clone())))),
    },
    Part {
        name: "known_defects",
        title: "Known defects",
        help: "How much better one of fifteen known ways of breaking, mixed with the anchor, \
                explains the clicks.",
        needs: Needs::Anchor,
        cost: Cost::Low,
        fit: Fit::Alone(|of| Ok(boxed(Some(of.known.clone())))),
    },
    Part {
        name: "layout_distance",
        title: "Layout distance",
        help: "How far the clusters of clicks lie from those of the anchor, in diagonals of \
                the banner.",
        needs: Needs::Anchor,
        cost: Cost::High,
        // A map without clusters has no layout to measure a distance from.
        fit: Fit::Alone(|of| Ok(boxed(LayoutDistance::fit(&of.good).ok()))),
    },
    Part {
        name: "cosine_anchor",
        title: "Cosine",
        help: "One minus the cosine similarity to the anchor, in cells of 5 x 5 bins.",
        needs: Needs::Anchor,
        cost: Cost::Low,
        fit: Fit::Alone(|of| {
            let score = CosineAnchor::new(&of.features.of(&of.good)?)?;
            Ok(on_features(of, score))
        }),
    },
    Part {
        name: "zero_shot",
        title: "Zero-shot",
        help: "The likelihood ratio with a good map in steps, that needs no anchor.",
        needs: Needs::Nothing,
        cost: Cost::Low,
        fit: Fit::Alone(|of| Ok(boxed(Some(LikelihoodRatio::zero_shot(of.grid()))))),
    },
    Part {
        name: "zero_shot_defects",
        title: "Zero-shot defects",
        help: "The known ways of breaking against that map.",
        needs: Needs::Nothing,
        cost: Cost::Low,
        fit: Fit::Alone(|of| {
            let good = ClickMap::steps(of.grid());
            Ok(boxed(Some(KnownDefects::new("zero_shot_defects", &good))))
        }),
    },
    Part {
        name: "noise_share",
        title: "Noise",
        help: "Share of the clicks that belong to no cluster.",
        needs: Needs::Nothing,
        cost: Cost::High,
        fit: Fit::Alone(|_| Ok(boxed(Some(NoiseShare)))),
    },
    Part {
        name: "pca_reconstruction",
        title: "PCA",
        help: "What is left when the usual differences between banners of the grid are taken \
                out.",
        needs: Needs::Population,
        cost: Cost::High,
        // PCA fails on banners that are all alike, because they span too few directions.
        fit: Fit::Alone(|of| {
            let config = PcaReconstructionConfig { components: of.config.components };
            let score = config.fit(of.table()?.as_ref()).ok();
            Ok(score.and_then(|score| on_features(of, score)))
        }),
    },
    Part {
        name: "mahalanobis",
        title: "Mahalanobis",
        help: "Distance to the mean of the grid in units of how its banners usually differ.",
        needs: Needs::Population,
        cost: Cost::High,
        fit: Fit::Alone(|of| {
            Ok(on_features(of, MahalanobisConfig::default().fit(of.table()?.as_ref())?))
        }),
    },
    Part {
        name: "knn_distance",
        title: "Neighbours",
        help: "Mean distance to the ten most alike banners of the grid.",
        needs: Needs::Population,
        cost: Cost::High,
        fit: Fit::Alone(|of| {
            let neighbors = of.config.neighbors;
            let config = KnnDistanceConfig { neighbors, ..KnnDistanceConfig::default() };
            Ok(on_features(of, config.fit(of.table()?.as_ref())?))
        }),
    },
    Part {
        name: "isolation_forest",
        title: "Isolation",
        help: "How few random cuts separate the banner from the others of its grid.",
        needs: Needs::Population,
        cost: Cost::High,
        fit: Fit::Alone(|of| {
            let seed = of.config.seed;
            let config = IsolationForestConfig { seed, ..IsolationForestConfig::default() };
            Ok(on_features(of, config.fit(of.table()?.as_ref())?))
        }),
    },
];

/// Returns the index in [`PARTS`] of the part with this name.
pub fn part_named(name: &str) -> Option<usize> {
    PARTS.iter().position(|part| part.name == name)
}

fn boxed(score: Option<impl Score<Heatmap> + 'static>) -> FittedPart {
    score.map(|score| Box::new(score) as _)
}

fn on_features(of: &PartInputs<'_>, score: impl Score<[f64]> + 'static) -> FittedPart {
    boxed(Some(OnFeatures::new(of.features, score)))
}
