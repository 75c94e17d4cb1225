//! [`Settings`]: a configuration as named values, which are read from a file or set one by one.

use heatmap_core::BannerSize;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::optional_groups::OptionalGroups;
use crate::data::OwnLog;
use crate::{Error, Result};

/// A configuration as values by name, such as `optimizer.learning_rate`. The configuration that
/// they are made from, and its [optional groups](Settings::with_group), determine which names
/// exist; all other names are errors.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    values: Map<String, Value>,
    groups: OptionalGroups,
}

impl Settings {
    /// Returns all settings of a configuration.
    ///
    /// # Errors
    /// Returns an error when the configuration is not serialised as a JSON object.
    pub fn of(config: &impl Serialize) -> Result<Self> {
        Ok(Self { values: object(config)?, groups: OptionalGroups::default() })
    }

    /// Lets the members of the group `name` be set one by one while the group is null, or while it
    /// does not have them. A group that is null then begins as `off`: with members that change
    /// nothing until they are set.
    ///
    /// # Errors
    /// Returns an error when `off` is not serialised as a JSON object.
    pub fn with_group(mut self, name: &str, off: &impl Serialize) -> Result<Self> {
        self.groups.add(name, object(off)?);
        Ok(self)
    }

    /// Lets the members of the click log of one's own that is called `own` be set one by one.
    ///
    /// # Errors
    /// Returns no error; the settings of a log are a JSON object.
    pub(super) fn with_own_log(self) -> Result<Self> {
        // A side of 0 is none yet; a size with one is refused when the log is read.
        let no_size = BannerSize { width_px: 0, height_px: 0 };
        // A format is not written where nothing was said of it.
        let no_format = json!({"separator": null, "decimal": null, "columns": {}});
        self.with_group("own", &OwnLog::new(Vec::new(), Vec::new()))?
            .with_group("own.common_size", &no_size)?
            .with_group("own.format", &no_format)
    }

    /// Returns settings of the same groups with other values.
    pub(super) fn with_values(self, values: Map<String, Value>) -> Self {
        Self { values, ..self }
    }

    /// Returns a copy of these settings in which `values` replace the values of the same names.
    /// `values` may contain all settings of a configuration or only some of them.
    ///
    /// # Errors
    /// Returns an error that names a key that these settings do not have.
    pub fn overlaid(&self, values: Map<String, Value>) -> Result<Self> {
        let mut settings = self.clone();
        merge(&mut settings.values, values, "", self)?;
        Ok(settings)
    }

    /// Returns the names of all individual values; the parts of a nested name are joined by dots.
    pub fn keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        collect(&self.values, "", &mut keys);
        keys
    }

    /// Returns the names of the members of optional groups that can be set but are not there.
    fn absent_keys(&self) -> Vec<String> {
        self.groups.keys().into_iter().filter(|key| self.get(key).is_none()).collect()
    }

    /// Returns the value, or the group of values, with this full name.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let mut parts = key.split('.');
        let first = self.values.get(parts.next()?)?;
        parts.try_fold(first, |value, part| value.get(part))
    }

    /// Sets one value. `text` is parsed as JSON; if it is not valid JSON it is taken as a string.
    /// The last parts of a name are enough when only one name ends with them, and `-` is read as
    /// `_`. If the value is in an [optional group](Settings::with_group) that is null, the other
    /// members of the group are off.
    ///
    /// # Errors
    /// Returns an error when no name matches, or more than one.
    pub fn set(&mut self, key: &str, text: &str) -> Result<()> {
        let key = self.full_name(key)?;
        let value = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
        let (group, last) = key.rsplit_once('.').unwrap_or(("", &key));
        if let Some(place) = self.groups.open(&mut self.values, group) {
            place.insert(last.to_owned(), value);
        }
        Ok(())
    }

    /// Returns the full name of the value that `key` stands for.
    fn full_name(&self, key: &str) -> Result<String> {
        let key = key.replace('-', "_");
        let absent = self.absent_keys();
        if self.get(&key).is_some() || absent.contains(&key) {
            return Ok(key);
        }
        let ending = format!(".{key}");
        // A value that is there comes before one of a group that is off.
        for keys in [self.keys(), absent] {
            let mut found = keys.into_iter().filter(|known| known.ends_with(&ending));
            match (found.next(), found.next()) {
                (Some(only), None) => return Ok(only),
                (Some(one), Some(other)) => {
                    let hint = format!("did you mean `{one}` or `{other}`?");
                    return Err(Error::UnknownKey { key, hint });
                }
                _ => {}
            }
        }
        Err(self.unknown(&key))
    }

    fn unknown(&self, key: &str) -> Error {
        let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
        let likeness = |known: &str| {
            let whole = strsim::jaro_winkler(known, key);
            // A name that was given without its group can only resemble the last part.
            whole.max(strsim::jaro_winkler(&last(known), &last(key)))
        };
        // Of a group that there is, a member is meant; other groups may have one of that very name.
        let group = key.rsplit_once('.').map(|(group, _)| group);
        let is_member = |known: &str| {
            let of = known.rsplit_once('.').map(|(group, _)| group);
            group.is_some() && group == of && likeness(known) > 0.8
        };
        let keys = [self.keys(), self.absent_keys()].concat();
        let nearest = keys.iter().max_by(|a, b| {
            is_member(a).cmp(&is_member(b)).then(likeness(a).total_cmp(&likeness(b)))
        });
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
            serde_json::from_value(Value::Object(self.values.clone()));
        let error = match whole {
            Ok(config) => return Ok(config),
            Err(error) => error,
        };
        // The wrong value is found by putting every value, one at a time, into a valid
        // configuration.
        let good = self.clone().with_values(Self::of(good)?.values);
        let mut unknown = None;
        for key in self.keys() {
            let value = self.get(&key).cloned().unwrap_or_default();
            let mut spoilt = good.clone();
            match spoilt.set(&key, &value.to_string()) {
                Ok(()) => {
                    if let Err(error) = serde_json::from_value::<C>(Value::Object(spoilt.values)) {
                        return Err(Error::Setting {
                            key,
                            value: value.to_string(),
                            reason: error.to_string(),
                        });
                    }
                }
                Err(error) => unknown = unknown.or(Some(error)),
            }
        }
        // A configuration may lack a name for other reasons, such as a list that is a map.
        if let Some(unknown) = unknown.filter(|_| error.to_string().starts_with("unknown field")) {
            return Err(unknown);
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

/// Returns what is serialised as an object.
fn object(config: &impl Serialize) -> Result<Map<String, Value>> {
    match serde_json::to_value(config) {
        Ok(Value::Object(values)) => Ok(values),
        Ok(other) => Err(Error::config("settings", other, "not an object")),
        Err(error) => Err(Error::config("settings", error, "not JSON")),
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
/// because an optional group of settings is null, the whole group is taken.
fn merge(
    place: &mut Map<String, Value>,
    values: Map<String, Value>,
    group: &str,
    all: &Settings,
) -> Result<()> {
    for (key, value) in values {
        let name = if group.is_empty() { key.clone() } else { format!("{group}.{key}") };
        if !place.contains_key(&key) && !all.groups.has(group, &key) {
            return Err(all.unknown(&name));
        }
        match (place.entry(key).or_insert(Value::Null), value) {
            (Value::Object(known), Value::Object(values)) => merge(known, values, &name, all)?,
            (known, value) => {
                let stranger = value.as_object().and_then(|it| all.groups.stranger(&name, it));
                if let Some(stranger) = stranger {
                    return Err(all.unknown(&stranger));
                }
                *known = value;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
