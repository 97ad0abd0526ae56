//! The life of one address in two teams, in any order of events: nobody ever gets a seat with a
//! code that another team issued, and no code touches an account that its team did not open.

use proptest::prelude::*;

use super::fixtures::*;
use crate::domain::*;

const EMAIL: &str = "eva@example.org";
const OTHER_TEAM: TeamId = TeamId(8);
/// An account that the host made for the address.
const HERS: AccountId = AccountId(4_000);

/// What can happen. Numbers pick among the codes issued and the accounts known so far.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// An admin adds the address.
    Add { team: usize },
    /// An admin removes the address.
    Remove { team: usize },
    /// Somebody redeems a code, a spent or an old one, too.
    Redeem { code: usize },
    /// An account answers a team's invitation with a code.
    Answer { team: usize, account: usize, code: usize, accept: bool },
    /// Codes run out.
    Wait,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..2_usize).prop_map(|team| Step::Add { team }),
        2 => (0..2_usize).prop_map(|team| Step::Remove { team }),
        3 => any::<usize>().prop_map(|code| Step::Redeem { code }),
        3 => (0..2_usize, any::<usize>(), any::<usize>(), any::<bool>()).prop_map(
            |(team, account, code, accept)| Step::Answer { team, account, code, accept }
        ),
        1 => Just(Step::Wait),
    ];
    proptest::collection::vec(step, 1..24)
}

/// A code that a team issued.
#[derive(Clone, Copy)]
struct Issued {
    team: usize,
    hash: Digest,
    at: Millis,
    /// It is the team's newest, and neither used nor ended with its invitation.
    works: bool,
}

struct Host {
    teams: [Scene; 2],
    issued: Vec<Issued>,
}

impl Host {
    fn new() -> Self {
        let mut teams = [Scene::new(), Scene::new()];
        teams[1].world.id = OTHER_TEAM;
        teams[1].team_mut().id = OTHER_TEAM;
        let hers = Account {
            id: HERS,
            email: EMAIL.to_owned(),
            email_key: EMAIL.to_owned(),
            display_name: "Eva".to_owned(),
            password_hash: Some("hers".to_owned()),
            membership: None,
            opened_by: None,
        };
        for scene in &mut teams {
            scene.world.accounts = vec![hers.clone()];
        }
        Host { teams, issued: Vec::new() }
    }

    /// Asks in one team; the host's accounts and codes are everybody's.
    fn ask(
        &mut self,
        team: usize,
        caller: Caller,
        command: impl Into<Command>,
    ) -> Result<Reply, Refusal> {
        let reply = self.teams[team].ask(caller, command);
        let (accounts, codes) =
            (self.teams[team].world.accounts.clone(), self.teams[team].codes.clone());
        for scene in &mut self.teams {
            scene.world.accounts.clone_from(&accounts);
            scene.codes.clone_from(&codes);
        }
        reply
    }

    fn member(&self, team: usize) -> Option<&Entry<Member, MemberWords>> {
        self.teams[team].team().members.values().find(|member| member.words.email_key == EMAIL)
    }

    fn accounts(&self) -> Vec<Account> {
        self.teams[0].world.accounts.clone()
    }

    fn end_codes_of(&mut self, team: usize) {
        for code in self.issued.iter_mut().filter(|code| code.team == team) {
            code.works = false;
        }
    }

    fn works(&self, code: Issued) -> bool {
        code.works && self.teams[0].now - code.at < DAY
    }

    fn add(&mut self, team: usize) {
        let name = format!("code {}", self.issued.len());
        let command = MemberCommand::Add(Box::new(MemberDraft {
            email: text::email(EMAIL).map_err(Refusal::text("email")),
            display_name: Ok(String::new()),
            operator: true,
            admin: true,
            code_hash: hash(&name),
            code_expires_at: self.teams[0].now + DAY,
            account: AccountId(5_000 + i64::try_from(self.issued.len()).unwrap_or(0)),
        }));
        let is_seated =
            self.member(team).is_some_and(|member| member.state != MemberState::Invited);
        let added = self.ask(team, Caller::Member(ADA), command);
        assert_eq!(added.is_err(), is_seated, "whoever is invited is asked again: {added:?}");
        if added.is_ok() {
            self.end_codes_of(team);
            let at = self.teams[0].now;
            self.issued.push(Issued { team, hash: hash(&name), at, works: true });
        }
    }

    fn remove(&mut self, team: usize) {
        if let Some(member) = self.member(team).map(|member| member.id) {
            let done = self.ask(team, Caller::Member(ADA), MemberCommand::Remove { member });
            done.expect("somebody else is an admin");
            self.end_codes_of(team);
        }
    }

    fn redeem(&mut self, picked: usize) {
        let Some(code) = pick(&self.issued, picked) else { return };
        let before = self.accounts();
        let command = AccountCommand::RedeemCode(Box::new(Redemption {
            code_hash: code.hash,
            email_key: EMAIL.to_owned(),
            password_hash: format!("by code {picked}"),
            display_name: None,
        }));
        let redeemed = self.ask(code.team, Caller::Account(AccountId(1)), command);
        assert_eq!(redeemed.is_ok(), self.works(code), "the newest works, and no other");
        for account in before {
            let now = self.accounts().into_iter().find(|now| now.id == account.id);
            let now = now.expect("accounts stay");
            let may_change = account.opened_by == Some(self.teams[code.team].world.id);
            assert!(now == account || may_change, "{account:?} became {now:?}");
        }
        if redeemed.is_ok() {
            self.end_codes_of(code.team);
            assert_eq!(
                self.member(code.team).map(|member| member.state),
                Some(MemberState::Active)
            );
        }
    }

    fn answer(&mut self, team: usize, account: usize, code: usize, accept: bool) {
        let account = pick(&self.accounts(), account).expect("there is one");
        let code = pick(&self.issued, code);
        let Some(invited) = self.member(team).cloned() else { return };
        let command = MemberCommand::AnswerInvitation {
            member: invited.id,
            accept,
            code_hash: code.map(|code| code.hash),
        };
        let may = invited.state == MemberState::Invited
            && code.is_some_and(|code| code.team == team && self.works(code))
            && (!accept || account.membership.is_none());
        let answered = self.ask(team, Caller::Account(account.id), command);
        assert_eq!(answered.is_ok(), may, "only with this team's newest code: {answered:?}");
        if answered.is_ok() {
            self.end_codes_of(team);
            let seat = accept.then_some(Some(account.id));
            assert_eq!(self.member(team).map(|member| member.account), seat);
        }
    }

    /// A seat and its account name each other, and no account has two.
    fn check(&self) {
        for account in self.accounts() {
            for (team, scene) in self.teams.iter().enumerate() {
                let seat = self.member(team).filter(|member| member.account == Some(account.id));
                let named = account.membership.filter(|(of, _)| *of == scene.world.id);
                assert_eq!(seat.map(|member| member.id), named.map(|(_, member)| member));
            }
        }
    }
}

fn pick<T: Clone>(all: &[T], picked: usize) -> Option<T> {
    all.get(picked.checked_rem(all.len())?).cloned()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn nobody_gets_a_seat_with_another_teams_code(steps in steps()) {
        let mut host = Host::new();
        for step in steps {
            match step {
                Step::Add { team } => host.add(team),
                Step::Remove { team } => host.remove(team),
                Step::Redeem { code } => host.redeem(code),
                Step::Answer { team, account, code, accept } => {
                    host.answer(team, account, code, accept);
                }
                Step::Wait => host.teams.iter_mut().for_each(|scene| scene.now += DAY),
            }
            host.check();
        }
    }
}
