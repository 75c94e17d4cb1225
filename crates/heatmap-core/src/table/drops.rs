//! [`Drops`]: what was left out of a table, how much of it, and why.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::BannerKey;

/// A value that was read from a row, or why the row is left out.
pub(super) type Usable<T> = std::result::Result<T, DropReason>;

/// A column of a click table that holds numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClickColumn {
    /// Distance from the left edge in px.
    ClickX,
    /// Distance from the top edge in px.
    ClickY,
    /// Height of the banner in px.
    DisplayHeight,
    /// Width of the banner in px.
    DisplayWidth,
    /// Number of clicks.
    Clicks,
}

impl ClickColumn {
    /// Its name in the header.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClickX => "click_x",
            Self::ClickY => "click_y",
            Self::DisplayHeight => "display_height",
            Self::DisplayWidth => "display_width",
            Self::Clicks => "clicks",
        }
    }
}

/// Why a row or a banner was left out. A row has only one reason, the first that applies: its
/// length comes first, then the names, then the numbers in the order of [`ClickColumn`], then size,
/// place and count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DropReason {
    /// The row has more or fewer values than the header.
    UnequalLengths,
    /// A quotation mark that is not closed has swallowed rows; each line of them counts as a row.
    UnclosedQuote,
    /// `domain` or `grid_id` is empty.
    MissingKey,
    /// `domain` or `grid_id` is not UTF-8.
    NotUtf8,
    /// There is no number in this column: empty, NaN, null.
    MissingValue(ClickColumn),
    /// The value is no number that the column can hold: text, infinity, a count that is negative or
    /// not whole, a side of 0 px.
    BadNumber(ClickColumn),
    /// A row or a banner has more than 2^53 clicks.
    CountTooLarge,
    /// The display size needs more bins than a heatmap may have.
    SizeTooLarge,
    /// The click lies beside its banner: a negative coordinate, or one beyond the size.
    OutsideBanner,
    /// The row has 0 clicks.
    ZeroClicks,
    /// The banner has fewer clicks than asked for.
    TooFewClicks,
    /// The banner has occurred before; its first row is the one that is used.
    DuplicateKey,
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnequalLengths => f.write_str("more or fewer values than the header"),
            Self::UnclosedQuote => f.write_str("swallowed by a quotation mark that is not closed"),
            Self::MissingKey => f.write_str("no domain or no grid_id"),
            Self::NotUtf8 => f.write_str("domain or grid_id is not UTF-8"),
            Self::MissingValue(column) => write!(f, "no {}", column.name()),
            Self::BadNumber(column) => write!(f, "{} is no usable number", column.name()),
            Self::CountTooLarge => f.write_str("more than 2^53 clicks"),
            Self::SizeTooLarge => f.write_str("display size needs too many bins"),
            Self::OutsideBanner => f.write_str("beside the banner"),
            Self::ZeroClicks => f.write_str("0 clicks"),
            Self::TooFewClicks => f.write_str("banner with too few clicks"),
            Self::DuplicateKey => f.write_str("banner that was there before"),
        }
    }
}

/// What was left out for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// The reason.
    pub reason: DropReason,
    /// Number of banners left out as a whole; 0 when the reason concerns single rows.
    pub banners: u64,
    /// Number of rows left out.
    pub rows: u64,
    /// Number of clicks of those rows, as far as they can be read; the sum saturates at 2^64 - 1.
    pub clicks: u64,
    /// Where the first of them is: file and line (row, in Parquet), or the banner.
    pub first: String,
}

/// Everything that was left out, by reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Drops {
    by_reason: Vec<Dropped>,
}

impl Drops {
    /// One entry for every reason that has occurred, in the order of [`DropReason`].
    pub fn by_reason(&self) -> &[Dropped] {
        &self.by_reason
    }

    /// Returns what was left out for `reason`, if anything was.
    pub fn get(&self, reason: DropReason) -> Option<&Dropped> {
        self.by_reason.iter().find(|dropped| dropped.reason == reason)
    }

    /// Number of rows left out.
    pub fn rows(&self) -> u64 {
        self.by_reason.iter().map(|dropped| dropped.rows).sum()
    }

    /// Number of clicks left out, as far as they can be read; the sum saturates at 2^64 - 1.
    pub fn clicks(&self) -> u64 {
        self.by_reason.iter().fold(0, |sum, dropped| sum.saturating_add(dropped.clicks))
    }

    /// Whether nothing was left out.
    pub fn is_empty(&self) -> bool {
        self.by_reason.is_empty()
    }

    /// Counts `rows` rows with `clicks` clicks; `first` says where they are, and is called for the
    /// first of a reason.
    pub(super) fn add_rows(
        &mut self,
        reason: DropReason,
        rows: u64,
        clicks: u64,
        first: impl FnOnce() -> String,
    ) {
        self.add(reason, [0, rows, clicks], first);
    }

    /// Counts a banner that is left out as a whole.
    pub(super) fn add_banner(
        &mut self,
        reason: DropReason,
        rows: u64,
        clicks: u64,
        banner: impl FnOnce() -> BannerKey,
    ) {
        self.add(reason, [1, rows, clicks], || {
            let BannerKey { domain, grid_id } = banner();
            format!("banner ({domain}, {grid_id}) with {clicks} clicks")
        });
    }

    fn add(
        &mut self,
        reason: DropReason,
        [banners, rows, clicks]: [u64; 3],
        first: impl FnOnce() -> String,
    ) {
        let at = self.by_reason.partition_point(|dropped| dropped.reason < reason);
        if self.by_reason.get(at).is_none_or(|dropped| dropped.reason != reason) {
            self.by_reason
                .insert(at, Dropped { reason, banners: 0, rows: 0, clicks: 0, first: first() });
        }
        let dropped = &mut self.by_reason[at];
        dropped.banners += banners;
        dropped.rows += rows;
        dropped.clicks = dropped.clicks.saturating_add(clicks);
    }

    /// Returns the reason with most rows.
    pub(super) fn largest(&self) -> Option<&Dropped> {
        // The maximum is the last of equals; reversed, it is the first.
        self.by_reason.iter().rev().max_by_key(|dropped| dropped.rows)
    }
}

impl fmt::Display for Drops {
    /// Writes one line for every reason.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Dropped { reason, banners, rows, clicks, first }) in
            self.by_reason.iter().enumerate()
        {
            let end = if index == 0 { "" } else { "\n" };
            write!(f, "{end}{reason}: {rows} rows, {clicks} clicks")?;
            if *banners > 0 {
                write!(f, ", {banners} banners")?;
            }
            write!(f, "; first: {first}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_the_first_example_are_kept_by_reason() {
        let mut drops = Drops::default();
        drops.add_rows(DropReason::ZeroClicks, 1, 0, || "x.csv: line 7".to_owned());
        let bad = DropReason::BadNumber(ClickColumn::ClickX);
        drops.add_rows(bad, 1, u64::MAX, || "x.csv: line 8".to_owned());
        drops.add_rows(bad, 2, 5, || panic!("there is a first one"));
        let key = || BannerKey { domain: "a".to_owned(), grid_id: "g".to_owned() };
        drops.add_banner(DropReason::TooFewClicks, 2, 3, key);
        let reasons: Vec<_> = drops.by_reason().iter().map(|dropped| dropped.reason).collect();
        assert_eq!(reasons, [bad, DropReason::ZeroClicks, DropReason::TooFewClicks]);
        assert_eq!((drops.rows(), drops.clicks()), (6, u64::MAX));
        assert_eq!(drops.largest().unwrap().reason, bad);
        let text = drops.to_string();
        assert!(text.starts_with("click_x is no usable number: 3 rows, "), "{text}");
        assert!(
            text.ends_with("2 rows, 3 clicks, 1 banners; first: banner (a, g) with 3 clicks"),
            "{text}"
        );
        let json = serde_json::to_string(&drops).unwrap();
        assert!(json.contains(r#""reason":{"bad_number":"click_x"}"#), "{json}");
        assert_eq!(serde_json::from_str::<Drops>(&json).unwrap(), drops);
    }
}
