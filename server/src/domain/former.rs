//! What was there before a change: what people ask the log for, and what undoing needs.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The former values of the fields that a change gave others, by the names that the log has for
/// them. What was absent is null. Words are not among them, only where they are and their digest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Former(Map<String, Value>);

impl Former {
    /// What an image had that it now has no longer. Fields that every change sets tell nothing, and
    /// are left out by name.
    pub fn between<T: Serialize>(old: &T, new: &T, of_every_change: &[&str]) -> Self {
        let (old, mut new) = (fields(old), fields(new));
        let mut former = Map::new();
        for (field, value) in old {
            if new.remove(&field).as_ref() != Some(&value) {
                former.insert(field, value);
            }
        }
        former.extend(new.into_iter().map(|(field, _)| (field, Value::Null)));
        former.retain(|field, _| !of_every_change.contains(&field.as_str()));
        Former(former)
    }

    /// Nothing was there before, or nothing changed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The field changed, from this value; the type's default stands for "absent". None: it did not
    /// change, or had a value that only later servers know.
    pub fn get<T: Default + for<'de> Deserialize<'de>>(&self, field: &str) -> Option<T> {
        match self.0.get(field)? {
            Value::Null => Some(T::default()),
            value => T::deserialize(value).ok(),
        }
    }
}

/// Images are plain structs; whatever is none has no fields.
fn fields<T: Serialize>(image: &T) -> Map<String, Value> {
    match serde_json::to_value(image) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_changed_is_kept_as_it_was() {
        let old = json!({"version": 1, "state": "new", "group": 4, "tags": ["a"]});
        let new = json!({"version": 2, "state": "new", "operator": 7, "tags": ["a", "b"]});
        let former = Former::between(&old, &new, &["version"]);
        assert_eq!(
            serde_json::to_value(&former).unwrap(),
            json!({"group": 4, "operator": null, "tags": ["a"]})
        );
        assert_eq!(former.get::<Option<i64>>("group"), Some(Some(4)));
        assert_eq!(former.get::<Option<i64>>("operator"), Some(None));
        assert_eq!(former.get::<String>("state"), None);
        assert_eq!(former.get::<i64>("tags"), None, "it has another type here");
        assert!(Former::between(&old, &old, &[]).is_empty());
    }
}
