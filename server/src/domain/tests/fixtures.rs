//! A team in which every role, state and visibility exists, and short ways to ask for something and
//! to look at what came.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::*;

/// An admin without assistance management.
pub const ADA: MemberId = MemberId(1);
/// An admin with assistance management.
pub const BOB: MemberId = MemberId(2);
/// An operator in [`SUPPORT`] and [`BACKSTAGE`].
pub const ANA: MemberId = MemberId(3);
/// An operator in [`SALES`].
pub const BEN: MemberId = MemberId(4);
/// An operator in no group.
pub const CAL: MemberId = MemberId(5);
/// A member who is neither operator nor admin.
pub const NIL: MemberId = MemberId(6);
/// An operator in [`SUPPORT`] who is disabled.
pub const DAN: MemberId = MemberId(7);
/// An operator in [`SUPPORT`] who is invited and has not accepted.
pub const INA: MemberId = MemberId(8);

/// Everybody, in the order of their ids.
pub const EVERYBODY: [MemberId; 8] = [ADA, BOB, ANA, BEN, CAL, NIL, DAN, INA];

/// A public group.
pub const SUPPORT: GroupId = GroupId(11);
/// A public group.
pub const SALES: GroupId = GroupId(12);
/// An internal group.
pub const BACKSTAGE: GroupId = GroupId(13);
/// A group that is deleted and can still come back; [`CAL`] was in it.
pub const GONE: GroupId = GroupId(14);

/// An active profile that offers all groups but [`SALES`], and rings with high priority.
pub const DESK: ProfileId = ProfileId(21);
/// An active profile that offers no group and names no priority.
pub const PLAIN: ProfileId = ProfileId(22);
/// A paused profile.
pub const PAUSED: ProfileId = ProfileId(23);
/// A revoked profile.
pub const REVOKED: ProfileId = ProfileId(24);
/// An active profile on which assistance is off.
pub const OFF: ProfileId = ProfileId(25);

/// The team.
pub const TEAM: TeamId = TeamId(7);
/// When the stories begin.
pub const START: Millis = 1_000_000_000;
/// A minute.
pub const MINUTE: Millis = 60_000;
/// How long a ticket lives in this team.
pub const DAY: Millis = 24 * 60 * MINUTE;

/// No random salt is needed where nothing has to stay secret.
pub const SALT: Salt = [7; 16];

/// A world with a clock. What the store does around a decision is done here in memory.
#[derive(Clone)]
pub struct Scene {
    pub world: World,
    pub now: Millis,
    /// One-time codes that were made and not used.
    pub codes: Vec<OneTimeCode>,
    /// Sessions that ended: of this account.
    pub signed_out: Vec<AccountId>,
}

/// The account of a member of the team.
pub fn account_of(member: MemberId) -> AccountId {
    AccountId(1_000 + member.0)
}

/// A digest that stands for this text.
pub fn hash(text: &str) -> Digest {
    sha256(&[text.as_bytes()])
}

/// Somebody's name, address and folded address, from one word.
pub fn member_words(name: &str) -> MemberWords {
    let email = format!("{name}@example.org");
    MemberWords {
        email_key: email.clone(),
        email,
        display_name: name.to_owned(),
        former_names: FormerNames::default(),
    }
}

/// A text for a message.
pub fn text(text: &str) -> Prepared<MessageWords> {
    Prepared::new(MessageWords { text: text.to_owned() }, SALT)
}

/// A profile's settings with this name and these groups.
pub fn draft(name: &str, groups: &[GroupId]) -> ProfileDraft {
    ProfileDraft {
        assistance_enabled: true,
        groups: groups.to_vec(),
        group_required: false,
        default_priority: None,
        words: Prepared::new(
            ProfileWords { name: name.to_owned(), ..ProfileWords::default() },
            SALT,
        ),
    }
}

fn words<W: serde::Serialize + Clone>(id: i64, words: W) -> (ContentRef, W) {
    (Prepared::new(words.clone(), SALT).at(ContentId(id)), words)
}

fn member(
    id: MemberId,
    name: &str,
    state: MemberState,
    admin: bool,
    operator: bool,
) -> Entry<Member, MemberWords> {
    let (content, words) = words(200 + id.0, member_words(name));
    let account = (state != MemberState::Invited).then_some(account_of(id));
    let image = Member {
        id,
        account,
        state,
        admin,
        operator,
        available: true,
        returning: false,
        sight_since: 1,
        words: content,
    };
    Entry { image, words }
}

fn group(
    id: GroupId,
    name: &str,
    visibility: Visibility,
    operators: &[MemberId],
) -> Entry<Group, GroupWords> {
    let (content, words) =
        words(200 + id.0, GroupWords { name: name.to_owned(), ..GroupWords::default() });
    let deleted_at = (id == GONE).then_some(START - MINUTE);
    Entry {
        image: Group {
            id,
            visibility,
            operators: operators.iter().copied().collect(),
            deleted_at,
            former: false,
            words: content,
        },
        words,
    }
}

fn profile(
    id: ProfileId,
    name: &str,
    state: ProfileState,
    groups: &[GroupId],
) -> Entry<Profile, ProfileWords> {
    let (content, words) =
        words(200 + id.0, ProfileWords { name: name.to_owned(), ..ProfileWords::default() });
    let image = Profile {
        id,
        state,
        revision: 1,
        saved_at: START,
        saved_by: Actor::Member(ADA),
        assistance_enabled: id != OFF,
        groups: groups.to_vec(),
        group_required: true,
        default_priority: (id == DESK).then_some(Priority::High),
        words: content,
    };
    Entry { image, words }
}

fn team() -> Team {
    use MemberState::{Active, Disabled, Invited};
    use Visibility::{Internal, Public};
    let members = [
        member(ADA, "ada", Active, true, false),
        member(BOB, "bob", Active, true, true),
        member(ANA, "ana", Active, false, true),
        member(BEN, "ben", Active, false, true),
        member(CAL, "cal", Active, false, true),
        member(NIL, "nil", Active, false, false),
        member(DAN, "dan", Disabled, false, true),
        member(INA, "ina", Invited, false, true),
    ];
    let groups = [
        group(SUPPORT, "Support", Public, &[ANA, DAN, INA]),
        group(SALES, "Sales", Public, &[BEN]),
        group(BACKSTAGE, "Backstage", Internal, &[ANA]),
        group(GONE, "Gone", Public, &[CAL]),
    ];
    let profiles = [
        profile(DESK, "Desk", ProfileState::Active, &[SUPPORT, BACKSTAGE, GONE]),
        profile(PLAIN, "Plain", ProfileState::Active, &[]),
        profile(PAUSED, "Paused", ProfileState::Paused, &[SUPPORT]),
        profile(REVOKED, "Revoked", ProfileState::Revoked, &[SUPPORT]),
        profile(OFF, "Off", ProfileState::Active, &[SUPPORT]),
    ];
    let (content, words) = words(200, TeamWords { name: "Acme".to_owned() });
    let settings = Settings {
        queue_mode: QueueMode::AdminAssigns,
        default_priority: Priority::Normal,
        expire_after: Some(DAY),
        time_zone: None,
        licensed_until: None,
        follow_ups: Vec::new(),
        created_at: START,
        words: content,
    };
    Team {
        id: TEAM,
        settings: Entry { image: settings, words },
        members: members.map(|member| (member.id, member)).into(),
        groups: groups.map(|group| (group.id, group)).into(),
        organizations: Organizations::default(),
        profiles: profiles.map(|profile| (profile.id, profile)).into(),
        past: Past::default(),
    }
}

impl Scene {
    /// The team, with an empty queue.
    pub fn new() -> Self {
        let team = team();
        let mut world = World::new(TEAM, None, 10, 1_000, 1);
        world.accounts = team
            .members
            .values()
            .filter_map(|member| {
                Some(Account {
                    id: member.account?,
                    email: member.words.email.clone(),
                    email_key: member.words.email_key.clone(),
                    display_name: member.words.display_name.clone(),
                    password_hash: Some("kept".to_owned()),
                    membership: Some((TEAM, member.id)),
                    opened_by: None,
                })
            })
            .collect();
        world.team = Some(Arc::new(team));
        Scene { world, now: START, codes: Vec::new(), signed_out: Vec::new() }
    }

    /// The team with this queue mode.
    pub fn in_mode(queue_mode: QueueMode) -> Self {
        let mut scene = Self::new();
        scene.team_mut().settings.queue_mode = queue_mode;
        scene
    }

    pub fn team(&self) -> &Team {
        self.world.team.as_deref().expect("the scene has a team")
    }

    pub fn team_mut(&mut self) -> &mut Team {
        Arc::make_mut(self.world.team.as_mut().expect("the scene has a team"))
    }

    /// What would be decided, on what the store loads for it. Nothing moves.
    pub fn decide(&self, caller: Caller, command: impl Into<Command>) -> Result<Decision, Refusal> {
        let command = command.into();
        let request = Request { team: self.world.id, caller, memory: None, command, salt: SALT };
        decide(&self.loaded(&request), &request, self.now)
    }

    /// The world as the store loads it for a request: what is needed, and nothing else.
    pub fn loaded(&self, request: &Request) -> World {
        let World { id, team, revision, next_id, next_number, .. } = self.world.clone();
        let mut world = World::new(id, team, revision, next_id, next_number);
        let needs = request.needs();
        for ticket in self.world.tickets.values() {
            let open = ticket.is_open();
            let belongs = |tickets| match tickets {
                Tickets::WaitingFor(_) => open && ticket.operator.is_none(),
                Tickets::Open => open,
                Tickets::OpenOf(member) => open && ticket.operator == Some(member),
                Tickets::OpenIn(group) => open && ticket.group == Some(group),
                Tickets::FormerlyIn(group) => open && ticket.former_group == Some(group),
                Tickets::EndedIn(group) => !open && ticket.group == Some(group),
            };
            let wanted = needs.number == Some(ticket.number)
                || needs.ticket == Some(ticket.id)
                || needs.ids.contains(&ticket.id)
                || (needs.secret.is_some() && needs.secret == ticket.secret_hash)
                || needs.tickets.is_some_and(belongs);
            if wanted {
                world.hold(ticket.clone());
            }
            if let Some(Tickets::OpenIn(group)) = needs.tickets {
                let count = if open { &mut world.open_in_group } else { &mut world.ended_in_group };
                *count += i64::from(ticket.group == Some(group));
            }
        }
        world.code = self.codes.iter().find(|code| needs.code == Some(code.hash)).cloned();
        let member = match needs.tickets {
            Some(Tickets::OpenOf(member)) => self.team().members.get(&member),
            _ => None,
        };
        let member = member.and_then(|member| member.account);
        let ids = [needs.account, world.code.as_ref().map(|code| code.account), member];
        let known = self.world.accounts.iter();
        let of_request = known.filter(|account| {
            ids.contains(&Some(account.id)) || needs.email.as_ref() == Some(&account.email_key)
        });
        world.accounts = of_request.cloned().collect();
        world
    }

    /// Decides and moves on to after it.
    pub fn ask(&mut self, caller: Caller, command: impl Into<Command>) -> Result<Reply, Refusal> {
        let decision = self.decide(caller, command)?;
        self.apply(&decision);
        Ok(decision.reply)
    }

    /// Moves on to after a decision.
    pub fn apply(&mut self, decision: &Decision) {
        self.world.next_id = decision.next_id;
        self.world.next_number = decision.next_number;
        if decision.events.iter().any(|event| !event.is_of_host()) {
            self.world.revision += 1;
        }
        self.world.apply(&decision.events);
        for event in &decision.events {
            match event {
                Event::Account(AccountEvent::Changed(account)) => {
                    self.world.accounts.retain(|known| known.id != account.id);
                    self.world.accounts.push((**account).clone());
                }
                Event::Account(AccountEvent::CodeMade(code)) => {
                    self.codes.retain(|known| match code.invitation {
                        Some(_) => known.invitation != code.invitation,
                        None => known.invitation.is_some() || known.account != code.account,
                    });
                    self.codes.push(code.clone());
                }
                Event::Directory(DirectoryEvent::Set(item, ..)) => {
                    if let Item::Member(member) = &**item
                        && member.state == MemberState::Former
                    {
                        let team = self.world.id;
                        self.codes.retain(|code| code.invitation != Some((team, member.id)));
                    }
                }
                Event::Directory(DirectoryEvent::Gone(ItemId::Member(member))) => {
                    let team = self.world.id;
                    self.codes.retain(|code| code.invitation != Some((team, *member)));
                }
                Event::Account(AccountEvent::CodeUsed(hash, _)) => {
                    self.codes.retain(|code| code.hash != *hash);
                }
                Event::Account(AccountEvent::SessionsEnded { account, .. }) => {
                    self.signed_out.push(*account);
                }
                _ => {}
            }
        }
    }

    /// A member does something that the rules allow.
    pub fn does(&mut self, member: MemberId, command: impl Into<Command>) -> Reply {
        let command = command.into();
        let asked = format!("{command:?}");
        self.ask(Caller::Member(member), command)
            .unwrap_or_else(|refusal| panic!("{asked}: {refusal:?}"))
    }

    /// The word of the refusal that a member meets.
    pub fn refused(&self, member: MemberId, command: impl Into<Command>) -> String {
        match self.decide(Caller::Member(member), command) {
            Ok(decision) => panic!("not refused: {:?}", decision.reply),
            Err(refusal) => word(&refusal),
        }
    }

    /// Somebody rings with [`DESK`] and the secret of that name. Gives the ticket's number.
    pub fn ring(&mut self, secret: &str, group: Option<GroupId>) -> i64 {
        match self.ask(Caller::Widget(DESK), submit(secret, group)) {
            Ok(Reply::Ticket(ticket)) => ticket.number,
            other => panic!("{other:?}"),
        }
    }

    /// A ticket in that state and place; it came with [`DESK`] and the secret of its number. Gives
    /// its number.
    pub fn put(&mut self, state: State, operator: Option<MemberId>, group: Option<GroupId>) -> i64 {
        let number = self.world.next_number;
        self.ring(&number.to_string(), None);
        let handled_by = operator.into_iter().collect();
        self.edit(number, |ticket| {
            ticket.state = state;
            ticket.operator = operator;
            ticket.group = group;
            ticket.handled_by = handled_by;
            if !state.is_open() {
                ticket.ended_at = Some(START);
                ticket.expires_at = None;
            }
        });
        number
    }

    /// Changes a ticket without any rule.
    pub fn edit(&mut self, number: i64, change: impl FnOnce(&mut Ticket)) {
        let id = self.world.numbers[&number];
        change(&mut self.world.tickets.get_mut(&id).expect("at hand").image);
    }

    pub fn ticket(&self, number: i64) -> &Ticket {
        &self.world.tickets[&self.world.numbers[&number]].image
    }

    pub fn version(&self, number: i64) -> Revision {
        self.ticket(number).version
    }

    /// How many ended tickets a group has.
    pub fn ended_in(&self, group: GroupId) -> i64 {
        let ended = |ticket: &&Entry<Ticket, _>| !ticket.is_open() && ticket.group == Some(group);
        i64::try_from(self.world.tickets.values().filter(ended).count()).expect("a few")
    }

    /// The group, also when it is deleted.
    pub fn group(&self, group: GroupId) -> &Group {
        &self.team().groups[&group].image
    }

    /// Who sees the ticket, in the order of ids.
    pub fn who_sees(&self, number: i64) -> Vec<MemberId> {
        let sight = Sight::from(self.ticket(number));
        let sees = |member: &MemberId| {
            self.team().viewer(*member).is_some_and(|viewer| viewer.sees(&sight))
        };
        EVERYBODY.into_iter().filter(sees).collect()
    }
}

/// The customer of a ticket that was put.
pub fn customer(number: i64) -> Caller {
    Caller::Customer(DESK, hash(&number.to_string()))
}

/// A call for help; the body follows from the secret.
pub fn submit(secret: &str, group: Option<GroupId>) -> Command {
    submit_body(secret, "It is broken.", group)
}

/// A call for help with this description.
pub fn submit_body(secret: &str, description: &str, group: Option<GroupId>) -> Command {
    let words = TicketWords {
        tags: Vec::new(),
        requester: "eva@example.com".to_owned(),
        title: String::new(),
        description: description.to_owned(),
        facts: BTreeMap::new(),
    };
    Command::Ticket(TicketCommand::Submit(Box::new(Submission {
        secret_hash: hash(secret),
        body_digest: hash(description),
        group,
        words: Ok(Prepared::new(words, SALT)),
    })))
}

/// The stable word of a refusal, or its kind and field.
pub fn word(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Invalid { field, .. } => format!("invalid {field}"),
        Refusal::NotFound(_) => "not found".to_owned(),
        Refusal::QueueEmpty => "queue empty".to_owned(),
        Refusal::Denied { reason, .. } | Refusal::Precondition { reason, .. } => {
            (*reason).to_owned()
        }
        Refusal::AlreadyExists { field, .. } => format!("exists {field}"),
        Refusal::Stale { by, what, .. } => format!("stale: {by} {what}"),
        Refusal::Taken { by } => format!("taken: {by}"),
        Refusal::RequestReused { field } => format!("reused {field}"),
        Refusal::Full { what, .. } => format!("full {what}"),
    }
}
