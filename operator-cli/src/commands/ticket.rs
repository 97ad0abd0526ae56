//! `deskbell ticket`: reading tickets and everything that can be done to them.

use clap::{Args, Subcommand};
use deskbell_proto::client::{Client, request_id};
use deskbell_proto::reading::ticket_number;
use deskbell_proto::{fold, v1};

use crate::commands::ticket_filter::{Filter, operator_id};
use crate::commands::ticket_show;
use crate::failure::{Exit, Failure};
use crate::inert;
use crate::lists::groups;
use crate::resolve;
use crate::session::{Setting, call, identity};
use crate::sight::{Sight, self_service};
use crate::typed;
use crate::words;

/// See `deskbell ticket --help`.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Nothing of a colleague's is overwritten unseen. take is for what nobody has, and succeeds once; \
taking or assigning what a colleague has says from whom (--from), and they are told. priority, \
close and reopen say what was so before. To be sure that nothing at all changed since you looked, \
give the version you saw with --version. If somebody was faster, nothing is changed, you are told \
who, and the exit code is 5.")]
pub enum Ticket {
    /// Open tickets that you see, the most urgent first
    List(Filter),
    /// One ticket with its messages
    #[command(after_help = "Example:\n  deskbell ticket show 42")]
    Show {
        /// The ticket's number
        #[arg(value_parser = ticket_number)]
        number: i64,
    },
    /// Take a ticket that nobody has: you become its operator
    #[command(after_help = "\
What a colleague has stays theirs unless you say from whom you take it; they are told by whom.

Example:
  deskbell ticket take 42
  deskbell ticket take 42 --from bo@desk.example")]
    Take(Take),
    /// Give a ticket to an operator, a group, both or nobody
    Assign(Assign),
    /// Set how urgent a ticket is
    #[command(after_help = "Example:\n  deskbell ticket priority 42 high")]
    Priority {
        #[command(flatten)]
        which: Which,
        /// How urgent
        priority: words::Priority,
    },
    /// Put tags on a ticket, or take them off
    Tag(Tag),
    /// Answer the customer
    #[command(after_help = "Example:\n  deskbell ticket reply 42 \"Please start the printer \
            again.\"\n  deskbell ticket reply 42 - < answer.txt")]
    Reply {
        #[command(flatten)]
        which: Which,
        /// The answer; "-" reads the standard input, nothing opens your editor
        text: Option<String>,
    },
    /// Write a note that only colleagues can read
    #[command(after_help = "Example:\n  deskbell ticket note 42 \"Called, will call again at 3.\"")]
    Note {
        #[command(flatten)]
        which: Which,
        /// The note; "-" reads the standard input, nothing opens your editor
        text: Option<String>,
    },
    /// Close a ticket
    #[command(after_help = "Example:\n  deskbell ticket close 42")]
    Close(Which),
    /// Open a closed or expired ticket again
    #[command(after_help = "Example:\n  deskbell ticket reopen 42")]
    Reopen(Which),
    /// Take the ticket that should come next
    #[command(after_help = "The server picks by priority, then waiting time, from what nobody \
            has.\n\nExample:\n  deskbell ticket next")]
    Next,
    /// What happened to a ticket
    #[command(after_help = "Example:\n  deskbell ticket log 42")]
    Log {
        /// The ticket's number
        #[arg(value_parser = ticket_number)]
        number: i64,
    },
}

/// A ticket to change.
#[derive(Clone, Copy, Debug, Args)]
pub struct Which {
    /// The ticket's number
    #[arg(value_parser = ticket_number)]
    number: i64,
    /// The version you saw: change nothing if the ticket has changed since
    #[arg(long, value_name = "VERSION", id = "seen_version", long = "version")]
    version: Option<i64>,
}

/// A ticket to take.
#[derive(Debug, Args)]
pub struct Take {
    #[command(flatten)]
    which: Which,
    /// The colleague you take it from, by e-mail address or name
    #[arg(long, value_name = "OPERATOR")]
    from: Option<String>,
}

/// Where a ticket goes.
#[derive(Debug, Args)]
#[command(after_help = "\
What a colleague has is assigned only when you say from whom (--from) or which version you saw \
(--version); they are told by whom.

Giving a ticket to a group takes it from an operator who is not in that group. Giving it to an \
operator keeps its group, unless you say \
--no-group.

Example:
  deskbell ticket assign 42 --to ana@desk.example
  deskbell ticket assign 42 --group Support
  deskbell ticket assign 42 --to me --no-group")]
pub struct Assign {
    #[command(flatten)]
    which: Which,
    /// The operator, by e-mail address or name; "me" is you
    #[arg(long, visible_alias = "operator", value_name = "OPERATOR", conflicts_with = "nobody")]
    to: Option<String>,
    /// Take it from its operator
    #[arg(long)]
    nobody: bool,
    /// The colleague who has it now, by e-mail address or name
    #[arg(long, value_name = "OPERATOR")]
    from: Option<String>,
    /// The group
    #[arg(long, conflicts_with = "no_group")]
    group: Option<String>,
    /// Take it out of its group
    #[arg(long)]
    no_group: bool,
    /// Do not ask when you would no longer see it
    #[arg(long)]
    yes: bool,
}

/// Tags to put on and take off.
#[derive(Debug, Args)]
#[command(after_help = "\
A tag is compared without regard to case. Find tickets by their tags with --tag.

Example:
  deskbell ticket tag 42 --add VIP --add \"paper jam\"
  deskbell ticket tag 42 --remove VIP
  deskbell ticket list --tag \"paper jam\"")]
pub struct Tag {
    #[command(flatten)]
    which: Which,
    /// Put this tag on it; can be given several times
    #[arg(long, value_name = "TAG", required_unless_present_any = ["remove", "none"])]
    add: Vec<String>,
    /// Take this tag off it; can be given several times
    #[arg(long, value_name = "TAG")]
    remove: Vec<String>,
    /// Take off all that it has
    #[arg(long, conflicts_with = "remove")]
    none: bool,
}

impl Ticket {
    /// Reads or changes tickets.
    pub async fn run(self, setting: &Setting) -> Result<(), Failure> {
        let client = setting.client().await?;
        let output = setting.output;
        match self {
            Self::List(filter) => ticket_show::list(setting, &client, &filter).await,
            Self::Show { number } => ticket_show::show(setting, &client, number).await,
            Self::Log { number } => ticket_show::log(setting, &client, number).await,
            Self::Take(take) => take.run(setting, &client).await,
            Self::Assign(assign) => assign.run(setting, &client).await,
            Self::Priority { which, priority } => {
                let seen = which.seen(&client).await?;
                let version = seen.version;
                let before = words::priority(seen.priority);
                let priority = v1::Priority::from(priority).into();
                let request = v1::SetTicketPriorityRequest {
                    request_id: request_id(),
                    number: which.number,
                    version,
                    priority,
                };
                let answer = call!(client, queue.set_ticket_priority(request))
                    .map_err(|failure| look_again(failure, which.number))?;
                let text = sentence(answer.ticket.as_ref());
                output.answer(&answer, &which.with_before(text, &format!("Before: {before}.")))
            }
            Self::Tag(tag) => tag.run(setting, &client).await,
            Self::Reply { which, text } => {
                let version = which.version(&client).await?;
                let written = Written::new(text.as_deref(), "answer")?;
                let request = v1::ReplyTicketRequest {
                    request_id: request_id(),
                    number: which.number,
                    version,
                    text: written.text.clone(),
                };
                let answer = call!(client, queue.reply_ticket(request))
                    .map_err(|failure| written.kept(look_again(failure, which.number)))?;
                output.answer(&answer, &sentence(answer.ticket.as_ref()))
            }
            Self::Note { which, text } => {
                let version = which.version(&client).await?;
                let written = Written::new(text.as_deref(), "note")?;
                let request = v1::NoteTicketRequest {
                    request_id: request_id(),
                    number: which.number,
                    version,
                    text: written.text.clone(),
                };
                let answer = call!(client, queue.note_ticket(request))
                    .map_err(|failure| written.kept(look_again(failure, which.number)))?;
                output.answer(&answer, &sentence(answer.ticket.as_ref()))
            }
            Self::Close(which) => {
                let seen = which.seen(&client).await?;
                let request = v1::CloseTicketRequest {
                    request_id: request_id(),
                    number: which.number,
                    version: seen.version,
                };
                let answer = call!(client, queue.close_ticket(request))
                    .map_err(|failure| look_again(failure, which.number))?;
                let text = sentence(answer.ticket.as_ref());
                output.answer(&answer, &which.with_before(text, &before(&seen)))
            }
            Self::Reopen(which) => {
                let seen = which.seen(&client).await?;
                ask_before_it_is_hidden(&client, &seen, (None, None)).await?;
                let request = v1::ReopenTicketRequest {
                    request_id: request_id(),
                    number: which.number,
                    version: seen.version,
                };
                let answer = call!(client, queue.reopen_ticket(request))
                    .map_err(|failure| look_again(failure, which.number))?;
                let text = match &answer.ticket {
                    Some(ticket) => sentence(Some(ticket)),
                    None => format!("#{} is open again; you no longer see it.", which.number),
                };
                output.answer(&answer, &which.with_before(text, &before(&seen)))
            }
            Self::Next => {
                let answer = call!(
                    client,
                    queue.next_ticket(v1::NextTicketRequest { request_id: request_id() })
                )?;
                output.answer(
                    &answer,
                    &format!(
                        "{}\nPicked because: {}",
                        sentence(answer.ticket.as_ref()),
                        answer.reason
                    ),
                )
            }
        }
    }
}

/// An answer or a note.
struct Written {
    text: String,
    in_editor: bool,
}

impl Written {
    fn new(argument: Option<&str>, about: &str) -> Result<Self, Failure> {
        Ok(Self { text: typed::text(argument, about)?, in_editor: argument.is_none() })
    }

    fn kept(&self, failure: Failure) -> Failure {
        if self.in_editor { typed::kept(failure, &self.text, ".txt") } else { failure }
    }
}

impl Which {
    /// The version to send: the one given, or the present one.
    async fn version(self, client: &Client) -> Result<i64, Failure> {
        Ok(self.seen(client).await?.version)
    }

    /// The ticket as it was seen: at the version that is given, else as it is now.
    async fn seen(self, client: &Client) -> Result<v1::Ticket, Failure> {
        if let Some(version) = self.version {
            return Ok(v1::Ticket { version, ..Default::default() });
        }
        let answer = call!(client, queue.get_ticket(v1::GetTicketRequest { number: self.number }))?;
        Ok(answer.ticket.unwrap_or_default())
    }

    /// Who gave the version they saw knows what was so before; others are told.
    fn with_before(self, text: String, before: &str) -> String {
        if self.version.is_some() { text } else { format!("{text}\n{before}") }
    }
}

/// In which state a ticket was, and whose.
fn before(ticket: &v1::Ticket) -> String {
    let operator =
        ticket.operator.as_ref().map_or("nobody's", |operator| operator.display_name.as_str());
    format!("Before: {}, {}.", words::state(ticket.state), inert::line(operator))
}

impl Take {
    async fn run(self, setting: &Setting, client: &Client) -> Result<(), Failure> {
        let number = self.which.number;
        let from_operator_id = match &self.from {
            Some(operator) => Some(operator_id(client, operator).await?),
            None => None,
        };
        // No version is looked up: the server gives away once what nobody has, whatever else
        // changed.
        let request = v1::TakeTicketRequest {
            request_id: request_id(),
            number,
            version: self.which.version.unwrap_or(0),
            from_operator_id,
        };
        let answer = call!(client, queue.take_ticket(request)).map_err(|failure| {
            if failure.reason() == "TAKEN" {
                return failure.hint(&format!(
                    "To take it from them: deskbell ticket take {number} --from OPERATOR"
                ));
            }
            look_again(failure, number)
        })?;
        setting.output.answer(&answer, &sentence(answer.ticket.as_ref()))
    }
}

impl Assign {
    async fn run(self, setting: &Setting, client: &Client) -> Result<(), Failure> {
        let operator_id = match &self.to {
            Some(operator) => Some(operator_id(client, operator).await?),
            None => self.nobody.then(String::new),
        };
        let group_id = match &self.group {
            Some(group) => Some(resolve::group(&groups(client, false).await?, group)?.id.clone()),
            None => self.no_group.then(String::new),
        };
        if operator_id.is_none() && group_id.is_none() {
            return Err(Failure::usage(
                "Say where the ticket goes: --to, --nobody, --group or --no-group.",
            ));
        }
        let number = self.which.number;
        let seen = self.which.seen(client).await?;
        self.may_overwrite(client, &seen).await?;
        if !self.yes {
            let place = (operator_id.as_deref(), group_id.as_deref());
            ask_before_it_is_hidden(client, &seen, place).await?;
        }
        let request = v1::AssignTicketRequest {
            request_id: request_id(),
            number,
            version: seen.version,
            operator_id,
            group_id,
        };
        let answer = call!(client, queue.assign_ticket(request))
            .map_err(|failure| look_again(failure, number))?;
        let text = match &answer.ticket {
            Some(ticket) => sentence(Some(ticket)),
            None => format!("#{number} is assigned; you no longer see it."),
        };
        setting.output.answer(&answer, &text)
    }

    /// Refuses to move what a colleague has, unless they were named. The request carries the
    /// version of what was looked at here, so that nobody can come in between.
    async fn may_overwrite(&self, client: &Client, seen: &v1::Ticket) -> Result<(), Failure> {
        let Some(has) = &seen.operator else { return Ok(()) };
        let named = match &self.from {
            Some(from) => operator_id(client, from).await?,
            None => operator_id(client, "me").await?,
        };
        if named == has.id {
            return Ok(());
        }
        let name = &has.display_name;
        Err(Failure::new(Exit::Conflict, format!("{name} has #{}.", seen.number)).hint(&format!(
            "To take it from them, add: --from {}",
            if name.contains(' ') { format!("\"{name}\"") } else { name.clone() }
        )))
    }
}

/// Asks a person whether to go on when they would no longer see the ticket there. Scripts are told
/// afterwards; what was not looked at cannot be told beforehand.
async fn ask_before_it_is_hidden(
    client: &Client,
    seen: &v1::Ticket,
    (operator, group): (Option<&str>, Option<&str>),
) -> Result<(), Failure> {
    if !typed::is_somebody_there() || seen.number == 0 {
        return Ok(());
    }
    let groups = groups(client, false).await?;
    let sight = Sight::new(&identity(client).await?, &groups, self_service(client).await?);
    if sight.sees_after(seen, operator, group, &groups) {
        return Ok(());
    }
    let question = format!("Afterwards you no longer see #{}. Go on? (yes/no)", seen.number);
    if typed::ask(&question)?.eq_ignore_ascii_case("yes") {
        Ok(())
    } else {
        Err(Failure::other("Nothing was changed."))
    }
}

impl Tag {
    async fn run(self, setting: &Setting, client: &Client) -> Result<(), Failure> {
        let number = self.which.number;
        let now = call!(client, queue.get_ticket(v1::GetTicketRequest { number }))?.ticket;
        let now = now.unwrap_or_default();
        let request = v1::SetTicketTagsRequest {
            request_id: request_id(),
            number,
            version: self.which.version.unwrap_or(now.version),
            tags: self.tags_after(now.tags)?,
        };
        let answer = call!(client, queue.set_ticket_tags(request))
            .map_err(|failure| look_again(failure, number))?;
        let ticket = answer.ticket.clone().unwrap_or_default();
        let text = match ticket.tags.as_slice() {
            [] => format!("#{number} has no tags."),
            tags => format!("#{number} has the tags: {}", tags.join(", ")),
        };
        setting.output.answer(&answer, &inert::line(&text))
    }

    /// The tags to be; the server compares them, and knows which of them are one.
    fn tags_after(&self, mut tags: Vec<String>) -> Result<Vec<String>, Failure> {
        if self.none {
            tags.clear();
        }
        for wanted in &self.remove {
            let before = tags.len();
            tags.retain(|tag| !fold::same_name(wanted, tag));
            if tags.len() == before {
                let problem =
                    format!("The ticket has no tag \u{201c}{}\u{201d}.", inert::line(wanted));
                return Err(Failure::usage(&problem));
            }
        }
        tags.extend(self.add.iter().cloned());
        Ok(tags)
    }
}

/// Whoever lost against a colleague wants to see the ticket as it is now.
fn look_again(failure: Failure, number: i64) -> Failure {
    if failure.exit == Exit::Conflict {
        failure.hint(&format!("Look again with: deskbell ticket show {number}"))
    } else {
        failure
    }
}

/// What a ticket is now: "#42 in progress, high, Ana in Support: Printer on fire".
fn sentence(ticket: Option<&v1::Ticket>) -> String {
    let Some(ticket) = ticket else {
        return String::new();
    };
    let place = match (&ticket.operator, &ticket.group) {
        (Some(operator), Some(group)) => format!("{} in {}", operator.display_name, group.name),
        (Some(operator), None) => operator.display_name.clone(),
        (None, Some(group)) => format!("nobody yet in {}", group.name),
        (None, None) => "unassigned".to_owned(),
    };
    let sentence = format!(
        "#{} {}, {}, {place}: {}",
        ticket.number,
        words::state(ticket.state),
        words::priority(ticket.priority),
        ticket.title
    );
    inert::line(&sentence).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_in_one_sentence() {
        let mut ticket = v1::Ticket {
            number: 42,
            state: v1::TicketState::New.into(),
            priority: v1::Priority::High.into(),
            title: "Printer on fire".to_owned(),
            ..Default::default()
        };
        assert_eq!(sentence(Some(&ticket)), "#42 new, high, unassigned: Printer on fire");
        ticket.group = Some(v1::GroupRef { id: "g".to_owned(), name: "Support".to_owned() });
        assert_eq!(
            sentence(Some(&ticket)),
            "#42 new, high, nobody yet in Support: Printer on fire"
        );
        ticket.operator =
            Some(v1::MemberRef { id: "m".to_owned(), display_name: "Ana".to_owned() });
        ticket.state = 99;
        assert_eq!(sentence(Some(&ticket)), "#42 other, high, Ana in Support: Printer on fire");
    }
}
