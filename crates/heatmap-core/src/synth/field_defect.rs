//! [`FieldDefect`]: what can be wrong with a banner of a [`super::FieldPopulation`].

use serde::{Deserialize, Serialize};

/// A kind of defect: where the clicks land that it takes away from the products.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
#[strum(serialize_all = "kebab-case")]
pub enum FieldDefect {
    /// On the close button, where good banners have some clicks too.
    CloseButton,
    /// On another tight spot: in a corner, at the middle of an edge, or anywhere near the rim.
    Spot,
    /// In a strip along one of the four edges, or along at least half of it.
    Edge,
    /// In a cloud in the middle.
    Cloud,
    /// All over the banner, evenly or distributed like the noise of the grid.
    Everywhere,
    /// In the pattern of a layout that no good banner of the grid has.
    Foreign,
    /// On one product alone, one that has at most half of the clicks on a working banner.
    OneProduct,
    /// In a band along one of the two diagonals.
    Diagonal,
    /// In the right pattern, but drawn too small, towards a corner or the middle.
    WrongSize,
}

impl FieldDefect {
    /// All defects.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The name in lower case with hyphens, as in a configuration.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_configuration() {
        for &defect in FieldDefect::ALL {
            assert_eq!(serde_json::to_string(&defect).unwrap(), format!("\"{}\"", defect.name()));
        }
    }
}
