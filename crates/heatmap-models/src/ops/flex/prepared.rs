//! A cache of weights in the form that the kernels multiply with. An entry lives as long as its
//! weight is unchanged.
//!
//! Only the forward pass without gradients uses the cache: there the same weight is used again and
//! again. A weight is identified by its memory, to which the cache keeps a weak reference. As long
//! as that exists, nobody can write to the memory in place (Flex writes through `Arc::get_mut` and
//! `Arc::make_mut`, which then copy), and the memory cannot be allocated again; so the same memory
//! is the same weight.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use burn::backend::flex::{FlexTensor, Layout};
use burn::tensor::Bytes;

/// The memory of a weight, the layout of the weight in it, and what was made from it.
type Entry = (Weak<Bytes>, Layout, Arc<dyn Any + Send + Sync>);

static PREPARED: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

/// Returns what `make` makes from `weight`: from the cache if an entry `suits`, made and cached now
/// otherwise.
pub(super) fn prepared<K: Send + Sync + 'static>(
    weight: &FlexTensor,
    suits: impl Fn(&K) -> bool,
    make: impl FnOnce() -> K,
) -> Arc<K> {
    let memory = weight.data_arc();
    let found = entries(|entries| {
        let of_weight = entries.iter().filter(|(weak, layout, _)| {
            weak.as_ptr() == Arc::as_ptr(&memory) && layout == weight.layout()
        });
        of_weight
            .filter_map(|(.., made)| made.clone().downcast::<K>().ok())
            .find(|made| suits(made))
    });
    found.unwrap_or_else(|| {
        let made = Arc::new(make());
        entries(|entries| {
            entries.push((Arc::downgrade(&memory), weight.layout().clone(), made.clone()))
        });
        made
    })
}

/// Drops the entries whose weights no longer exist.
pub(super) fn forget_gone() {
    entries(|_| ());
}

/// Drops all entries; they are made again when they are needed.
pub(in crate::ops) fn forget_all() {
    entries(Vec::clear);
}

/// Runs `work` on the entries whose weights still exist.
fn entries<R>(work: impl FnOnce(&mut Vec<Entry>) -> R) -> R {
    let mut entries = PREPARED.lock().unwrap_or_else(PoisonError::into_inner);
    entries.retain(|(weak, ..)| weak.strong_count() > 0);
    work(&mut entries)
}

#[cfg(test)]
mod tests {
    use burn::tensor::{DType, Shape};

    use super::*;

    #[test]
    fn a_weight_is_prepared_once_and_again_when_it_changes() {
        let tensor = |values: Vec<f32>| {
            FlexTensor::new(
                Bytes::from_elems(values),
                Layout::contiguous(Shape::new([2])),
                DType::F32,
            )
        };
        let mut weight = tensor(vec![1.0, 2.0]);
        let total =
            |weight: &FlexTensor| weight.as_slice::<f32>().expect("f32").iter().sum::<f32>();
        let first = prepared(&weight, |_| true, || total(&weight));
        assert_eq!(*first, 3.0);
        assert!(Arc::ptr_eq(&first, &prepared(&weight, |_| true, || unreachable!("it is known"))));
        assert_eq!(
            *prepared(&weight, |_: &f32| false, || 7.0),
            7.0,
            "what does not suit is made again"
        );
        // Written in place: another weight.
        weight.storage_mut::<f32>()[0] = 5.0;
        assert_eq!(*prepared(&weight, |_| true, || total(&weight)), 7.0);
        assert_eq!(total(&weight), 7.0);
        drop(weight);
        forget_gone();
        assert_eq!(
            Arc::strong_count(&first),
            1,
            "nobody else holds what was made of a weight that is gone"
        );
    }
}
