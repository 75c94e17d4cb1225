//! [`Shard`]: one of several parts of a log, by grid.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::stable_hash::StableHash;
use crate::{BannerSize, Error, Result};

/// One of `n` shards of a log: the grids, each in one display size, that a hash of their names puts
/// there. It is written `i/n`, from `1/n` to `n/n`.
///
/// A grid is in the shard whose number, counted from 0, is the remainder of a hash of its name and
/// size by `n`. The hash is the same on every machine, and neither rows nor files matter for it. So
/// the shards have about equally many grids, but a grid with many banners is never split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    count: u32,
    /// From 1 to `count`.
    number: u32,
}

impl Shard {
    /// Largest number of shards: the files of all of them are open at once when they are merged.
    pub const MAX: u32 = 500;

    /// Shard `number` of `count`, counted from 1.
    ///
    /// # Errors
    /// When `count` is not from 1 to [`Shard::MAX`], or `number` is not from 1 to `count`.
    pub fn new(number: u32, count: u32) -> Result<Self> {
        if (1..=Self::MAX).contains(&count) && (1..=count).contains(&number) {
            return Ok(Self { count, number });
        }
        Err(wrong(&format!("{number}/{count}")))
    }

    /// Its number, counted from 1.
    pub fn number(self) -> u32 {
        self.number
    }

    /// Number of shards.
    pub fn count(self) -> u32 {
        self.count
    }

    /// Whether the grid of this name, in this display size (or the common size, if there is one),
    /// is in the shard.
    pub fn has(self, grid_id: &str, display: BannerSize) -> bool {
        // A digit of a width cannot be taken for the end of a name, whose length comes first.
        let hash = StableHash::new()
            .add_number(grid_id.len() as u64)
            .add(grid_id.as_bytes())
            .add_number(display.width_px.into())
            .add_number(display.height_px.into())
            .finish();
        // Both halves are put together, as the authors of the hash advise: its lowest bits alone
        // depend on the lowest bits of the letters alone.
        let folded = (hash >> 32) ^ (hash & 0xFFFF_FFFF);
        folded % u64::from(self.count) == u64::from(self.number - 1)
    }
}

fn wrong(text: &str) -> Error {
    let reason = format!(
        "is no shard such as 1/3 or 3/3: a number from 1 to n, and n from 1 to {}",
        Shard::MAX
    );
    Error::config("shard", text, reason)
}

impl FromStr for Shard {
    type Err = Error;

    /// Reads `1/3`.
    fn from_str(text: &str) -> Result<Self> {
        let (number, count) = text.split_once('/').ok_or_else(|| wrong(text))?;
        match (number.parse(), count.parse()) {
            (Ok(number), Ok(count)) => Self::new(number, count),
            _ => Err(wrong(text)),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.count)
    }
}

impl TryFrom<String> for Shard {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: BannerSize = BannerSize { width_px: 300, height_px: 250 };

    #[test]
    fn every_grid_is_in_one_shard_and_the_shards_are_about_equal() {
        for count in [1, 2, 3, 7, 8] {
            let shards: Vec<Shard> =
                (1..=count).map(|number| Shard::new(number, count).unwrap()).collect();
            let mut grids = vec![0; shards.len()];
            for grid in 0..4_000 {
                // Even numbers in even places: no bit of the letters may decide alone.
                let name = format!("layout-{}", 4 * grid);
                let own: Vec<usize> =
                    (0..shards.len()).filter(|&at| shards[at].has(&name, SIZE)).collect();
                assert_eq!(own.len(), 1, "{name}");
                grids[own[0]] += 1;
            }
            let equal = 4_000 / shards.len();
            assert!(grids.iter().all(|&grids| grids > equal * 4 / 5), "{grids:?}");
        }
    }

    #[test]
    fn where_a_grid_is_never_changes() {
        let number = |name: &str, width_px| {
            let display = BannerSize { width_px, height_px: 250 };
            let is = |number: &u32| Shard::new(*number, 500).unwrap().has(name, display);
            (1..=500).find(is).unwrap()
        };
        assert_eq!([number("g", 300), number("g", 728), number("", 300)], [377, 217, 278]);
    }

    #[test]
    fn what_is_no_shard_is_refused() {
        assert_eq!("2/3".parse::<Shard>().unwrap().to_string(), "2/3");
        for text in ["", "1", "0/3", "4/3", "1/0", "-1/3", "1/2/3", "1 / 3", "1/501", "a/b"] {
            let error = text.parse::<Shard>().unwrap_err().to_string();
            assert!(error.contains("is no shard such as 1/3"), "{error}");
        }
        assert!(serde_json::from_str::<Shard>("\"5/4\"").is_err());
    }
}
