//! Places on a banner in words.

/// Describes a place on the banner, given as fractions of its width and height.
pub fn place_in_words(x: f64, y: f64) -> &'static str {
    let third = |at: f64| if at < 0.25 { 0 } else { 1 + usize::from(at > 0.75) };
    [
        ["at the top left", "at the top", "at the top right"],
        ["on the left side", "in the middle", "on the right side"],
        ["at the bottom left", "at the bottom", "at the bottom right"],
    ][third(y)][third(x)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_have_words() {
        assert_eq!(place_in_words(0.02, 0.02), "at the top left");
        assert_eq!(place_in_words(0.5, 0.5), "in the middle");
        assert_eq!(place_in_words(0.9, 0.5), "on the right side");
        assert_eq!(place_in_words(0.5, 0.99), "at the bottom");
    }
}
