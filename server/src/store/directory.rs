//! A team's directory: settings, members, groups, profiles. Always read whole; small enough to be
//! held in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::driver::{Connection, read_json, values};
use super::error::StoreError;
use crate::domain::{ContentRef, Item, ItemId, Revision, Team, TeamId};

/// Teams held in memory at most; beyond it they are read again.
const HELD: usize = 4_096;

/// Directories as they were at some revision of theirs.
#[derive(Debug, Default)]
pub struct Directories {
    held: Mutex<HashMap<TeamId, (Revision, Arc<Team>)>>,
}

impl Directories {
    /// The directory at that revision, if it is held.
    pub fn get(&self, team: TeamId, revision: Revision) -> Option<Arc<Team>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(&team).filter(|(at, _)| *at == revision).map(|(_, team)| Arc::clone(team))
    }

    /// The directory as it was when it was last looked at, if it is held.
    pub fn last(&self, team: TeamId) -> Option<Arc<Team>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(&team).map(|(_, team)| Arc::clone(team))
    }

    /// Holds a directory, unless a newer one is held.
    pub fn put(&self, revision: Revision, team: &Arc<Team>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.len() >= HELD && !held.contains_key(&team.id) {
            held.clear();
        }
        match held.get(&team.id) {
            Some((at, _)) if *at >= revision => {}
            _ => {
                held.insert(team.id, (revision, Arc::clone(team)));
            }
        }
    }
}

/// Reads a directory. None: no such team, or the host itself. Kinds that only later servers know
/// are left alone.
pub async fn load(connection: &mut Connection, team: TeamId) -> Result<Option<Team>, StoreError> {
    let sql = "SELECT d.kind, d.id, d.image, c.body FROM directory d \
               JOIN contents c ON c.team_id = d.team_id AND c.content_id = d.content_id WHERE \
               d.team_id = $1";
    let mut items = Vec::new();
    for mut row in connection.rows(sql, values![team]).await? {
        let (kind, number): (String, i64) = (row.next()?, row.next()?);
        let (image, words): (String, String) = (row.next()?, row.next()?);
        if let Some(id) = ItemId::of(&kind, number) {
            items.push(Item::read(id, &image, &words).map_err(|cause| {
                StoreError::Broken(format!("{kind} {number} does not read: {cause}"))
            })?);
        }
    }
    Ok(Team::of(team, items))
}

/// Where an image's words are: each directory image has them under this name.
pub fn words_of(image: &str) -> Result<ContentRef, StoreError> {
    #[derive(serde::Deserialize)]
    struct Worded {
        words: ContentRef,
    }
    read_json::<Worded>(image).map(|worded| worded.words)
}

/// The number of an image's item: each but the settings, of which there is one, has it as its id.
pub fn number_of(image: &str) -> Result<i64, StoreError> {
    #[derive(serde::Deserialize)]
    struct Numbered {
        #[serde(default)]
        id: i64,
    }
    read_json::<Numbered>(image).map(|numbered| numbered.id)
}
