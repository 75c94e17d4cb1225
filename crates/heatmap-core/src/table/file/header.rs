//! Names of columns: what our tables call them, and what other people do.

/// What a column must be able to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::table) enum Holds {
    /// Names of banners.
    Names,
    /// Whole numbers, such as counts and sizes.
    Whole,
    /// Any numbers.
    Numbers,
    /// Labels.
    Labels,
}

/// The columns of our tables and common words for the same, as [`key`] writes them. The first word
/// that a header has is taken.
pub(super) const KNOWN_COLUMNS: [(&str, &[&str]); 19] = [
    (
        "domain",
        &[
            "site",
            "sitedomain",
            "sitename",
            "website",
            "publisher",
            "publisherdomain",
            "host",
            "hostname",
            "app",
            "appbundle",
            "bundle",
        ],
    ),
    (
        "grid_id",
        &[
            "grid",
            "gridname",
            "layout",
            "layoutid",
            "layoutname",
            "template",
            "templateid",
            "templatename",
            "creativeid",
            "creative",
        ],
    ),
    ("click_x", &["clickposx", "clickxpx", "xpx", "x", "posx", "xpos", "offsetx", "xcoordinate"]),
    ("click_y", &["clickposy", "clickypx", "ypx", "y", "posy", "ypos", "offsety", "ycoordinate"]),
    (
        "display_height",
        &[
            "displayheightpx",
            "height",
            "heightpx",
            "bannerheight",
            "adheight",
            "creativeheight",
            "h",
        ],
    ),
    (
        "display_width",
        &["displaywidthpx", "width", "widthpx", "bannerwidth", "adwidth", "creativewidth", "w"],
    ),
    ("clicks", &["clickcount", "numclicks", "numberofclicks", "totalclicks", "clicksum", "count"]),
    ("broken", &["isbroken", "brokenlabel", "label", "verdict"]),
    ("clusters", &["clustercount", "numclusters", "numberofclusters"]),
    ("centre_x", &["centrexpx", "centerx", "centerxpx", "clusterx"]),
    ("centre_y", &["centreypx", "centery", "centerypx", "clustery"]),
    ("displays", &["impressions", "imps", "views"]),
    ("landed_clicks", &["landings", "landed", "landingclicks"]),
    ("non_bounced_clicks", &["nonbounced", "nonbounces"]),
    ("closing_events", &["closings", "closes"]),
    ("landing_rate", &[]),
    ("click_through", &["clickthroughrate", "ctr"]),
    ("non_bounce_rate", &[]),
    ("closing_rate", &[]),
];

/// Whether one of our tables has a column of this name.
pub(super) fn is_known(name: &str) -> bool {
    KNOWN_COLUMNS.iter().any(|(known, _)| *known == name)
}

/// Returns a name without what differs between spellings: case, spaces, hyphens, underscores.
pub(super) fn key(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Returns the positions of the columns among `names` that `wanted` stands for: those with exactly
/// that name, or else those with another spelling, or else those with the first of the common words
/// that is there. More than one means that the name is ambiguous.
pub(super) fn places(names: &[&str], wanted: &str) -> Vec<usize> {
    let all = |is: &dyn Fn(&str) -> bool| -> Vec<usize> {
        (0..names.len()).filter(|&place| is(names[place])).collect()
    };
    let exact = all(&|name| name == wanted);
    if !exact.is_empty() {
        return exact;
    }
    let words =
        KNOWN_COLUMNS.iter().find(|(known, _)| *known == wanted).map_or(&[][..], |(_, w)| w);
    let spelled = key(wanted);
    std::iter::once(spelled.as_str())
        .chain(words.iter().copied())
        .map(|word| all(&|name| key(name) == word))
        .find(|places| !places.is_empty())
        .unwrap_or_default()
}

/// Number of our columns that a header has, under whatever name.
pub(super) fn known_columns(names: &[&str]) -> usize {
    KNOWN_COLUMNS.iter().filter(|(known, _)| !places(names, known).is_empty()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_in_any_spelling_and_the_nearest_one_wins() {
        let found = |names: &[&str], wanted| places(names, wanted);
        for name in ["grid_id", "Grid ID", "GRID-ID", "gridId", "Grid.Id", " grid  id "] {
            assert_eq!(found(&["domain", name], "grid_id"), [1], "{name}");
        }
        assert_eq!(found(&["Layout", "GRID ID", "grid_id"], "grid_id"), [2]);
        assert_eq!(found(&["Layout", "GRID ID"], "grid_id"), [1]);
        assert_eq!(found(&["template", "layout"], "grid_id"), [1]);
        assert_eq!(found(&["Grid Id", "GRID_ID"], "grid_id"), [0, 1]);
        assert_eq!(found(&["campaign"], "grid_id"), [] as [usize; 0]);
    }

    #[test]
    fn no_word_stands_for_two_columns() {
        let mut words: Vec<String> = KNOWN_COLUMNS
            .iter()
            .flat_map(|(name, words)| words.iter().map(|&word| word.to_owned()).chain([key(name)]))
            .collect();
        let count = words.len();
        words.iter().for_each(|word| assert_eq!(key(word), *word));
        words.sort();
        words.dedup();
        assert_eq!(words.len(), count);
    }
}
