//! What widgets wait for.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use tokio::sync::watch;

use crate::domain::{ProfileId, TeamId, TicketId};

/// What a widget waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// A ticket of its customer's.
    Ticket(TicketId),
    /// Its profile, with the groups it offers.
    Profile(ProfileId),
}

/// What is waited for in each team.
#[derive(Debug, Default)]
pub struct Topics {
    pub(super) of: HashMap<TeamId, HashMap<Topic, Weak<watch::Sender<()>>>>,
    /// Topics that were made since those that nobody waits for were last looked for.
    made: usize,
    /// Topics that were left then.
    left: usize,
}

impl Topics {
    /// Waits for a topic of a team.
    pub fn wait_for(&mut self, team: TeamId, topic: Topic) -> Waiting {
        self.tidy();
        let of_team = self.of.entry(team).or_default();
        let sender = of_team.get(&topic).and_then(Weak::upgrade).unwrap_or_else(|| {
            let sender = Arc::new(watch::Sender::new(()));
            of_team.insert(topic, Arc::downgrade(&sender));
            sender
        });
        Waiting { receiver: sender.subscribe(), _sender: sender }
    }

    /// Wakes whoever waits for these topics.
    pub fn wake(&self, team: TeamId, topics: impl IntoIterator<Item = Topic>) {
        let Some(of_team) = self.of.get(&team) else { return };
        for sender in topics.into_iter().filter_map(|topic| of_team.get(&topic)?.upgrade()) {
            sender.send_replace(());
        }
    }

    /// Wakes whoever waits for anything of a team.
    pub fn wake_all(&self, team: TeamId) {
        let senders = self.of.get(&team).into_iter().flat_map(HashMap::values);
        for sender in senders.filter_map(Weak::upgrade) {
            sender.send_replace(());
        }
    }

    /// Forgets what nobody waits for any more, once there may be as much of it as of the rest:
    /// looking through all of it for every new widget would make many widgets slow.
    fn tidy(&mut self) {
        self.made += 1;
        if self.made <= self.left.max(64) {
            return;
        }
        self.of.retain(|_, of_team| {
            of_team.retain(|_, sender| sender.strong_count() > 0);
            !of_team.is_empty()
        });
        self.left = self.of.values().map(HashMap::len).sum();
        self.made = 0;
    }
}

/// A wait for a topic.
#[derive(Debug)]
pub struct Waiting {
    pub(super) receiver: watch::Receiver<()>,
    _sender: Arc<watch::Sender<()>>,
}

impl Waiting {
    /// Until it is woken.
    pub async fn woken(&mut self) {
        // The sender is held beside the receiver, so it cannot be gone.
        let _ = self.receiver.changed().await;
    }
}
