//! [`CoordinateUnit`]: what the numbers of `click_x` and `click_y` count.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The unit of `click_x` and `click_y`, whose origin is the top left corner of the banner.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum CoordinateUnit {
    /// The px of `display_width` and `display_height`.
    #[default]
    Px,
    /// Shares of width and height, from 0 to 1.
    Fraction,
    /// Shares of width and height, from 0 to 100.
    Percent,
    /// Pixels of the screen, so many for each px.
    DevicePx(f64),
}

/// What is written before the number of device pixels.
const DEVICE: &str = "device-px=";

impl CoordinateUnit {
    /// Returns a coordinate in px, on a side of `side` px.
    pub(super) fn px(self, at: f64, side: u32) -> f64 {
        match self {
            Self::Px => at,
            Self::Fraction => at * f64::from(side),
            Self::Percent => at * f64::from(side) / 100.0,
            Self::DevicePx(ratio) => at / ratio,
        }
    }
}

impl fmt::Display for CoordinateUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Px => f.write_str("px"),
            Self::Fraction => f.write_str("fraction"),
            Self::Percent => f.write_str("percent"),
            Self::DevicePx(ratio) => write!(f, "{DEVICE}{ratio}"),
        }
    }
}

impl FromStr for CoordinateUnit {
    type Err = Error;

    /// Reads `px`, `fraction`, `percent` or `device-px=2`.
    fn from_str(text: &str) -> Result<Self> {
        let ratio = || text.strip_prefix(DEVICE)?.parse().ok();
        match (text, ratio()) {
            ("px", _) => Ok(Self::Px),
            ("fraction", _) => Ok(Self::Fraction),
            ("percent", _) => Ok(Self::Percent),
            (_, Some(ratio)) if (0.1..=20.0).contains(&ratio) => Ok(Self::DevicePx(ratio)),
            _ => Err(Error::config(
                "unit",
                text,
                "must be px, fraction, percent or device-px=RATIO with a ratio such as 2",
            )),
        }
    }
}

impl TryFrom<String> for CoordinateUnit {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<CoordinateUnit> for String {
    fn from(unit: CoordinateUnit) -> Self {
        unit.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_written_as_it_is_read_and_makes_px() {
        for (text, at, px) in
            [("px", 150.0, 150.0), ("fraction", 0.5, 150.0), ("percent", 50.0, 150.0)]
        {
            let unit: CoordinateUnit = text.parse().unwrap();
            assert_eq!((unit.to_string(), unit.px(at, 300)), (text.to_owned(), px));
        }
        let retina: CoordinateUnit = "device-px=2.5".parse().unwrap();
        assert_eq!(
            (retina.to_string(), retina.px(250.0, 300)),
            ("device-px=2.5".to_owned(), 100.0)
        );
        for wrong in ["", "mm", "device-px=", "device-px=0", "device-px=NaN"] {
            let error = wrong.parse::<CoordinateUnit>().unwrap_err().to_string();
            assert!(error.contains("must be px, fraction"), "{error}");
        }
    }
}
