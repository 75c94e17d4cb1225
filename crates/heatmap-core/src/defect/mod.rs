//! The vocabulary of defects: where the clicks of broken banners have been seen to fall, in words,
//! as a place and as a density. The generators draw them, and detection looks for them.

mod pattern;
mod place;

pub use pattern::Pattern;
pub use place::place_in_words;
