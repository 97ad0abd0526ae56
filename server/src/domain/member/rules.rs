//! Members: adding, roles, assistance management, leaving.

use super::{Member, MemberDraft, MemberState, MemberWords};
use crate::domain::account::{Account, AccountEvent, OneTimeCode};
use crate::domain::decide::{Draft, MemberEntry};
use crate::domain::directory::ItemId;
use crate::domain::ids::MemberId;
use crate::domain::names::FormerNames;
use crate::domain::refusal::Refusal;
use crate::domain::request::Reply;
use crate::domain::words::{Entry, NewWords};

/// A team has at most this many members.
const MEMBERS: usize = 10_000;

impl<'w> Draft<'w> {
    pub(in crate::domain) fn change_member(
        &mut self,
        member: &MemberEntry,
        image: Member,
        row: Option<NewWords>,
    ) {
        let words = member.words.clone();
        self.set(Entry { image, words }, row);
    }

    /// These members see other things from this revision on.
    pub(in crate::domain) fn sight_changes(
        &mut self,
        members: impl IntoIterator<Item = MemberId>,
    ) -> Result<(), Refusal> {
        let team = self.team()?;
        for id in members {
            if let Some(member) = team.members.get(&id) {
                let image = member.image.clone().seeing_anew(self.revision);
                self.change_member(member, image, None);
            }
        }
        Ok(())
    }

    pub(super) fn add_member(&mut self, invitation: &MemberDraft) -> Result<Reply, Refusal> {
        let MemberDraft {
            email,
            display_name,
            operator,
            admin,
            code_hash,
            code_expires_at,
            account,
        } = invitation;
        self.admin()?;
        let team = self.team()?;
        let email = email.clone()?;
        let display_name = display_name.clone()?;
        let known = team.members.values().find(|member| member.words.email_key == email.key);
        let code = |member| {
            AccountEvent::CodeMade(OneTimeCode {
                hash: *code_hash,
                account: *account,
                invitation: Some((self.world.id, member)),
                expires_at: *code_expires_at,
            })
        };
        if let Some(invited) = known.filter(|member| member.state == MemberState::Invited) {
            // Asked again: a new code, and the older ones do nothing from now on.
            let mut image = invited.image.clone();
            (image.operator, image.admin) = (*operator, *admin);
            let (made, id) = (code(invited.id), invited.id);
            self.happened(made);
            if image != invited.image {
                if !image.operator {
                    self.leave_groups(id)?;
                }
                self.change_member(invited, image, None);
            }
            return Ok(Reply::Item(ItemId::Member(id)));
        }
        if known.is_some() {
            return Err(Refusal::AlreadyExists {
                field: "email",
                text: "this address is a member of the team already".into(),
            });
        }
        let returning = team.past.members.values().find(|past| past.words.email_key == email.key);
        if returning.is_none() && team.members.len() + team.past.members.len() >= MEMBERS {
            return Err(Refusal::Full { what: "members", limit: MEMBERS });
        }
        let id = returning.map_or_else(|| MemberId(self.id()), |past| past.id);
        self.happened(code(id));
        let mut words = MemberWords {
            email: email.written.clone(),
            email_key: email.key,
            display_name: if display_name.is_empty() { email.written } else { display_name },
            former_names: FormerNames::default(),
        };
        if let Some(past) = returning {
            words.former_names = past.words.former_names.clone();
            words.display_name.clone_from(&past.words.display_name);
        }
        let prepared = self.prepare(words);
        let image = Member {
            id,
            account: None,
            state: MemberState::Invited,
            admin: *admin,
            operator: *operator,
            available: true,
            returning: returning.is_some(),
            sight_since: self.revision,
            words: match returning {
                Some(past) => prepared.at(past.image.words.id),
                None => self.content(&prepared),
            },
        };
        self.set(Entry { image, words: (*prepared.words).clone() }, Some(prepared.row));
        Ok(Reply::Item(ItemId::Member(id)))
    }

    /// Somebody is no member any more. Who was one stays known by name; who never came leaves
    /// nothing.
    fn leave(&mut self, member: &MemberEntry) {
        if member.state == MemberState::Invited && !member.returning {
            self.remove(ItemId::Member(member.id));
        } else {
            let mut image = member.image.clone().seeing_anew(self.revision);
            (image.state, image.account) = (MemberState::Former, None);
            self.change_member(member, image, None);
        }
    }

    fn other(&self, member: MemberId) -> Result<&'w MemberEntry, Refusal> {
        self.team()?.members.get(&member).ok_or(Refusal::NotFound("member"))
    }

    /// The last admin can neither go nor be demoted.
    fn keeps_an_admin(&self, member: &Member) -> Result<(), Refusal> {
        if member.admin
            && member.state == MemberState::Active
            && self.team()?.other_admins(member.id) == 0
        {
            return Err(Refusal::precondition(
                "LAST_ADMIN",
                "this is the team's last admin; make another member an admin first",
            ));
        }
        Ok(())
    }

    pub(super) fn update_member(
        &mut self,
        id: MemberId,
        admin: Option<bool>,
        operator: Option<bool>,
        enabled: Option<bool>,
    ) -> Result<Reply, Refusal> {
        self.admin()?;
        let old = self.other(id)?;
        let mut member = old.image.clone();
        member.admin = admin.unwrap_or(member.admin);
        member.operator = operator.unwrap_or(member.operator);
        match (member.state, enabled) {
            (MemberState::Active, Some(false)) => member.state = MemberState::Disabled,
            (MemberState::Disabled, Some(true)) => member.state = MemberState::Active,
            (MemberState::Invited, Some(false)) => {
                return Err(Refusal::precondition(
                    "NOT_ACCEPTED",
                    "this member has not accepted yet; remove them to take the invitation back",
                ));
            }
            _ => {}
        }
        if member == old.image {
            return Ok(Reply::Item(ItemId::Member(id)));
        }
        if !member.admin || member.state == MemberState::Disabled {
            self.keeps_an_admin(old)?;
        }
        let may_be_assigned =
            |member: &Member| member.operator && member.state != MemberState::Disabled;
        if may_be_assigned(old) && !may_be_assigned(&member) {
            self.leave_tickets(id)?;
        }
        if !member.operator {
            self.leave_groups(id)?;
        }
        if member.state == MemberState::Disabled
            && let Some(account) = member.account
        {
            self.happened(AccountEvent::SessionsEnded { account, only: None, except: None });
        }
        let member = member.seeing_anew(self.revision);
        self.change_member(old, member, None);
        Ok(Reply::Item(ItemId::Member(id)))
    }

    pub(super) fn leave_groups(&mut self, member: MemberId) -> Result<(), Refusal> {
        for group in self.team()?.groups.values().filter(|group| group.operators.contains(&member))
        {
            let mut group = group.clone();
            group.operators.remove(&member);
            self.set(group, None);
        }
        Ok(())
    }

    pub(super) fn remove_member(&mut self, id: MemberId) -> Result<Reply, Refusal> {
        self.admin()?;
        let old = self.other(id)?;
        self.keeps_an_admin(old)?;
        self.leave_tickets(id)?;
        self.leave_groups(id)?;
        self.leave(old);
        if let Some(account) = old.account {
            self.happened(AccountEvent::SessionsEnded { account, only: None, except: None });
            if let Ok(found) = self.world.account(account) {
                let mut account = found.clone();
                account.membership = None;
                self.happened(AccountEvent::Changed(Box::new(account)));
            }
        }
        Ok(Reply::Done)
    }

    pub(super) fn set_availability(&mut self, available: bool) -> Result<Reply, Refusal> {
        let me = self.operator()?;
        if me.available != available {
            let mut member = me.image.clone();
            member.available = available;
            self.change_member(me, member, None);
        }
        Ok(Reply::Item(ItemId::Member(me.id)))
    }

    pub(super) fn answer_invitation(
        &mut self,
        member: MemberId,
        accept: bool,
    ) -> Result<Reply, Refusal> {
        let id = self.caller.account().ok_or(Refusal::NotFound("invitation"))?;
        let account = self.world.account(id)?;
        let invited = self.other(member)?;
        if invited.state != MemberState::Invited || invited.words.email_key != account.email_key {
            return Err(Refusal::NotFound("invitation"));
        }
        // That an account has the address proves nothing: another team's code may have opened it.
        let code = self.invitation_code(member).ok_or_else(|| {
            Refusal::invalid(
                "code",
                "give the newest code that the team's admin passed on; an admin makes a new one by \
                 adding the address again",
            )
        })?;
        if accept && account.membership.is_some() {
            return Err(Refusal::precondition(
                "HAS_TEAM",
                "this account belongs to a team already; leave it first",
            ));
        }
        self.happened(AccountEvent::CodeUsed(code.hash, id));
        if !accept {
            // An admin may have put them into groups already.
            self.leave_groups(member)?;
            self.leave(invited);
            return Ok(Reply::Account(id));
        }
        let account = account.clone();
        self.join(invited, account);
        Ok(Reply::Account(id))
    }

    /// The code at hand, if this team issued it for that invitation and it still works.
    pub(in crate::domain) fn invitation_code(&self, member: MemberId) -> Option<&'w OneTimeCode> {
        let code = self.world.code.as_ref()?;
        let issued_here = code.invitation == Some((self.world.id, member));
        (issued_here && code.expires_at > self.now).then_some(code)
    }

    /// Makes an account the member that it was invited to be, under the name its owner goes by.
    pub(in crate::domain) fn join(&mut self, invited: &MemberEntry, mut account: Account) {
        let mut member = invited.clone();
        member.image.account = Some(account.id);
        member.image.state = MemberState::Active;
        member.image.sight_since = self.revision;
        let MemberWords { display_name, former_names, .. } = &mut member.words;
        if invited.returning {
            former_names.rename(display_name, account.display_name.clone(), self.now);
        } else {
            display_name.clone_from(&account.display_name);
        }
        let prepared = self.prepare(member.words.clone());
        member.image.words = prepared.at(invited.image.words.id);
        account.membership = Some((self.world.id, member.image.id));
        self.set(member, Some(prepared.row));
        self.happened(AccountEvent::Changed(Box::new(account)));
    }
}
