//! Containers: the keys under which training scripts store the weights in a file that also contains
//! optimisers and more.

/// The containers that are known, such as `state_dict.` of Lightning's checkpoints.
const CONTAINERS: [&str; 4] = ["state_dict.", "model_state_dict.", "state_dict_ema.", "model."];

/// Returns the container that `name` begins with.
pub(super) fn container_of(name: &str) -> Option<&'static str> {
    CONTAINERS.into_iter().find(|container| name.starts_with(container))
}

/// Returns `key` without its container: the name that the tensor has in the training script.
pub(super) fn inside(key: &str) -> &str {
    container_of(key).map_or(key, |container| &key[container.len()..])
}

/// Returns whether `key`, with or without its container, starts with `beginning`.
pub(super) fn begins_with(key: &str, beginning: &str) -> bool {
    key.starts_with(beginning) || inside(key).starts_with(beginning)
}
