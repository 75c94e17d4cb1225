//! [`OptionalGroups`]: groups of settings of which a configuration need not have every member.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Groups by their full names, each with the members that it has when one of them is set while the
/// group is null.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct OptionalGroups(BTreeMap<String, Map<String, Value>>);

impl OptionalGroups {
    /// Adds a group.
    pub(super) fn add(&mut self, name: &str, members: Map<String, Value>) {
        self.0.insert(name.to_owned(), members);
    }

    /// Returns the full names of all members, also of those that no configuration has yet.
    pub(super) fn keys(&self) -> Vec<String> {
        let members = |(group, members): (&String, &Map<String, Value>)| {
            members.keys().map(|key| format!("{group}.{key}")).collect::<Vec<_>>()
        };
        // A group within a group is not a value.
        self.0.iter().flat_map(members).filter(|key| !self.0.contains_key(key)).collect()
    }

    /// Whether the group with this full name has such a member.
    pub(super) fn has(&self, group: &str, key: &str) -> bool {
        self.0.get(group).is_some_and(|members| members.contains_key(key))
    }

    /// Returns the full name of the first of the `values` of a group that is no member of it.
    /// Values of a group that is not known here are not looked at.
    pub(super) fn stranger(&self, group: &str, values: &Map<String, Value>) -> Option<String> {
        let members = self.0.get(group)?;
        values.iter().find_map(|(key, value)| {
            let name = format!("{group}.{key}");
            match value {
                _ if !members.contains_key(key) => Some(name),
                Value::Object(values) => self.stranger(&name, values),
                _ => None,
            }
        })
    }

    /// Returns the place of the members of the group with the full name `group`, or of all settings
    /// if the name is empty. A group on the way there that is null gets its members first. Returns
    /// `None` when there is no such group.
    pub(super) fn open<'a>(
        &self,
        settings: &'a mut Map<String, Value>,
        group: &str,
    ) -> Option<&'a mut Map<String, Value>> {
        let mut name = String::new();
        group.split('.').filter(|part| !part.is_empty()).try_fold(settings, |place, part| {
            name += if name.is_empty() { "" } else { "." };
            name += part;
            let value = place.entry(part).or_insert(Value::Null);
            if let (Value::Null, Some(members)) = (&*value, self.0.get(&name)) {
                *value = Value::Object(members.clone());
            }
            value.as_object_mut()
        })
    }
}
