//! Random steps, and what they ask for in the scene as it is by then. Most make sense; some name
//! what is not there.

use proptest::prelude::*;

use super::fixtures::*;
use crate::domain::*;

/// A step in the making: which kind, by whom, about what. Numbers are taken modulo the choices
/// there are.
#[derive(Clone, Debug)]
pub struct Step {
    kind: u8,
    who: usize,
    one: usize,
    other: usize,
    flags: u8,
    wait: usize,
}

/// Random steps.
pub fn steps(count: usize) -> impl Strategy<Value = Vec<Step>> {
    let step =
        (0..KINDS, 0..1_000_usize, 0..1_000_usize, 0..1_000_usize, any::<u8>(), 0..1_000_usize);
    let step = step.prop_map(|(kind, who, one, other, flags, wait)| Step {
        kind,
        who,
        one,
        other,
        flags,
        wait,
    });
    prop::collection::vec(step, 1..count)
}

/// How many kinds of steps [`Step::request`] knows.
const KINDS: u8 = 40;

impl Step {
    /// Lets time pass: mostly none, sometimes enough to expire or to erase, and now and then the
    /// clock is set back.
    pub fn pass_time(&self, scene: &mut Scene) {
        scene.now += pick(&[0, 0, 0, 0, 0, 0, -7, 1, 5, 11, 13 * 60], self.wait) * MINUTE;
    }

    /// Who asks for what.
    pub fn request(&self, scene: &Scene) -> (Caller, Command) {
        let (first, second) = (self.flags & 1 == 1, self.flags & 2 == 2);
        let (number, version) = self.ticket(scene);
        let member = |at| pick(&members(scene), at);
        let group = |at| pick(&groups(scene), at);
        let by_member = Caller::Member(self.member(scene));
        // Most of what admins do is asked by an admin, so that the team does change.
        let mut admin = scene
            .team()
            .members
            .values()
            .filter(|member| member.admin && member.state == MemberState::Active);
        let admin = admin.next_back().map_or(ADA, |admin| admin.id);
        let admin = if self.who.is_multiple_of(8) { by_member } else { Caller::Member(admin) };
        match self.kind {
            0..6 => (
                Caller::Widget(pick(&[DESK, DESK, DESK, DESK, PLAIN, PAUSED], self.who)),
                self.ring(scene),
            ),
            6..8 => (
                by_member,
                Command::Ticket(TicketCommand::Take { number, version: Some(version), from: None }),
            ),
            8 => (by_member, Command::Ticket(TicketCommand::Next)),
            9..13 => {
                let operator = (self.flags & 4 == 4).then(|| first.then(|| member(self.one)));
                let group = (self.flags & 8 == 8).then(|| second.then(|| group(self.other)));
                (
                    by_member,
                    Command::Ticket(TicketCommand::Assign { number, version, operator, group }),
                )
            }
            13 => (
                by_member,
                Command::Ticket(TicketCommand::SetPriority {
                    number,
                    version,
                    priority: Ok(pick(&Priority::ALL, self.other)),
                }),
            ),
            14 | 15 => (
                by_member,
                Command::Ticket(TicketCommand::Reply {
                    number,
                    version: first.then_some(version),
                    text: Ok(text("a")),
                }),
            ),
            16 => (
                by_member,
                Command::Ticket(TicketCommand::Note {
                    number,
                    version: first.then_some(version),
                    text: Ok(text("b")),
                }),
            ),
            17 | 18 => (by_member, Command::Ticket(TicketCommand::Close { number, version })),
            19 | 20 => (by_member, Command::Ticket(TicketCommand::Reopen { number, version })),
            21 => (
                Caller::Customer(DESK, hash(&number.to_string())),
                Command::Ticket(TicketCommand::CustomerWrite { text: Ok(text("c")) }),
            ),
            22 => (
                Caller::Customer(DESK, hash(&number.to_string())),
                Command::Ticket(TicketCommand::CustomerCancel),
            ),
            23..26 => {
                (Caller::Clock, Command::Ticket(TicketCommand::Expire { ticket: self.due(scene) }))
            }
            26 => {
                let queue_mode =
                    if first { QueueMode::SelfService } else { QueueMode::AdminAssigns };
                let expire_after =
                    (self.flags & 4 == 4).then(|| (self.flags & 8 == 8).then_some(DAY));
                let (queue_mode, default_priority) =
                    (Some(queue_mode), Some(pick(&Priority::ALL, self.one)));
                (
                    admin,
                    Command::Team(TeamCommand::Update(TeamChanges {
                        queue_mode,
                        default_priority,
                        expire_after,
                        ..TeamChanges::default()
                    })),
                )
            }
            27 => (admin, self.invite()),
            28 => self.answer(scene),
            29..31 => {
                let flag =
                    |bit: u8| (self.flags & bit == bit).then_some(self.flags & (bit << 1) != 0);
                let (admin_flag, operator, enabled) = (flag(4), flag(16), flag(64));
                (
                    admin,
                    Command::Member(MemberCommand::Update {
                        member: member(self.one),
                        admin: admin_flag,
                        operator,
                        enabled,
                    }),
                )
            }
            31 if first => {
                (admin, Command::Member(MemberCommand::Remove { member: member(self.one) }))
            }
            31 => {
                (by_member, Command::Member(MemberCommand::SetAvailability { available: second }))
            }
            32 => {
                let name = format!("Group {}", self.one % 3);
                (
                    admin,
                    Command::Group(GroupCommand::Create { name, visibility: Visibility::Public }),
                )
            }
            33 | 34 => (
                admin,
                Command::Group(GroupCommand::AddOperator {
                    group: group(self.one),
                    member: member(self.other),
                }),
            ),
            35 => (
                admin,
                Command::Group(GroupCommand::RemoveOperator {
                    group: group(self.one),
                    member: member(self.other),
                }),
            ),
            36 => {
                let (group, move_to) = (group(self.one), first.then(|| group(self.other)));
                let confirm = scene.ended_in(group);
                (
                    admin,
                    Command::Group(GroupCommand::Delete {
                        group,
                        dry_run: self.flags & 4 == 4,
                        confirm,
                        move_to,
                    }),
                )
            }
            37 => (admin, Command::Group(GroupCommand::Undelete { group: self.deleted(scene) })),
            38 => {
                (Caller::Clock, Command::Group(GroupCommand::Erase { group: self.deleted(scene) }))
            }
            _ => {
                let state = pick(&[ProfileState::Active, ProfileState::Paused], self.one);
                (
                    admin,
                    Command::Profile(ProfileCommand::SetState {
                        profile: pick(&[DESK, PLAIN, PAUSED], self.other),
                        state,
                    }),
                )
            }
        }
    }

    fn mostly<T: Copy>(&self, likely: &[T], all: &[T], at: usize) -> T {
        pick(if likely.is_empty() || self.other.is_multiple_of(8) { all } else { likely }, at)
    }

    /// Mostly somebody who may act at all.
    fn member(&self, scene: &Scene) -> MemberId {
        let active =
            scene.team().members.values().filter(|member| member.state == MemberState::Active);
        let active: Vec<_> = active.map(|member| member.id).collect();
        self.mostly(&active, &members(scene), self.who)
    }

    /// Mostly one of the latest tickets, and mostly at the version it has.
    fn ticket(&self, scene: &Scene) -> (i64, Revision) {
        let mut latest: Vec<_> =
            scene.world.tickets.values().map(|ticket| (ticket.number, ticket.version)).collect();
        latest.sort_unstable();
        let latest = latest.split_off(latest.len().saturating_sub(6));
        if latest.is_empty() || self.other.is_multiple_of(16) {
            return (i64::try_from(self.one).unwrap_or(0) % scene.world.next_number + 1, 1);
        }
        let (number, version) = pick(&latest, self.one);
        (number, if self.flags & 0xf0 == 0 { version - 1 } else { version })
    }

    /// Mostly a group that is deleted.
    fn deleted(&self, scene: &Scene) -> GroupId {
        let deleted = scene
            .team()
            .groups
            .values()
            .filter(|group| group.deleted_at.is_some())
            .map(|group| group.id);
        let deleted: Vec<_> = deleted.collect();
        self.mostly(&deleted, &groups(scene), self.one)
    }

    /// A ticket that expires, soonest first.
    fn due(&self, scene: &Scene) -> TicketId {
        let mut open: Vec<_> =
            scene.world.tickets.values().filter(|ticket| ticket.is_open()).collect();
        open.sort_by_key(|ticket| (ticket.expires_at, ticket.number));
        open.get(self.one % 3).map_or(TicketId(1), |ticket| ticket.id)
    }

    /// A new call for help, or an old one once more. The secret is the number it will have.
    fn ring(&self, scene: &Scene) -> Command {
        let new = scene.world.next_number;
        let secret = if self.flags & 0xf0 == 0 { (new - 1).max(1) } else { new };
        submit(&secret.to_string(), (self.flags & 3 > 0).then(|| pick(&groups(scene), self.other)))
    }

    fn invite(&self) -> Command {
        let address = format!("guest{}@example.org", self.one % 4);
        Command::Member(MemberCommand::Add(Box::new(MemberDraft {
            email: crate::domain::text::email(&address).map_err(Refusal::text("email")),
            display_name: Ok(String::new()),
            operator: self.flags & 4 == 4,
            admin: self.flags & 8 == 8,
            code_hash: hash(&format!("{address} {}", self.other)),
            code_expires_at: i64::MAX,
            account: AccountId(2_000 + i64::try_from(self.one % 4).unwrap_or(0)),
        })))
    }

    /// An account redeems a code, or says yes or no to whoever invited it.
    fn answer(&self, scene: &Scene) -> (Caller, Command) {
        let invited = |account: &&Account| {
            let mut asked =
                scene.team().members.values().filter(|member| member.state == MemberState::Invited);
            asked.any(|member| member.words.email_key == account.email_key)
        };
        let accounts: Vec<_> = scene.world.accounts.iter().collect();
        let invited: Vec<_> = scene.world.accounts.iter().filter(invited).collect();
        let account = self.mostly(&invited, &accounts, self.one);
        let code = scene.codes.iter().find(|code| code.account == account.id);
        let command: Command = if let Some(code) = code.filter(|_| self.flags & 1 == 1) {
            AccountCommand::RedeemCode(Box::new(Redemption {
                code_hash: code.hash,
                email_key: account.email_key.clone(),
                password_hash: "new".to_owned(),
                display_name: None,
            }))
            .into()
        } else {
            let asked = scene
                .team()
                .members
                .values()
                .find(|member| member.words.email_key == account.email_key);
            let member = asked.map_or(INA, |member| member.id);
            let issued = scene.codes.iter().find(|code| code.invitation == Some((TEAM, member)));
            MemberCommand::AnswerInvitation {
                member,
                accept: self.flags & 2 == 2,
                code_hash: issued.map(|code| code.hash),
            }
            .into()
        };
        (Caller::Account(account.id), command)
    }
}

/// Members that are there, and one that is not.
fn members(scene: &Scene) -> Vec<MemberId> {
    scene.team().members.keys().copied().chain([MemberId(99)]).collect()
}

/// Groups that are there, deleted or not, and one that is not.
fn groups(scene: &Scene) -> Vec<GroupId> {
    scene.team().groups.keys().copied().chain([GroupId(99)]).collect()
}

fn pick<T: Copy>(choices: &[T], at: usize) -> T {
    choices[at % choices.len()]
}
