//! [`Settings`]: a configuration as named values, which are read from a file or set one by one.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{Error, Result};

/// A configuration as values by name, such as `optimizer.learning_rate`. The configuration that
/// they are made from determines which names exist; all other names are errors.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings(Map<String, Value>);

impl Settings {
    /// Returns all settings of a configuration.
    ///
    /// # Errors
    /// Returns an error when the configuration is not serialised as a JSON object.
    pub fn of(config: &impl Serialize) -> Result<Self> {
        match serde_json::to_value(config) {
            Ok(Value::Object(values)) => Ok(Self(values)),
            Ok(other) => Err(Error::config("settings", other, "not an object")),
            Err(error) => Err(Error::config("settings", error, "not JSON")),
        }
    }

    /// Creates settings from their values.
    pub(super) fn from_values(values: Map<String, Value>) -> Self {
        Self(values)
    }

    /// Returns a copy of these settings in which `values` replace the values of the same names.
    /// `values` may contain all settings of a configuration or only some of them.
    ///
    /// # Errors
    /// Returns an error that names a key that these settings do not have.
    pub fn overlaid(&self, values: Map<String, Value>) -> Result<Self> {
        let mut settings = self.clone();
        merge(&mut settings.0, values, "", self)?;
        Ok(settings)
    }

    /// Returns the names of all individual values; the parts of a nested name are joined by dots.
    pub fn keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        collect(&self.0, "", &mut keys);
        keys
    }

    /// Returns the value, or the group of values, with this full name.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let mut parts = key.split('.');
        let first = self.0.get(parts.next()?)?;
        parts.try_fold(first, |value, part| value.get(part))
    }

    /// Sets one value. `text` is parsed as JSON; if it is not valid JSON it is taken as a string.
    /// The last parts of a name are enough when only one name ends with them, and `-` is read as
    /// `_`.
    ///
    /// # Errors
    /// Returns an error when no name matches, or more than one.
    pub fn set(&mut self, key: &str, text: &str) -> Result<()> {
        let key = self.full_name(key)?;
        let value = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
        let mut parts: Vec<&str> = key.split('.').collect();
        let last = parts.pop().unwrap_or_default();
        let place = parts
            .into_iter()
            .try_fold(&mut self.0, |place, part| place.get_mut(part)?.as_object_mut());
        if let Some(place) = place {
            place.insert(last.to_owned(), value);
        }
        Ok(())
    }

    /// Returns the full name of the value that `key` stands for.
    fn full_name(&self, key: &str) -> Result<String> {
        let key = key.replace('-', "_");
        if self.get(&key).is_some() {
            return Ok(key);
        }
        let ending = format!(".{key}");
        let mut found = self.keys().into_iter().filter(|known| known.ends_with(&ending));
        match (found.next(), found.next()) {
            (Some(only), None) => Ok(only),
            (Some(one), Some(other)) => {
                Err(Error::UnknownKey { key, hint: format!("did you mean `{one}` or `{other}`?") })
            }
            _ => Err(self.unknown(&key)),
        }
    }

    fn unknown(&self, key: &str) -> Error {
        let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
        let likeness = |known: &str| {
            let whole = strsim::jaro_winkler(known, key);
            // A name that was given without its group can only resemble the last part.
            whole.max(strsim::jaro_winkler(&last(known), &last(key)))
        };
        let keys = self.keys();
        let nearest = keys.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
        let hint = match nearest.filter(|nearest| likeness(nearest) > 0.8) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("there are: {}", keys.join(", ")),
        };
        Error::UnknownKey { key: key.to_owned(), hint }
    }

    /// Converts the settings to a configuration. `good` is any valid configuration of the same
    /// kind; it serves to find the value that cannot be used.
    ///
    /// # Errors
    /// Returns an error when a value has the wrong type. The error names the value if it can be
    /// found.
    pub fn into_config<C: DeserializeOwned + Serialize>(self, good: &C) -> Result<C> {
        let whole: std::result::Result<C, _> =
            serde_json::from_value(Value::Object(self.0.clone()));
        let error = match whole {
            Ok(config) => return Ok(config),
            Err(error) => error,
        };
        // The wrong value is found by putting every value, one at a time, into a valid
        // configuration.
        let good = Self::of(good)?;
        for key in self.keys() {
            let value = self.get(&key).cloned().unwrap_or_default();
            let mut spoilt = good.clone();
            if spoilt.set(&key, &value.to_string()).is_ok()
                && let Err(error) = serde_json::from_value::<C>(Value::Object(spoilt.0))
            {
                return Err(Error::Setting {
                    key,
                    value: value.to_string(),
                    reason: error.to_string(),
                });
            }
        }
        Err(Error::Setting {
            key: "settings".to_owned(),
            value: "these".to_owned(),
            reason: error.to_string(),
        })
    }

    /// Checks that all values equal those of `before`, except those whose names `free` accepts.
    ///
    /// # Errors
    /// Returns an error that names the first value that differs.
    pub fn check_same(&self, before: &Self, free: impl Fn(&str) -> bool) -> Result<()> {
        let mut keys = self.keys();
        keys.extend(before.keys());
        for key in keys.into_iter().filter(|key| !free(key)) {
            let text = |settings: &Self| match settings.get(&key) {
                Some(Value::String(word)) => word.clone(),
                Some(value) => value.to_string(),
                None => "nothing".to_owned(),
            };
            let (now, before) = (text(self), text(before));
            if now != before {
                return Err(Error::Setting {
                    key,
                    value: now,
                    reason: format!("the run to resume has {before}"),
                });
            }
        }
        Ok(())
    }
}

fn collect(values: &Map<String, Value>, prefix: &str, keys: &mut Vec<String>) {
    for (key, value) in values {
        match value {
            Value::Object(values) => collect(values, &format!("{prefix}{key}."), keys),
            _ => keys.push(format!("{prefix}{key}")),
        }
    }
}

/// Replaces the values in `place` by those in `values`, group by group. Where `place` has no group,
/// for example because an optional group of settings is null, the whole group is taken.
fn merge(
    place: &mut Map<String, Value>,
    values: Map<String, Value>,
    prefix: &str,
    all: &Settings,
) -> Result<()> {
    for (key, value) in values {
        let Some(known) = place.get_mut(&key) else {
            return Err(all.unknown(&format!("{prefix}{key}")));
        };
        match (known, value) {
            (Value::Object(known), Value::Object(values)) => {
                merge(known, values, &format!("{prefix}{key}."), all)?
            }
            (known, value) => *known = value,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optim::Warmup;
    use crate::run::SimClrConfig;

    fn settings() -> Settings {
        Settings::of(&SimClrConfig::published_recipe()).unwrap()
    }

    #[test]
    fn a_configuration_comes_back_from_its_settings() {
        let config = SimClrConfig { ema: Some(0.5), ..SimClrConfig::published_recipe() };
        assert_eq!(
            Settings::of(&config).unwrap().into_config(&SimClrConfig::published_recipe()).unwrap(),
            config
        );
    }

    #[test]
    fn values_are_set_by_their_names_or_the_last_part() {
        let mut settings = settings();
        settings.set("optimizer.learning_rate", "0.25").unwrap();
        settings.set("warmup-batches", "7").unwrap();
        settings.set("preset", "simclr-wide").unwrap();
        settings.set("chunk", "32").unwrap();
        settings.set("evaluation.every", "null").unwrap();
        let config: SimClrConfig = settings.into_config(&SimClrConfig::published_recipe()).unwrap();
        assert_eq!(
            (config.training.optimizer.learning_rate, config.training.optimizer.warmup_batches),
            (0.25, Warmup::Batches(7))
        );
        assert_eq!(
            (config.preset.as_str(), config.chunk, config.evaluation.every),
            ("simclr-wide", Some(32), None)
        );
    }

    #[test]
    fn unknown_names_are_told_with_the_nearest_known_one() {
        let error = settings().set("learnin_rate", "1").unwrap_err().to_string();
        assert_eq!(error, "unknown key `learnin_rate`; did you mean `optimizer.learning_rate`?");
        let error = settings().set("name", "x").unwrap_err().to_string();
        assert!(error.contains("`loss.name` or `optimizer.name`"), "{error}");
        let error = settings().set("zzz", "1").unwrap_err().to_string();
        assert!(error.contains("there are: ") && error.contains("evaluation.every"), "{error}");
    }

    #[test]
    fn values_may_be_some_of_the_settings_and_no_others() {
        let overlaid = |values: serde_json::Value| {
            let Value::Object(values) = values else { panic!("an object") };
            settings().overlaid(values)
        };
        let some = serde_json::json!({"loss": {"temperature": 0.1}, "augment": {"blur": null}});
        let config: SimClrConfig = overlaid(some)
            .and_then(|settings| settings.into_config(&SimClrConfig::published_recipe()))
            .unwrap();
        assert_eq!((config.loss.temperature, config.training.batches), (0.1, 1_000));
        let wrong = serde_json::json!({"loss": {"temperatur": 0.1}});
        let error = overlaid(wrong).unwrap_err().to_string();
        assert_eq!(error, "unknown key `loss.temperatur`; did you mean `loss.temperature`?");
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_named() {
        let mut settings = settings();
        settings.set("loss.name", "barlow").unwrap();
        let error =
            settings.into_config(&SimClrConfig::published_recipe()).unwrap_err().to_string();
        assert!(error.contains("`loss.name` = \"barlow\": unknown variant `barlow`"), "{error}");
    }
}
