//! A team's directory: settings, members, groups, profiles. Always read whole; small enough to be
//! held in memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use serde::de::DeserializeOwned;

use super::driver::{Connection, read_json, values};
use super::error::StoreError;
use crate::domain::{ContentRef, Entry, Revision, Team, TeamId};

/// Kinds of directory rows.
pub mod kind {
    /// The team's settings; one row, with id 0.
    pub const SETTINGS: &str = "settings";
    /// A member.
    pub const MEMBER: &str = "member";
    /// A group.
    pub const GROUP: &str = "group";
    /// A profile.
    pub const PROFILE: &str = "profile";
}

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

/// Reads a directory. None: no such team, or the host itself.
pub async fn load(connection: &mut Connection, team: TeamId) -> Result<Option<Team>, StoreError> {
    let sql = "SELECT d.kind, d.image, c.body FROM directory d \
               JOIN contents c ON c.team_id = d.team_id AND c.content_id = d.content_id WHERE \
               d.team_id = $1";
    let mut settings = None;
    let mut members = BTreeMap::new();
    let mut groups = BTreeMap::new();
    let mut profiles = BTreeMap::new();
    for mut row in connection.rows(sql, values![team]).await? {
        let kind: String = row.next()?;
        let (image, body): (String, String) = (row.next()?, row.next()?);
        match kind.as_str() {
            kind::SETTINGS => settings = Some(entry(&image, &body)?),
            kind::MEMBER => {
                let member: Entry<crate::domain::Member, _> = entry(&image, &body)?;
                members.insert(member.id, member);
            }
            kind::GROUP => {
                let group: Entry<crate::domain::Group, _> = entry(&image, &body)?;
                groups.insert(group.id, group);
            }
            kind::PROFILE => {
                let profile: Entry<crate::domain::Profile, _> = entry(&image, &body)?;
                profiles.insert(profile.id, profile);
            }
            other => {
                return Err(StoreError::Broken(format!("unknown kind {other} in the directory")));
            }
        }
    }
    Ok(settings.map(|settings| Team { id: team, settings, members, groups, profiles }))
}

fn entry<T: DeserializeOwned, W: DeserializeOwned>(
    image: &str,
    body: &str,
) -> Result<Entry<T, W>, StoreError> {
    Ok(Entry { image: read_json(image)?, words: read_json(body)? })
}

/// Where an image's words are: each directory image has them under this name.
pub fn words_of(image: &str) -> Result<ContentRef, StoreError> {
    #[derive(serde::Deserialize)]
    struct Worded {
        words: ContentRef,
    }
    read_json::<Worded>(image).map(|worded| worded.words)
}
