//! [`Column`]: what a file says about one of its columns.

/// A column of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    /// Its name, without spaces around it.
    pub(super) name: String,
    /// What it holds.
    pub(super) kind: Kind,
}

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(not(feature = "parquet"), allow(dead_code, reason = "CSV has text only"))]
pub(super) enum Kind {
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
    /// Whether the column can hold the names of banners; see `Cell::name`.
    pub(super) fn names(&self) -> bool {
        matches!(self, Self::Text | Self::Whole { .. } | Self::Real | Self::Decimal { .. })
    }

    /// Whether the column can hold numbers.
    pub(super) fn counts(&self) -> bool {
        !matches!(self, Self::Other(_))
    }
}
