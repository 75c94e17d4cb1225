//! Access to the tensors of a module by their paths, such as
//! `stages.0.blocks.1.branch.2.conv.weight`.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};

use crate::Result;

/// The path and shape of a parameter or running statistic, which may not be initialised yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ModuleTensor {
    pub(super) path: String,
    pub(super) shape: Vec<usize>,
}

/// Lists all tensors of a module, in the order of its fields.
pub(super) fn tensors_of(module: &impl Module) -> Vec<ModuleTensor> {
    struct List(Vec<String>, Vec<ModuleTensor>);
    impl ModuleVisitor for List {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.0.push(name.to_owned());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.0.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.1
                .push(ModuleTensor { path: self.0.join("."), shape: param.lazy_shape().to_vec() });
        }
    }
    let mut list = List(Vec::new(), Vec::new());
    module.visit(&mut list);
    list.1
}

/// Passes the values of all tensors to `each`, one after another.
pub(super) fn read_tensors(module: &impl Module, each: impl FnMut(ModuleTensor, Vec<f32>)) {
    struct Read<F>(Vec<String>, F);
    impl<F: FnMut(ModuleTensor, Vec<f32>)> ModuleVisitor for Read<F> {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.0.push(name.to_owned());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.0.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let data = param.transform_for_save().val().into_data().convert::<f32>();
            let tensor = ModuleTensor { path: self.0.join("."), shape: data.shape().to_vec() };
            (self.1)(tensor, data.try_to_vec().expect("converted to f32"));
        }
    }
    module.visit(&mut Read(Vec::new(), each));
}

/// Replaces the tensors of a module by the values that `values` returns; where that is `None`, a
/// tensor stays as it is.
///
/// # Errors
/// The first error that `values` returns.
pub(super) fn fill<M: Module>(
    module: M,
    values: impl FnMut(&ModuleTensor) -> Result<Option<Vec<f32>>>,
) -> Result<M> {
    struct Fill<F>(Vec<String>, F, Result<()>);
    impl<F: FnMut(&ModuleTensor) -> Result<Option<Vec<f32>>>> ModuleMapper for Fill<F> {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.0.push(name.to_owned());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.0.pop();
        }
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            if self.2.is_err() {
                return param;
            }
            let tensor =
                ModuleTensor { path: self.0.join("."), shape: param.lazy_shape().to_vec() };
            match (self.1)(&tensor) {
                Ok(Some(values)) => {
                    let (id, device) = (param.id, param.lazy_device());
                    let loaded = Tensor::from_data(TensorData::new(values, tensor.shape), &device);
                    param.transform_for_load(loaded, id)
                }
                Ok(None) => param,
                Err(error) => {
                    self.2 = Err(error);
                    param
                }
            }
        }
    }
    let mut fill = Fill(Vec::new(), values, Ok(()));
    let module = module.map(&mut fill);
    fill.2.map(|()| module)
}

/// Transposes a row-major matrix of `rows` by `columns`.
pub(super) fn transposed(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..columns)
        .flat_map(|column| (0..rows).map(move |row| values[row * columns + column]))
        .collect()
}
