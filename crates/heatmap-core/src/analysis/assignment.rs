//! [`assign`]: the exact assignment of least cost between two sets, by which found places are
//! matched with true ones.
//!
//! The Hungarian method (Kuhn 1955) by shortest augmenting paths with prices on rows and columns
//! (Jonker and Volgenant 1987, in the rectangular form of Crouse 2016): O(n^2 m) for sides n <= m.

/// Assigns rows to distinct columns so that the sum of `cost(row, column)` over the pairs is the
/// least possible, and returns the column of each row. The smaller side is assigned as a whole, so
/// there are min(rows, columns) pairs; rows that are left over have `None`. Costs may be negative.
/// Of several best assignments the same input always gives the same one.
///
/// # Panics
/// Panics when a cost is not finite.
pub fn assign(
    rows: usize,
    columns: usize,
    cost: impl Fn(usize, usize) -> f64,
) -> Vec<Option<usize>> {
    // The method adds one line after the other and finds a place for each, so the lines must be the
    // shorter of the two sides.
    let by_columns = rows > columns;
    let (lines, places) = if by_columns { (columns, rows) } else { (rows, columns) };
    let mut costs = Vec::with_capacity(lines * places);
    for line in 0..lines {
        for place in 0..places {
            let (row, column) = if by_columns { (place, line) } else { (line, place) };
            let value = cost(row, column);
            assert!(value.is_finite(), "the cost of row {row} and column {column} is {value}");
            costs.push(value);
        }
    }
    let pairs = Pairs::cheapest(lines, places, &costs);
    if by_columns { pairs.line_of } else { pairs.place_of }
}

/// A matching of lines and places, stored from both sides.
struct Pairs {
    place_of: Vec<Option<usize>>,
    line_of: Vec<Option<usize>>,
}

impl Pairs {
    /// Assigns all `lines` to distinct `places`, of which there are at least as many, at the least
    /// cost; `costs` is [lines, places].
    fn cheapest(lines: usize, places: usize, costs: &[f64]) -> Self {
        let mut pairs = Self { place_of: vec![None; lines], line_of: vec![None; places] };
        // A cost minus the prices of its line and place is never negative, and zero for every pair:
        // the proof that the pairs are the best.
        let (mut line_price, mut place_price) = (vec![0.0_f64; lines], vec![0.0_f64; places]);
        for added in 0..lines {
            // Dijkstra's algorithm from the new line to the nearest free place, by way of the lines
            // whose places are taken.
            let mut distance = vec![f64::INFINITY; places];
            let mut from = vec![added; places];
            let mut open: Vec<usize> = (0..places).collect();
            let mut passed = Vec::new();
            let (mut line, mut walked) = (added, 0.0_f64);
            let free = loop {
                let mut nearest = 0;
                for (at, &place) in open.iter().enumerate() {
                    let length = walked + costs[line * places + place]
                        - line_price[line]
                        - place_price[place];
                    if length < distance[place] {
                        distance[place] = length;
                        from[place] = line;
                    }
                    if distance[place] < distance[open[nearest]] {
                        nearest = at;
                    }
                }
                // Removed in order, so that the first place wins a tie. Some place is free, so one
                // is always open.
                let place = open.remove(nearest);
                walked = distance[place];
                match pairs.line_of[place] {
                    Some(next) => {
                        passed.push((place, next));
                        line = next;
                    }
                    None => break place,
                }
            };
            line_price[added] += walked;
            for (place, line) in passed {
                let gain = walked - distance[place];
                place_price[place] -= gain;
                line_price[line] += gain;
            }
            pairs.shift_along(&from, free);
        }
        pairs
    }

    /// Moves every line on the path that ends at `free` to the next place of the path.
    fn shift_along(&mut self, from: &[usize], free: usize) {
        let mut place = free;
        loop {
            let line = from[place];
            self.line_of[place] = Some(line);
            match self.place_of[line].replace(place) {
                Some(left) => place = left,
                None => break,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The least cost over all ways to give the rows from
    /// `row` on a column each, or none to `spare` of them.
    fn least(
        row: usize,
        spare: usize,
        taken: &mut [bool],
        rows: usize,
        cost: &dyn Fn(usize, usize) -> f64,
    ) -> f64 {
        if row == rows {
            return 0.0;
        }
        let mut best = f64::INFINITY;
        if spare > 0 {
            best = least(row + 1, spare - 1, taken, rows, cost);
        }
        for column in 0..taken.len() {
            if !taken[column] {
                taken[column] = true;
                best = best.min(cost(row, column) + least(row + 1, spare, taken, rows, cost));
                taken[column] = false;
            }
        }
        best
    }

    fn assert_cheapest(rows: usize, columns: usize, costs: &[f64]) {
        let cost = |row: usize, column: usize| costs[row * columns + column];
        let assigned = assign(rows, columns, cost);
        assert_eq!(assigned.len(), rows);
        let pairs: Vec<(usize, usize)> =
            assigned.iter().enumerate().filter_map(|(r, c)| c.map(|c| (r, c))).collect();
        assert_eq!(pairs.len(), rows.min(columns), "{assigned:?}");
        for (at, &(_, column)) in pairs.iter().enumerate() {
            assert!(pairs[..at].iter().all(|&(_, other)| other != column), "{assigned:?}");
        }
        let total: f64 = pairs.iter().map(|&(row, column)| cost(row, column)).sum();
        let best = least(0, rows - rows.min(columns), &mut vec![false; columns], rows, &cost);
        assert!(
            (total - best).abs() < 1e-9,
            "{rows} x {columns}: {assigned:?} costs {total}, not {best}"
        );
    }

    proptest! {
        #[test]
        fn nothing_is_cheaper(
            rows in 0..=6_usize,
            columns in 0..=6_usize,
            costs in prop::collection::vec(-100.0..100.0_f64, 36),
        ) {
            assert_cheapest(rows, columns, &costs);
        }

        #[test]
        fn nothing_is_cheaper_where_many_costs_are_equal(
            rows in 0..=6_usize,
            columns in 0..=6_usize,
            costs in prop::collection::vec(-2..=2_i32, 36),
        ) {
            let costs: Vec<f64> = costs.into_iter().map(f64::from).collect();
            assert_cheapest(rows, columns, &costs);
        }
    }

    #[test]
    fn all_want_the_last_column_and_the_largest_row_gets_it() {
        // By the rearrangement inequality; the 10 smallest of the longer side are left over.
        let cost = |row: usize, column: usize| -((row + 1) as f64 * (column + 1) as f64);
        let square: Vec<Option<usize>> = (0..30).map(Some).collect();
        assert_eq!(assign(30, 30, cost), square);
        let wide: Vec<Option<usize>> = (10..40).map(Some).collect();
        assert_eq!(assign(30, 40, cost), wide);
        let tall: Vec<Option<usize>> = (0..40_usize).map(|row| row.checked_sub(10)).collect();
        assert_eq!(assign(40, 30, cost), tall);
    }

    #[test]
    fn among_equals_the_first_wins() {
        assert_eq!(assign(3, 3, |_, _| 0.5), [Some(0), Some(1), Some(2)]);
        assert_eq!(assign(2, 3, |_, _| 0.5), [Some(0), Some(1)]);
        assert_eq!(assign(3, 2, |_, _| 0.5), [Some(0), Some(1), None]);
    }

    #[test]
    fn an_empty_side_leaves_the_other_alone() {
        assert!(assign(0, 3, |_, _| 1.0).is_empty());
        assert_eq!(assign(2, 0, |_, _| 1.0), [None::<usize>; 2]);
        assert!(assign(0, 0, |_, _| 1.0).is_empty());
    }

    #[test]
    fn huge_costs_come_to_an_end() {
        let assigned =
            assign(3, 3, |row, column| if row.abs_diff(column) == 1 { f64::MAX } else { f64::MIN });
        assert!((0..3).all(|column| assigned.contains(&Some(column))), "{assigned:?}");
    }

    #[test]
    #[should_panic(expected = "the cost of row 1 and column 0 is NaN")]
    fn a_cost_that_is_no_number_panics() {
        assign(2, 2, |row, column| if (row, column) == (1, 0) { f64::NAN } else { 0.0 });
    }
}
