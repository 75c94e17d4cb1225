//! Helpers for the tests of the operations.

use burn::tensor::{Device, Tensor, TensorData};

/// Makes a tensor of numbers between -1 and 1 without an obvious pattern; another `salt` gives
/// others.
pub(super) fn ramp<const D: usize>(shape: [usize; D], salt: usize, device: &Device) -> Tensor<D> {
    let value = |at: usize| ((at * 7919 + salt * 104_729 + at * at) % 2003) as f32 / 1001.5 - 1.0;
    Tensor::from_data(
        TensorData::new((0..shape.iter().product()).map(value).collect::<Vec<_>>(), shape),
        device,
    )
}

/// Asserts that every tensor of ours differs from theirs by at most `tolerance` times its largest
/// absolute value.
pub(super) fn assert_same(ours: &[TensorData], theirs: &[TensorData], tolerance: f32) {
    assert_eq!(ours.len(), theirs.len());
    for (at, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        assert_eq!(ours.shape(), theirs.shape());
        let (a, b) =
            (ours.try_to_vec::<f32>().expect("f32"), theirs.try_to_vec::<f32>().expect("f32"));
        let largest = b.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        // Not `max`, which forgets a NaN.
        let close = |(a, b): (&f32, &f32)| (a - b).abs() <= tolerance * largest.max(1e-3);
        let worst = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(a.iter().zip(&b).all(close), "result {at}: {worst} of {largest}");
    }
}
