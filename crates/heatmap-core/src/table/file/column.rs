//! [`Column`]: what a file says about one of its columns.

use super::header::Holds;

/// A column of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::table) struct Column {
    /// Its name, without spaces around it.
    pub(in crate::table) name: String,
    /// What it holds.
    pub(in crate::table) kind: Kind,
}

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(not(feature = "parquet"), allow(dead_code, reason = "CSV has text only"))]
pub(in crate::table) enum Kind {
    /// Text; everything in CSV is text, numbers included.
    Text,
    /// Whole numbers.
    Whole { signed: bool },
    /// Floating-point numbers.
    Real,
    /// Numbers with `scale` decimal digits after the point, stored as whole numbers; warehouses
    /// store whole numbers like this, too.
    Decimal { scale: u32 },
    /// Booleans.
    Bool,
    /// A type that our tables do not have, by its name in Parquet.
    Other(String),
}

impl Kind {
    /// Whether the column can hold this.
    pub(in crate::table) fn can_hold(&self, holds: Holds) -> bool {
        match holds {
            Holds::Names => {
                matches!(self, Self::Text | Self::Whole { .. } | Self::Real | Self::Decimal { .. })
            }
            Holds::Whole | Holds::Numbers | Holds::Labels => !matches!(self, Self::Other(_)),
        }
    }
}
