//! Everybody of the policy, and everything they call about: three teams on one server.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use deskbell_proto::client::Credentials;
use deskbell_proto::v1::{Group, ProfileState, QueueMode};
use deskbell_tests::customer::{Customer, Widget, new_secret};
use deskbell_tests::desk::{Desk, email};
use deskbell_tests::host::Database;
use deskbell_tests::staff::{Staff, To};

use super::bodies::Target;
use super::wire::Wire;

/// An id's number that nothing gets in a test.
const NEVER: i64 = 999_999;

/// Everybody and everything.
pub struct Stage {
    /// The server.
    pub desk: Desk,
    /// For calls as anybody.
    pub wire: Wire,
    /// The callers of the policy, by name.
    pub callers: BTreeMap<&'static str, Credentials>,
    /// The callers with sessions.
    pub people: BTreeMap<&'static str, Staff>,
    /// The objects of the policy, by kind and name.
    pub objects: BTreeMap<(&'static str, &'static str), Target>,
    support: Group,
    widget: Widget,
}

fn session(staff: &Staff) -> Credentials {
    Credentials::session(&staff.token).expect("a token")
}

/// The same text, but for a character in its middle.
fn forged(text: &str) -> String {
    let (head, tail) = text.split_at(text.len() / 2);
    let other = if tail.starts_with('A') { "B" } else { "A" };
    format!("{head}{other}{}", tail.chars().skip(1).collect::<String>())
}

fn new_name(what: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{what}{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

impl Stage {
    /// Sets everything up.
    pub async fn set() -> Self {
        let desk = Desk::open(Database::Sqlite).await;
        let mut people = BTreeMap::new();
        let boss = desk.admin("boss").await;
        for name in ["mine", "in", "left", "out", "off"] {
            people.insert(name, desk.operator(&boss, name).await);
        }
        people.insert("idle", desk.member(&boss, "idle", false, false).await);
        people.insert("lead", desk.member(&boss, "lead", false, true).await);
        people.insert("far", desk.admin("far").await);
        desk.host.account(&email("solo"), "solo");
        people.insert("solo", desk.sign_in(&email("solo")).await);
        people.insert("new", asked(&desk, &boss, "new", false).await);
        people.insert("heir", asked(&desk, &boss, "heir", true).await);
        people.insert("thief", thief(&desk, &boss, "thief").await);
        let over = desk.sign_in(&boss.email).await;
        over.sign_out(false).await.expect("signed out");
        people.insert("over", over);
        boss.update_member(&people["off"].id(), None, None, Some(false)).await.expect("disabled");
        people.insert("back", desk.sign_in(&email("off")).await);
        let support = boss.group_of("Support", &[&people["in"]]).await;
        boss.group_of("Sales", &[&people["out"]]).await;

        let mut callers: BTreeMap<_, _> =
            people.iter().map(|(name, staff)| (*name, session(staff))).collect();
        callers.insert("boss", session(&boss));
        callers.insert("none", Credentials::none());
        callers.insert("fake", Credentials::session(&forged(&boss.token)).expect("a token"));
        people.insert("boss", boss);
        let boss = &people["boss"];
        let live = boss.profile("Live", &[&support]).await;
        let widget = boss.widget(&desk.server, &live).await;
        let wire = Wire::to(&desk.server).await;
        let customer = widget.ring(None, "Copied.").await;
        callers.insert("copy", customer_of(&widget, &customer));
        let mut stage =
            Self { desk, wire, callers, people, objects: BTreeMap::new(), support, widget };
        stage.set_objects().await;
        stage
    }

    /// What people call about.
    async fn set_objects(&mut self) {
        let tickets = ["own", "grouped", "behind", "loose", "closed", "handled", "answered"];
        let others = [
            ("member", "colleague"),
            ("group", "live"),
            ("group", "deleted"),
            ("organization", "known"),
            ("profile", "present"),
            ("invitation", "to-new"),
            ("invitation", "to-heir"),
            ("lure", "to-thief"),
        ];
        for (kind, name) in tickets.map(|name| ("ticket", name)).into_iter().chain(others) {
            let target = self.fresh(kind, name).await;
            self.objects.insert((kind, name), target);
        }
        self.copy(("ticket", "loose"), ("ticket", "shared"));
        self.copy(("group", "live"), ("any-group", "live"));
        self.copy(("group", "deleted"), ("any-group", "deleted"));
        let absent = Target {
            number: NEVER,
            version: 1,
            member_id: format!("m{NEVER}"),
            group_id: format!("g{NEVER}"),
            organization_id: format!("o{NEVER}"),
            profile_id: format!("p{NEVER}"),
            invitation_id: format!("i{NEVER}-{NEVER}"),
            ..Target::default()
        };
        let foreign = self.foreign().await;
        let kinds =
            ["ticket", "member", "group", "any-group", "organization", "profile", "invitation"];
        for kind in kinds {
            self.objects.insert((kind, "absent"), absent.clone());
            self.objects.insert((kind, "foreign"), foreign.clone());
        }
        // Ids are counted in each team. So `far` must not have one of its own that happens to be
        // spelt like one of ours.
        assert_eq!(self.people["far"].members().await.expect("members").len(), 1);
        assert_ne!(self.people["far"].id(), self.objects[&("member", "colleague")].member_id);
    }

    fn copy(&mut self, from: (&'static str, &'static str), to: (&'static str, &'static str)) {
        let target = self.objects[&from].clone();
        self.objects.insert(to, target);
    }

    /// Ids of a team that no caller is in, none of them spelt like one of ours.
    async fn foreign(&self) -> Target {
        let (boss, third) = (&self.people["boss"], self.desk.admin("third").await);
        let our_members: Vec<_> =
            boss.members().await.expect("members").into_iter().map(|member| member.id).collect();
        let our_groups: Vec<_> =
            boss.groups(true).await.expect("groups").into_iter().map(|group| group.id).collect();
        let mut target = Target {
            member_id: our_members[0].clone(),
            group_id: our_groups[0].clone(),
            ..Target::default()
        };
        while our_members.contains(&target.member_id) {
            let added = third
                .add_member(&email(&new_name("foreign")), true, false)
                .await
                .expect("a member");
            target.member_id = added.member.expect("the answer holds it").id;
        }
        while our_groups.contains(&target.group_id) {
            target.group_id = third.group(&new_name("Foreign")).await.id;
        }
        let ours = &self.objects[&("profile", "present")].profile_id;
        let mut profile = third.profile(&new_name("Foreign"), &[]).await;
        while id_number(&profile.id) <= id_number(ours) {
            profile = third.profile(&new_name("Foreign"), &[]).await;
        }
        let ours = &self.objects[&("organization", "known")].organization_id;
        let made = || async {
            third.organization(&new_name("Company"), &[]).await.expect("an organization").id
        };
        target.organization_id = made().await;
        while id_number(&target.organization_id) <= id_number(ours) {
            target.organization_id = made().await;
        }
        let widget = third.widget(&self.desk.server, &profile).await;
        let our_last =
            self.people["boss"].open_numbers().await.into_iter().max().unwrap_or_default();
        while target.number <= our_last + 20 {
            target.number = widget.ring(None, "Elsewhere.").await.number;
        }
        target.version = third.ticket(target.number).await.expect("a ticket").version;
        target.profile_id = profile.id;
        target.invitation_id =
            invitation(&asked(&self.desk, &third, "elsewhere", false).await).await;
        target
    }

    /// A new object that is like the policy's of that name.
    pub async fn fresh(&self, kind: &str, name: &str) -> Target {
        let boss = &self.people["boss"];
        let mut target = Target::default();
        match kind {
            "ticket" => {
                target.number = self.ticket(name).await;
                let ticket = boss.ticket(target.number).await.expect("a ticket");
                target.version = ticket.version;
                target.operator_id = ticket.operator.unwrap_or_default().id;
            }
            "member" => {
                let added = boss
                    .add_member(&email(&new_name("colleague")), true, false)
                    .await
                    .expect("a member");
                target.member_id = added.member.expect("the answer holds it").id;
            }
            "group" | "any-group" => {
                let group = boss.group(&new_name("Group")).await;
                if name == "deleted" {
                    boss.delete_group(&group, 0).await.expect("deleted");
                }
                target.group_id = group.id;
            }
            "organization" => {
                let made = boss.organization(&new_name("Company"), &[]).await;
                target.organization_id = made.expect("an organization").id;
            }
            "profile" => target.profile_id = boss.profile(&new_name("Profile"), &[]).await.id,
            "invitation" => {
                let asked = name.strip_prefix("to-").expect("an invitation to somebody");
                target.invitation_id = invitation(&self.people[asked]).await;
                let email = &self.people[asked].email;
                let again = boss.add_member(email, true, asked == "heir").await;
                target.code = again.expect("a new code").code;
            }
            "lure" => {
                // The invitation is of this team, the code of the other.
                target.invitation_id = invitation(&self.people["thief"]).await;
                let email = &self.people["thief"].email;
                let other = self.desk.admin(&new_name("other")).await;
                let added = other.add_member(email, true, true).await;
                target.code = added.expect("a code").code;
            }
            other => panic!("say how a {other} is made"),
        }
        target
    }

    async fn ticket(&self, name: &str) -> i64 {
        let boss = &self.people["boss"];
        let group =
            matches!(name, "grouped" | "behind" | "closed" | "answered").then_some(&self.support);
        let number = self.widget.ring(group, name).await.number;
        if matches!(name, "own" | "handled") {
            let ticket = boss.ticket(number).await.expect("a ticket");
            boss.assign(&ticket, To::operator(&self.people["mine"])).await.expect("assigned");
        }
        if matches!(name, "behind" | "answered") {
            let left = &self.people["left"];
            boss.join(&self.support, left).await.expect("joined");
            left.reply(&left.ticket(number).await.expect("in sight"), "I answer.")
                .await
                .expect("answered");
            boss.part(&self.support, left).await.expect("left");
        }
        if matches!(name, "closed" | "handled" | "answered") {
            boss.close(&boss.ticket(number).await.expect("a ticket")).await.expect("closed");
        }
        number
    }

    /// Puts a member into a group.
    pub async fn join(&self, target: &Target) {
        let request = deskbell_proto::v1::AddGroupOperatorRequest {
            request_id: deskbell_proto::client::request_id(),
            group_id: target.group_id.clone(),
            member_id: target.member_id.clone(),
        };
        self.people["boss"].client.team().add_group_operator(request).await.expect("in the group");
    }

    /// A new member's address and one-time code.
    pub async fn code(&self) -> Target {
        let email = email(&new_name("coded"));
        let added = self.people["boss"].add_member(&email, false, false).await.expect("a member");
        Target { email, code: added.code, ..Target::default() }
    }

    /// The same caller with another session.
    pub async fn another_session(&self, caller: &str) -> Credentials {
        session(&self.desk.sign_in(&self.people[caller].email).await)
    }

    /// Somebody else in the same place, for calls that end being there; with their invitation when
    /// there is one.
    pub async fn another(&self, caller: &str) -> (Credentials, Target) {
        let mut target = Target::default();
        let name = new_name(caller);
        let staff = if caller == "thief" {
            thief(&self.desk, &self.people["boss"], &name).await
        } else if caller == "solo" {
            self.desk.host.account(&email(&name), &name);
            self.desk.sign_in(&email(&name)).await
        } else {
            let staff = asked(&self.desk, &self.people["boss"], &name, caller == "heir").await;
            target.invitation_id = invitation(&staff).await;
            let again = self.people["boss"].add_member(&staff.email, true, caller == "heir").await;
            target.code = again.expect("a new code").code;
            staff
        };
        (session(&staff), target)
    }

    /// Sets the queue mode.
    pub async fn self_service(&self) {
        self.people["boss"].set_mode(QueueMode::SelfService).await;
    }

    /// The versions of the callers' teams: they grow with every change.
    pub async fn versions(&self) -> (i64, i64) {
        let version = async |name| self.people[name].team().await.expect("a team").version;
        (version("boss").await, version("far").await)
    }

    /// The callers of the widgets' policy.
    pub async fn customers(&self) -> BTreeMap<&'static str, Credentials> {
        let (boss, far) = (&self.people["boss"], &self.people["far"]);
        let server = &self.desk.server;
        let mut callers = BTreeMap::new();
        callers.insert("none", Credentials::none());
        callers.insert("user", session(boss));
        let credential = &self.widget.manifest.manifest.credential;
        callers.insert("fake", Credentials::profile(&forged(credential)).expect("a credential"));
        callers.insert("live", copy_of(&self.widget));
        let customer = self.widget.ring(None, "My own.").await;
        callers.insert("own", customer_of(&self.widget, &customer));
        callers.insert("bad", copy_of(&self.widget).with_ticket(&new_secret()).expect("a secret"));
        let lent = boss.widget(server, &boss.profile("Lent", &[]).await).await;
        callers.insert("lent", customer_of(&lent, &customer));
        let foreign = far.widget(server, &far.profile("Far", &[]).await).await;
        callers.insert("far", customer_of(&foreign, &customer));
        for (state, without, with) in
            [(ProfileState::Paused, "held", "kept"), (ProfileState::Revoked, "dead", "lost")]
        {
            let profile = boss.profile(without, &[]).await;
            let widget = boss.widget(server, &profile).await;
            let customer = widget.ring(None, "Before.").await;
            boss.set_profile(&profile, state).await.expect("another state");
            callers.insert(without, copy_of(&widget));
            callers.insert(with, customer_of(&widget, &customer));
        }
        callers
    }
}

fn id_number(id: &str) -> i64 {
    id[1..].parse().expect("a letter and a number")
}

fn copy_of(widget: &Widget) -> Credentials {
    Credentials::profile(&widget.manifest.manifest.credential).expect("a credential")
}

fn customer_of(widget: &Widget, customer: &Customer) -> Credentials {
    copy_of(widget).with_ticket(&customer.secret).expect("a secret")
}

/// Somebody with an account, asked to join a team.
async fn asked(desk: &Desk, admin: &Staff, name: &str, as_admin: bool) -> Staff {
    desk.host.account(&email(name), name);
    admin.add_member(&email(name), true, as_admin).await.expect("a member");
    desk.sign_in(&email(name)).await
}

async fn invitation(staff: &Staff) -> String {
    staff
        .who_am_i()
        .await
        .expect("a session")
        .invitations
        .first()
        .expect("an invitation")
        .id
        .clone()
}

/// Somebody whose account another team opened by its code, and whose address this one asks to join.
async fn thief(desk: &Desk, admin: &Staff, name: &str) -> Staff {
    let other = desk.admin(&new_name("opener")).await;
    let opened = desk.member(&other, name, true, true).await;
    other.remove_member(&opened.id()).await.expect("removed");
    admin.add_member(&opened.email, true, true).await.expect("a member");
    desk.sign_in(&opened.email).await
}
