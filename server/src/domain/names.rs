//! Names that change: what somebody did stays under the name that was theirs then.

use serde::{Deserialize, Serialize};

use super::Millis;

/// Former names that are kept of one thing: the newest.
const KEPT: usize = 20;

/// A name as it is, and as it was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FormerNames(Vec<FormerName>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct FormerName {
    name: String,
    /// It was another one from then on.
    until: Millis,
}

impl FormerNames {
    /// There was no other name.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives another name, and remembers the one until now.
    pub fn rename(&mut self, name: &mut String, new: String, now: Millis) {
        if *name != new {
            let name = std::mem::replace(name, new);
            self.0.push(FormerName { name, until: now });
            let too_many = self.0.len().saturating_sub(KEPT);
            self.0.drain(..too_many);
        }
    }

    /// The name that it had at that time; `name` is the one that it has now.
    pub fn at<'a>(&'a self, name: &'a str, at: Millis) -> &'a str {
        let then = self.0.iter().find(|former| at < former.until);
        then.map_or(name, |former| &former.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_one_of_its_time() {
        let (mut name, mut former) = ("Network".to_owned(), FormerNames::default());
        former.rename(&mut name, "Net".to_owned(), 10);
        former.rename(&mut name, "Net".to_owned(), 15);
        former.rename(&mut name, "Networks".to_owned(), 20);
        for (at, then) in [(0, "Network"), (9, "Network"), (10, "Net"), (20, "Networks")] {
            assert_eq!(former.at(&name, at), then, "at {at}");
        }
        for round in 0..100 {
            former.rename(&mut name, round.to_string(), 30 + round);
        }
        assert_eq!(former.0.len(), KEPT);
        assert_eq!(former.at(&name, 128), "98");
    }
}
