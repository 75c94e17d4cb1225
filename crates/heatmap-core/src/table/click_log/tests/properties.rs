//! Random logs against a grouping that knows no bytes, no files and no memory bound.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::table::Dropped;

/// A row by its values, and how it is written.
#[derive(Debug, Clone)]
struct Case {
    domain: &'static str,
    grid_id: &'static str,
    x: i32,
    y: i32,
    size: (u32, u32),
    clicks: u64,
    /// Text in place of the value of a column, which is no value for it.
    spoiled: Option<(usize, &'static str)>,
    /// How each value is written: 0 plain, 1 quoted, 2 with spaces, 3 with a fraction of zero where
    /// it is a number.
    style: [u8; 7],
    /// Whether a value is added or taken away.
    uneven: i8,
    file: usize,
}

fn case() -> impl Strategy<Value = Case> {
    let domain = prop::sample::select(vec!["a.com", "b \"q\", c", "ü\nline", "", "d"]);
    let spoiled = (
        2..7_usize,
        prop::sample::select(vec!["x", "", "NaN", "inf", "1e400", "--3", "-0.5", "\u{663}"]),
    );
    let clicks =
        prop_oneof![8 => 0..40_u64, 1 => Just(1_000_000_000), 1 => MAX_WHOLE - 1..MAX_WHOLE + 2];
    let size = prop::sample::select(vec![(300, 250), (300, 600), (1, 1), (40_000, 40_000)]);
    let uneven = prop_oneof![20 => Just(0), 1 => Just(1), 1 => Just(-1)];
    let place = (-3..320_i32, -3..610_i32);
    let style = prop::array::uniform7(0..4_u8);
    (
        domain,
        prop::sample::select(vec!["g", "h"]),
        place,
        size,
        clicks,
        prop::option::weighted(0.1, spoiled),
        style,
        uneven,
        0..4_usize,
    )
        .prop_map(|(domain, grid_id, (x, y), size, clicks, spoiled, style, uneven, file)| {
            Case { domain, grid_id, x, y, size, clicks, spoiled, style, uneven, file }
        })
}

impl Case {
    fn values(&self) -> [String; 7] {
        let number = |value: String, style| if style == 3 { value + ".0" } else { value };
        let mut values = [
            self.domain.to_owned(),
            self.grid_id.to_owned(),
            number(self.x.to_string(), self.style[2]),
            number(self.y.to_string(), self.style[3]),
            number(self.size.1.to_string(), self.style[4]),
            number(self.size.0.to_string(), self.style[5]),
            // An odd number above 2^53 with a fraction of zero is no f64.
            number(
                self.clicks.to_string(),
                if self.clicks > 1_000_000 { 0 } else { self.style[6] },
            ),
        ];
        if let Some((column, text)) = self.spoiled {
            values[column] = text.to_owned();
        }
        values
    }

    fn write(&self, order: &[usize], end: &str) -> String {
        let values = self.values();
        let written = order.iter().map(|&column| {
            let Some(value) = values.get(column) else { return "further".to_owned() };
            let must = value.contains(['"', ',', '\n']) || (order.len() == 1 && value.is_empty());
            match self.style[column] {
                _ if must => format!("\"{}\"", value.replace('"', "\"\"")),
                1 => format!("\"{value}\""),
                2 => format!(" {value}\t"),
                _ => value.clone(),
            }
        });
        let mut written: Vec<_> = written.collect();
        match self.uneven {
            1 => written.push("more".to_owned()),
            -1 => drop(written.pop()),
            _ => {}
        }
        written.join(",") + end
    }

    /// Whether it counts, by the rules in words; clicks and place.
    fn expected(&self) -> Option<(usize, u64)> {
        let inside = (0..=self.size.0 as i32).contains(&self.x)
            && (0..=self.size.1 as i32).contains(&self.y);
        let sound = self.uneven == 0 && self.spoiled.is_none() && !self.domain.is_empty();
        let counted = (1..=MAX_WHOLE).contains(&self.clicks);
        // 308 x 308 bins of 130 px are the most that there may be of the largest size.
        let edge = if self.size.0 < 40_000 { 5 } else { 130 };
        let (columns, rows) =
            (self.size.0.div_ceil(edge) as i32, self.size.1.div_ceil(edge) as i32);
        let edge = edge as i32;
        let bin = (self.y / edge).min(rows - 1) * columns + (self.x / edge).min(columns - 1);
        (sound && inside && counted).then_some((bin as usize, self.clicks))
    }
}

type Maps = BTreeMap<(String, (u32, u32), String), BTreeMap<usize, u64>>;

/// What should come out: heatmaps, rows kept.
fn grouped(cases: &[Case], min_clicks: u64) -> (Maps, u64) {
    let (mut maps, mut rows) = (Maps::new(), BTreeMap::new());
    for case in cases {
        if let Some((bin, clicks)) = case.expected() {
            let key = (case.grid_id.to_owned(), case.size, case.domain.to_owned());
            *maps.entry(key.clone()).or_default().entry(bin).or_default() += clicks;
            *rows.entry(key).or_insert(0_u64) += 1;
        }
    }
    maps.retain(|_, bins| (min_clicks..=MAX_WHOLE).contains(&bins.values().sum()));
    let kept = rows.iter().filter(|(key, _)| maps.contains_key(*key)).map(|(_, rows)| rows).sum();
    (maps, kept)
}

fn maps(log: &ClickLog) -> Maps {
    let map = |banner: BannerHeatmap| {
        let size = (banner.display.width_px, banner.display.height_px);
        let values = banner.heatmap.values().iter().enumerate().filter(|(_, v)| **v > 0.0);
        let bins: BTreeMap<_, _> = values.map(|(bin, &v)| (bin, v as u64)).collect();
        ((banner.banner.grid_id, size, banner.banner.domain), bins)
    };
    log.banners().map(|banner| map(banner.unwrap())).collect()
}

/// As an f32 holds it.
fn rounded(maps: Maps) -> Maps {
    maps.into_iter()
        .map(|(key, bins)| (key, bins.into_iter().map(|(bin, v)| (bin, v as f32 as u64)).collect()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_log_is_the_plain_grouping_of_its_rows(
        cases in prop::collection::vec(case(), 1..120),
        order in Just((0..9).collect::<Vec<usize>>()).prop_shuffle(),
        mark in any::<bool>(),
        end in prop::sample::select(vec!["\n", "\r\n"]),
        last_end in any::<bool>(),
        min_clicks in 0..60_u64,
    ) {
        let names: Vec<_> = HEADER.trim().split(',').chain(["extra", "note"]).collect();
        let header = order.iter().map(|&column| names[column]).collect::<Vec<_>>().join(",");
        let mark = if mark { "\u{feff}" } else { "" };
        let file = |cases: &mut dyn Iterator<Item = &Case>| {
            let mut text = format!("{mark}{header}{end}");
            cases.for_each(|case| text += &case.write(&order, end));
            if !last_end { text.truncate(text.trim_end_matches(['\r', '\n']).len()) }
            text
        };
        let one = file(&mut cases.iter());
        let of_file = |n| file(&mut cases.iter().filter(|case| case.file == n));
            let split: Vec<_> = (0..4).map(of_file).collect();
        let reversed = file(&mut cases.iter().rev());
        let split: Vec<_> = split.iter().map(String::as_bytes).collect();
        let (expected, kept) = grouped(&cases, min_clicks);
        let expected = rounded(expected);
        let mut drops = None;
        let (one, reversed) = ([one.as_bytes()], [reversed.as_bytes()]);
        for (files, memory_rows) in [(&one[..], 1 << 20), (&one, 7), (&split, 7), (&reversed, 1)] {
            let config = ClickLogConfig { min_clicks, memory_rows, ..Default::default() };
            match read_with(&config, files) {
                Ok(log) => {
                    prop_assert_eq!(&maps(&log), &expected);
                    prop_assert_eq!(log.rows(), kept + log.drops().rows());
                    // An uneven row over two lines counts as two.
                    prop_assert!(log.rows() >= cases.len() as u64);
                    let counts = |d: &Dropped| (d.reason, d.banners, d.rows, d.clicks);
                    let counted: Vec<_> = log.drops().by_reason().iter().map(counts).collect();
                    prop_assert_eq!(drops.get_or_insert(counted.clone()), &counted);
                }
                Err(error) => {
                    prop_assert!(expected.is_empty(), "{}", error);
                    let says = error.to_string();
                    let reason = says.contains("can be used") || says.contains("no row to read");
                prop_assert!(reason, "{}", says);
                }
            }
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic_or_lose_a_row(
        bytes in prop::collection::vec(
            prop_oneof![prop::sample::select(b",\"\n\r a0.-".to_vec()), any::<u8>()],
            0..400,
        ),
    ) {
        let mut file = HEADER.as_bytes().to_vec();
        file.extend(&bytes);
        file.extend(b"\"\na,g,1,2,250,300,1\n");
        let config = ClickLogConfig { memory_rows: 3, ..Default::default() };
        if let Ok(log) = read_with(&config, &[&file]) {
            let kept: u64 = log.banners().map(|banner| banner.unwrap().clicks).sum();
            prop_assert_eq!(kept, log.clicks());
            prop_assert!(log.rows() > log.drops().rows());
        }
    }
}
