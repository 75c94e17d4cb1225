//! Conversion of the settings of earlier versions to their present names.

use serde_json::{Map, Value};

use super::fine_tune::FineTuneConfig;

/// Moves settings of count and location runs from the group `training`, where earlier versions kept
/// them, to the places that all runs use now, and returns a description of what was renamed.
/// `final_samples` is the value of `evaluation.final_samples`, which was not a setting then.
pub(super) fn flatten_training(
    values: &mut Map<String, Value>,
    final_samples: usize,
) -> Option<String> {
    let is_old = values.get("training").is_some_and(Value::is_object);
    let Some(Value::Object(training)) = is_old.then(|| values.remove("training")).flatten() else {
        return None;
    };
    let mut evaluation = Map::new();
    let mut renamed = vec!["`training.KEY` is now `KEY`".to_owned()];
    let batch_size = training.get("batch_size").and_then(Value::as_u64);
    let batch_size = batch_size.unwrap_or(FineTuneConfig::BATCH_SIZE as u64).max(1);
    for (key, value) in training {
        match (key.as_str(), value.as_u64()) {
            ("samples", Some(samples)) => {
                let batches = samples.div_ceil(batch_size);
                let whole =
                    if samples.is_multiple_of(batch_size) { "" } else { ", all of them whole" };
                renamed.push(format!("`samples` {samples} is `batches` {batches}{whole}"));
                values.insert("batches".to_owned(), batches.into());
            }
            ("valid_samples", _) => {
                renamed.push("`valid_samples` is `evaluation.samples`".to_owned());
                evaluation.insert("samples".to_owned(), value);
                evaluation.insert("final_samples".to_owned(), final_samples.into());
            }
            _ => {
                values.insert(key, value);
            }
        }
    }
    if !evaluation.is_empty() {
        values.insert("evaluation".to_owned(), Value::Object(evaluation));
    }
    renamed.extend(group_optimizer(values));
    Some(renamed.join("; "))
}

/// Moves the settings of AdamW, which had no group in earlier versions, into `optimizer`, and
/// returns a description of what was renamed.
pub(super) fn group_optimizer(values: &mut Map<String, Value>) -> Option<String> {
    const MOVED: [(&str, &str); 3] = [
        ("learning_rate", "learning_rate"),
        ("warmup", "warmup_batches"),
        ("weight_decay", "weight_decay"),
    ];
    let mut optimizer = Map::new();
    let mut renamed = Vec::new();
    for (old, new) in MOVED {
        if let Some(value) = values.remove(old) {
            renamed.push(format!("`{old}` is `optimizer.{new}`"));
            optimizer.insert(new.to_owned(), value);
        }
    }
    if renamed.is_empty() {
        return None;
    }
    optimizer.insert("name".to_owned(), "adamw".into());
    values.insert("optimizer".to_owned(), Value::Object(optimizer));
    Some(renamed.join("; "))
}
