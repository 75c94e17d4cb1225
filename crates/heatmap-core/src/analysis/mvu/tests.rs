//! Tests of the unfolding as a whole.
