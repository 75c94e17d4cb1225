//! [`Column`]: what a file says of its columns.

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
    /// Text; all there is in CSV, numbers included.
    Text,
    /// Whole numbers.
    Whole { signed: bool },
    /// Numbers.
    Real,
    /// Numbers of so many decimal digits behind the point, as whole ones; warehouses keep whole
    /// numbers like this, too.
    Decimal { scale: u32 },
    /// Yes or no.
    Bool,
    /// Something that a table of ours does not have, in Parquet's words.
    Other(String),
}

impl Kind {
    /// Whether it can name a banner; see `Cell::name`.
    pub(super) fn names(&self) -> bool {
        matches!(self, Self::Text | Self::Whole { .. } | Self::Real | Self::Decimal { .. })
    }

    /// Whether it can hold numbers.
    pub(super) fn counts(&self) -> bool {
        !matches!(self, Self::Other(_))
    }
}
