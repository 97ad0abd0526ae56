//! Where teams stand, as this server left them.
//!
//! A file has one server, so a call for help needs nothing from it first: what stands in its way is
//! found as its rows are written. On PostgreSQL others write, too, and a team's row is read under
//! its lock.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::{Digest, Revision, Team, TeamId, World};

/// Teams held in memory at most; beyond it they are read again.
const HELD: usize = 4_096;

/// A team's row, which nobody else changes until the commit.
#[derive(Debug, Clone, Copy)]
pub struct Locked {
    /// When the directory was changed last.
    pub directory_revision: Revision,
    /// The end of the log's chain.
    pub chain: Digest,
    /// This batch changed it.
    pub changed: bool,
}

/// The teams of a batch.
pub type Locks = BTreeMap<TeamId, Locked>;

/// A team's row and its directory.
#[derive(Debug)]
struct Head {
    directory: Option<Arc<Team>>,
    revision: Revision,
    next_id: i64,
    next_number: i64,
    locked: Locked,
}

/// The rows and directories of teams that were written last.
#[derive(Debug, Default)]
pub struct Heads {
    held: Mutex<HashMap<TeamId, Head>>,
}

impl Heads {
    /// Where these teams stand. They are forgotten until they are put back, so that nothing is left
    /// of a batch that goes wrong. None: some of them are not at hand.
    pub fn take(
        &self,
        teams: impl Iterator<Item = TeamId> + Clone,
    ) -> Option<(BTreeMap<TeamId, World>, Locks)> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if !teams.clone().all(|team| held.contains_key(&team)) {
            return None;
        }
        let (mut worlds, mut locks) = (BTreeMap::new(), Locks::new());
        for team in teams {
            if let Some(head) = held.remove(&team) {
                worlds.insert(
                    team,
                    World::new(team, head.directory, head.revision, head.next_id, head.next_number),
                );
                locks.insert(team, Locked { changed: false, ..head.locked });
            }
        }
        Some((worlds, locks))
    }

    /// Holds where a team stands now that it is on disk.
    pub fn put(&self, world: &World, locked: Locked) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.len() >= HELD {
            held.clear();
        }
        let head = Head {
            directory: world.team.clone(),
            revision: world.revision,
            next_id: world.next_id,
            next_number: world.next_number,
            locked,
        };
        held.insert(world.id, head);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_or_none_are_taken_and_none_twice() {
        let heads = Heads::default();
        let teams = [TeamId(1), TeamId(2), TeamId(1)];
        let locked = Locked { directory_revision: 3, chain: Digest([7; 32]), changed: true };
        heads.put(&World::new(TeamId(1), None, 5, 6, 7), locked);
        assert!(heads.take(teams.into_iter()).is_none(), "the second is not at hand");
        heads.put(&World::new(TeamId(2), None, 8, 9, 10), locked);
        let (worlds, locks) = heads.take(teams.into_iter()).expect("both");
        let found: Vec<_> =
            worlds.values().map(|world| (world.id.0, world.revision, world.next_id)).collect();
        assert_eq!(found, [(1, 5, 6), (2, 8, 9)]);
        assert!(locks.values().all(|locked| !locked.changed && locked.directory_revision == 3));
        assert!(heads.take(teams.into_iter()).is_none(), "they are out");
    }
}
