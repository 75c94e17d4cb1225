//! [`Extent`]: how far coordinates reach, which shows whether they are in the unit that was said.

use serde::{Deserialize, Serialize};

use crate::BannerSize;
use crate::table::InputWarning;

/// Fewer rows than this show nothing.
const FEW_ROWS: u64 = 20;
/// Share of rows that shows a unit; the others may be stray ones.
const NEARLY_ALL: f64 = 0.99;

/// The extent of the coordinates of all rows whose numbers can be read.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Extent {
    rows: u64,
    /// Number of rows with both coordinates from 0 to 1 on a banner of more than 2 px a side.
    within_one: u64,
    /// Number of rows beyond the right or bottom edge of the banner.
    beyond: u64,
    /// The sum, over those rows, of how many times the side the farther coordinate is.
    times_beyond: f64,
}

impl Extent {
    /// Takes a coordinate in the unit of the file, of a banner of this size.
    pub(super) fn add(&mut self, x: f64, y: f64, display: BannerSize) {
        self.rows += 1;
        let one = 0.0..=1.0;
        let large = display.width_px > 2 && display.height_px > 2;
        self.within_one += u64::from(large && one.contains(&x) && one.contains(&y));
    }

    /// Takes a coordinate in px.
    pub(super) fn add_px(&mut self, x: f64, y: f64, display: BannerSize) {
        let times = (x / f64::from(display.width_px)).max(y / f64::from(display.height_px));
        if times > 1.0 {
            self.beyond += 1;
            // Finite whatever the numbers are, for JSON has no infinity.
            self.times_beyond = (self.times_beyond + times).min(f64::MAX);
        }
    }

    /// Returns a warning when nearly all coordinates are at most 1.
    pub(super) fn fractions(&self) -> Option<InputWarning> {
        let nearly_all = self.within_one as f64 >= NEARLY_ALL * self.rows as f64;
        (self.rows >= FEW_ROWS && nearly_all).then(|| InputWarning {
            what: format!(
                "{} of {} rows have click_x and click_y from 0 to 1, as if these were shares of \
                 the display size; in px all these clicks fall into one corner.",
                self.within_one, self.rows
            ),
            advice: "If they are, set the unit to fractions (`--unit fraction`).".to_owned(),
        })
    }

    /// Returns what to do about clicks beside their banners.
    pub(super) fn beside(&self) -> String {
        if self.beyond == 0 {
            return "Coordinates are negative: is their origin the banner's top left corner?"
                .to_owned();
        }
        format!(
            "{} rows reach beyond the right or bottom edge, {:.1} times the side on average: if \
             these are pixels of screens with several for each px, say how many (`--unit \
             device-px=2`); otherwise see whether display_width and display_height are those of \
             the banner.",
            self.beyond,
            self.times_beyond / self.beyond as f64
        )
    }
}
