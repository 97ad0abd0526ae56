//! The self-check: replaying the log gives the tables, tombstones apart, and the chain holds.

use std::collections::{BTreeMap, HashMap};

use super::Store;
use super::directory::{number_of, words_of};
use super::driver::{Connection, values};
use super::error::StoreError;
use super::log::{CHAIN_START, Record, Stored, StoredAccount, StoredMove, link, read_record};
use super::many::Many;
use super::tickets::{self, select_tickets};
use crate::domain::{
    AccountId, ContentRef, Digest, ItemId, Message, MessageId, TeamId, Ticket, TicketId, sha256,
};

/// What a self-check found.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Verification {
    /// Teams looked at, the host among them.
    pub teams: u64,
    /// Changes replayed.
    pub changes: u64,
    /// Tickets compared.
    pub tickets: u64,
    /// What does not fit, for people. Empty: everything does.
    pub faults: Vec<String>,
}

/// A team as the log tells it.
#[derive(Default)]
struct Replayed {
    tickets: BTreeMap<TicketId, Ticket>,
    erased: BTreeMap<i64, Option<Digest>>,
    messages: BTreeMap<TicketId, BTreeMap<MessageId, Message>>,
    directory: BTreeMap<(&'static str, i64), String>,
    accounts: BTreeMap<AccountId, (Option<(i64, i64)>, bool)>,
}

/// Rows read at once.
const PAGE: i64 = 1_000;

impl Store {
    /// Replays every log of the database and compares. Reads one state; changes nothing.
    pub async fn verify(&self) -> Result<Verification, StoreError> {
        verify(&mut self.database.read().await?).await
    }
}

/// Replays every log as this transaction sees it, and compares.
pub async fn verify(connection: &mut Connection) -> Result<Verification, StoreError> {
    let mut result = Verification::default();
    let sql = "SELECT team_id, revision, chain, next_number FROM teams ORDER BY team_id";
    for mut row in connection.rows(sql, []).await? {
        let team = TeamId(row.next()?);
        let (revision, chain, next_number) = (row.next()?, row.digest()?, row.next()?);
        result.teams += 1;
        let mut check = Check { connection, team, result: &mut result };
        let replayed = check.replay(revision, chain).await?;
        check.compare(&replayed, next_number).await?;
    }
    Ok(result)
}

struct Check<'a> {
    connection: &'a mut Connection,
    team: TeamId,
    result: &'a mut Verification,
}

impl Check<'_> {
    fn fault(&mut self, what: impl std::fmt::Display) {
        // One kind of fault in a large database must not fill the screen.
        if self.result.faults.len() < 100 {
            self.result.faults.push(format!("team {}: {what}", self.team.0));
        }
    }

    async fn replay(&mut self, revision: i64, chain: Digest) -> Result<Replayed, StoreError> {
        let mut replayed = Replayed::default();
        let (mut at_revision, mut at_chain) = (0, CHAIN_START);
        loop {
            let sql = "SELECT revision, decided_at, record, chain FROM log WHERE team_id = $1 AND \
                revision > $2 \
                       ORDER BY revision LIMIT $3";
            let rows = self.connection.rows(sql, values![self.team, at_revision, PAGE]).await?;
            if rows.is_empty() {
                break;
            }
            for mut row in rows {
                let (number, at): (i64, i64) = (row.next()?, row.next()?);
                let text: String = row.next()?;
                if number != at_revision + 1 {
                    self.fault(format_args!(
                        "revision {} is missing from the log",
                        at_revision + 1
                    ));
                }
                at_chain = link(at_chain, self.team, number, at, &text);
                if row.digest()? != at_chain {
                    self.fault(format_args!("the chain breaks at revision {number}"));
                }
                at_revision = number;
                self.result.changes += 1;
                replayed.apply(read_record(&text)?)?;
            }
        }
        if at_revision != revision || at_chain != chain {
            self.fault(format_args!(
                "the team is at revision {revision}, its log at {at_revision}"
            ));
        }
        Ok(replayed)
    }

    async fn compare(&mut self, replayed: &Replayed, next_number: i64) -> Result<(), StoreError> {
        self.compare_tickets(replayed, next_number).await?;
        self.compare_messages(replayed).await?;
        self.compare_directory(replayed).await?;
        if self.team == TeamId::HOST {
            self.compare_accounts(replayed).await?;
        }
        Ok(())
    }

    async fn compare_tickets(
        &mut self,
        replayed: &Replayed,
        next_number: i64,
    ) -> Result<(), StoreError> {
        let mut numbers = Vec::with_capacity(replayed.tickets.len());
        let mut after = i64::MIN;
        loop {
            let sql = select_tickets!(
                "WHERE t.team_id = $1 AND t.ticket_id > $2 ORDER BY t.ticket_id LIMIT $3"
            );
            let mut rows = self.connection.rows(sql, values![self.team, after, PAGE]).await?;
            let found = rows
                .iter_mut()
                .map(|row| Ok(tickets::read(row)?.1))
                .collect::<Result<Vec<_>, StoreError>>()?;
            let Some(last) = found.last() else { break };
            after = last.id.0;
            numbers.extend(found.iter().map(|ticket| ticket.number));
            self.compare_page(replayed, found).await?;
        }
        let found = numbers.len();
        if found != replayed.tickets.len() {
            self.fault(format_args!(
                "{} tickets in the log, {found} in the table",
                replayed.tickets.len()
            ));
        }
        let sql = "SELECT COUNT(*) FROM ticket_handlers h \
                   LEFT JOIN tickets t ON t.team_id = h.team_id AND t.ticket_id = h.ticket_id \
                   WHERE h.team_id = $1 AND (t.ticket_id IS NULL OR t.ended_at IS DISTINCT FROM \
                   h.ended_at)";
        let astray: i64 = self
            .connection
            .row(sql, values![self.team])
            .await?
            .map_or(Ok(0), |mut row| row.next())?;
        if astray != 0 {
            self.fault(format_args!(
                "{astray} rows of who handled a ticket do not say when it ended"
            ));
        }
        let sql = "SELECT number, secret_hash FROM tombstones WHERE team_id = $1";
        let mut tombstones = BTreeMap::new();
        for mut row in self.connection.rows(sql, values![self.team]).await? {
            tombstones.insert(row.next::<i64>()?, row.digest_or_none()?);
        }
        if tombstones != replayed.erased {
            self.fault("the tombstones are not what was erased");
        }
        numbers.extend(tombstones.keys());
        numbers.sort_unstable();
        if !numbers.iter().copied().eq(1..next_number) {
            self.fault("the ticket numbers have gaps");
        }
        Ok(())
    }

    async fn compare_page(
        &mut self,
        replayed: &Replayed,
        mut found: Vec<Ticket>,
    ) -> Result<(), StoreError> {
        tickets::add_handlers(self.connection, self.team, &mut found).await?;
        for ticket in &mut found {
            self.result.tickets += 1;
            // The log does not have it.
            ticket.body_digest = None;
            match replayed.tickets.get(&ticket.id) {
                Some(logged) if logged == ticket => {}
                Some(logged) => {
                    self.fault(format_args!(
                        "ticket {}: logged {logged:?}, found {ticket:?}",
                        ticket.number
                    ));
                }
                None => self.fault(format_args!("ticket {} is not in the log", ticket.number)),
            }
        }
        let words: Vec<_> = found.iter().map(|ticket| ticket.words).collect();
        self.compare_words(&words).await
    }

    async fn compare_messages(&mut self, replayed: &Replayed) -> Result<(), StoreError> {
        let mut count = 0;
        let mut after = (i64::MIN, i64::MIN);
        loop {
            let sql = "SELECT message_id, ticket_id, kind, content_id, content_digest FROM \
                messages WHERE team_id = $1 \
                       AND (ticket_id, message_id) > ($2, $3) ORDER BY ticket_id, message_id \
                       LIMIT $4";
            let rows =
                self.connection.rows(sql, values![self.team, after.0, after.1, PAGE]).await?;
            if rows.is_empty() {
                break;
            }
            let mut words = Vec::new();
            for mut row in rows {
                count += 1;
                let (id, ticket, kind, content): (i64, i64, i64, i64) =
                    (row.next()?, row.next()?, row.next()?, row.next()?);
                let reference =
                    ContentRef { id: crate::domain::ContentId(content), digest: row.digest()? };
                words.push(reference);
                after = (ticket, id);
                let logged = replayed.messages.get(&TicketId(ticket));
                let logged = logged.and_then(|messages| messages.get(&MessageId(id)));
                let fits = logged.is_some_and(|message| {
                    message.kind as i64 == kind && message.words == reference
                });
                if !fits {
                    self.fault(format_args!("message {id} is not as it was logged"));
                }
            }
            self.compare_words(&words).await?;
        }
        let logged: usize = replayed.messages.values().map(BTreeMap::len).sum();
        if count != logged {
            self.fault(format_args!("{logged} messages in the log, {count} in the table"));
        }
        Ok(())
    }

    async fn compare_directory(&mut self, replayed: &Replayed) -> Result<(), StoreError> {
        let sql = "SELECT kind, id, image FROM directory WHERE team_id = $1";
        let mut count = 0;
        let mut words = Vec::new();
        for mut row in self.connection.rows(sql, values![self.team]).await? {
            let (kind, id, image): (String, i64, String) = (row.next()?, row.next()?, row.next()?);
            // What only later servers know, they can say.
            let Some(item) = ItemId::of(&kind, id) else { continue };
            count += 1;
            let logged = replayed.directory.get(&(item.kind(), id));
            if logged != Some(&image) {
                self.fault(format_args!("{kind} {id} is not as it was logged"));
            }
            words.push(words_of(&image)?);
        }
        if count != replayed.directory.len() {
            self.fault(format_args!(
                "{} directory rows in the log, {count} in the table",
                replayed.directory.len()
            ));
        }
        self.compare_words(&words).await
    }

    async fn compare_accounts(&mut self, replayed: &Replayed) -> Result<(), StoreError> {
        let sql = "SELECT account_id, team_id, member_id, password_hash FROM accounts";
        let mut found = BTreeMap::new();
        for mut row in self.connection.rows(sql, []).await? {
            let id = AccountId(row.next()?);
            let (team, member): (Option<i64>, Option<i64>) = (row.next()?, row.next()?);
            found.insert(id, (team.zip(member), row.next::<Option<String>>()?.is_some()));
        }
        if found != replayed.accounts {
            self.fault("the accounts are not as they were logged");
        }
        Ok(())
    }

    /// Digests in the log must be those of the words in their rows.
    async fn compare_words(&mut self, words: &[ContentRef]) -> Result<(), StoreError> {
        const WORDS: Many = Many {
            before: "WITH wanted (team_id, content_id) AS (",
            width: 2,
            after: ") SELECT c.content_id, c.salt, c.body FROM wanted w CROSS JOIN contents c \
                    WHERE c.team_id = w.team_id AND c.content_id = w.content_id",
        };
        // A profile's words may hold pictures.
        for some in words.chunks(256) {
            let wanted = some.iter().map(|reference| values![self.team, reference.id.0]);
            let mut found = HashMap::new();
            for mut row in WORDS.filled(wanted).rows(self.connection).await? {
                let id: i64 = row.next()?;
                found.insert(
                    id,
                    sha256(&[&row.next::<Vec<u8>>()?, row.next::<String>()?.as_bytes()]),
                );
            }
            for reference in some
                .iter()
                .filter(|reference| found.get(&reference.id.0) != Some(&reference.digest))
            {
                self.fault(format_args!("content {} is not what the log digested", reference.id.0));
            }
        }
        Ok(())
    }
}

impl Replayed {
    fn apply(&mut self, record: Record<'static>) -> Result<(), StoreError> {
        for event in record.events {
            match event {
                Stored::Ticket(change) => {
                    let ticket = change.into_owned().ticket;
                    self.tickets.insert(ticket.id, ticket);
                }
                Stored::Message(message) => {
                    let of_ticket = self.messages.entry(message.ticket).or_default();
                    of_ticket.insert(message.id, message.into_owned());
                }
                Stored::Item(kind, image, _) => {
                    let id = number_of(image.get())?;
                    self.directory.insert((kind, id), image.get().to_owned());
                }
                Stored::ItemGone(id) => {
                    self.directory.remove(&(id.kind(), id.number()));
                }
                Stored::HistoryMoved(StoredMove { from, to, tickets: Some(tickets) }) => {
                    for id in tickets {
                        if let Some(ticket) = self.tickets.get_mut(&id)
                            && ticket.group == Some(from)
                        {
                            ticket.group = Some(to);
                        }
                    }
                }
                Stored::HistoryMoved(StoredMove { from, to, tickets: None }) => {
                    let moved = self
                        .tickets
                        .values_mut()
                        .filter(|ticket| !ticket.is_open() && ticket.group == Some(from));
                    moved.for_each(|ticket| ticket.group = Some(to));
                }
                Stored::TicketsErased(tickets) => {
                    for id in tickets.iter() {
                        if let Some(ticket) = self.tickets.remove(id) {
                            self.erased.insert(ticket.number, ticket.secret_hash);
                        }
                        self.messages.remove(id);
                    }
                }
                Stored::Account(StoredAccount { id, membership, has_password }) => {
                    let membership = membership.map(|(team, member)| (team.0, member.0));
                    self.accounts.insert(id, (membership, has_password));
                }
                Stored::CodeMade(_)
                | Stored::CodeUsed(_)
                | Stored::SessionOpened(_)
                | Stored::SessionsEnded(_)
                | Stored::Unknown => {}
            }
        }
        Ok(())
    }
}
