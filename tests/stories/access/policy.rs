//! The policy: who gets what. This is to be read; the tests follow it to the letter.
//!
//! | cell | meaning |
//! |---|---|
//! | `OK` | allowed |
//! | `UA` `PD` `NF` `FP` `IA` `AB` | refused: `UNAUTHENTICATED`, `PERMISSION_DENIED`, `NOT_FOUND`, `FAILED_PRECONDITION`, `INVALID_ARGUMENT`, `ABORTED` |
//! | `see` | allowed for what the caller sees, in the state that the call wants (`FP` in another); `NF` for everything else |

use std::collections::BTreeMap;

/// Calls of people with sessions. The column `of` says what the call is about, and in which state.
///
/// - `none`: no credential; `fake`: a session token that nobody issued; `over`: a session that was
///   signed out
/// - `solo`: an account without a team; `new`: one that is asked to join; `heir`: one that is asked
///   to join as an admin
/// - `thief`: holds another team's code; that team opened the account, and this one asks its address
///   to join (`to-thief`)
/// - `idle`: a member without assistance management
/// - `mine`: an operator who has the tickets `own` and `handled`; `in`: one in the group; `left`:
///   one who was in the group; `out`: one of another group
/// - `off`: a disabled member with the session from before; `back`: one who has signed in since
/// - `boss`: an admin who is an operator; `lead`: an admin who is none; `far`: an admin of another
///   team
/// - `copy`: a widget with its customer's ticket
pub const PEOPLE: &str = "
call                of            none fake over solo new  heir thief idle mine in   left out  off  back boss lead far  copy
GetServerInfo       -             OK   OK   OK   OK   OK   OK   OK    OK   OK   OK   OK   OK   OK   OK   OK   OK   OK   OK
SignIn              -             OK   OK   OK   OK   OK   OK   OK    OK   OK   OK   OK   OK   OK   OK   OK   OK   OK   OK
RedeemCode          -             OK   OK   OK   OK   OK   OK   OK    OK   OK   OK   OK   OK   OK   OK   OK   OK   OK   OK
SignOut             -             UA   UA   UA   OK   OK   OK   OK    OK   OK   OK   OK   OK   UA   OK   OK   OK   OK   UA
WhoAmI              -             UA   UA   UA   OK   OK   OK   OK    OK   OK   OK   OK   OK   UA   OK   OK   OK   OK   UA
ChangePassword      -             UA   UA   UA   OK   OK   OK   OK    OK   OK   OK   OK   OK   UA   OK   OK   OK   OK   UA
AnswerInvitation    invitation    UA   UA   UA   see  see  see  see   see  see  see  see  see  UA   see  see  see  see  UA
AnswerInvitation    lure          UA   UA   UA   see  see  see  IA    see  see  see  see  see  UA   see  see  see  see  UA
ActivateTeam        -             UA   UA   UA   OK   OK   OK   OK    FP   FP   FP   FP   FP   UA   FP   FP   FP   FP   UA

GetTeam             -             UA   UA   UA   PD   PD   PD   PD    OK   OK   OK   OK   OK   UA   PD   OK   OK   OK   UA
ListMembers         -             UA   UA   UA   PD   PD   PD   PD    OK   OK   OK   OK   OK   UA   PD   OK   OK   OK   UA
ListGroups          -             UA   UA   UA   PD   PD   PD   PD    OK   OK   OK   OK   OK   UA   PD   OK   OK   OK   UA
SetAvailability     -             UA   UA   UA   PD   PD   PD   PD    PD   OK   OK   OK   OK   UA   PD   OK   PD   OK   UA
UpdateTeam          -             UA   UA   UA   PD   PD   PD   PD    PD   PD   PD   PD   PD   UA   PD   OK   OK   OK   UA
AddMember           -             UA   UA   UA   PD   PD   PD   PD    PD   PD   PD   PD   PD   UA   PD   OK   OK   OK   UA
UpdateMember        member        UA   UA   UA   PD   PD   PD   PD    PD   PD   PD   PD   PD   UA   PD   see  see  see  UA
RemoveMember        member        UA   UA   UA   PD   PD   PD   PD    PD   PD   PD   PD   PD   UA   PD   see  see  see  UA
CreateGroup         -             UA   UA   UA   PD   PD   PD   PD    PD   PD   PD   PD   PD   UA   PD   OK   OK   OK   UA
UpdateGroup         group         UA   UA   UA   PD   PD   PD   PD    PD   PD   PD   PD   PD   UA   PD   see  see  see  UA
DeleteGroup         group         UA   UA   UA   PD   PD   PD   PD    PD   PD   PD   PD   PD   UA   PD   see  see  see  UA
UndeleteGroup       any-group:del UA   UA   UA   PD   PD   PD   PD    PD   PD   PD   PD   PD   UA   PD   see  see  see  UA
AddGroupOperator    group+member  UA   UA   UA   PD   PD   PD   PD    PD   PD   PD   PD   PD   UA   PD   see  see  see  UA
RemoveGroupOperator group+member  UA   UA   UA   PD   PD   PD   PD    PD   PD   PD   PD   PD   UA   PD   see  see  see  UA

CreateOrganization  -             UA   UA   UA   PD   PD   PD   PD    PD   PD   PD   PD   PD   UA   PD   OK   OK   OK   UA
ListOrganizations   -             UA   UA   UA   PD   PD   PD   PD    PD   PD   PD   PD   PD   UA   PD   OK   OK   OK   UA
GetOrganization     organization  UA   UA   UA   PD   PD   PD   PD    PD   PD   PD   PD   PD   UA   PD   see  see  see  UA
UpdateOrganization  organization  UA   UA   UA   PD   PD   PD   PD    PD   PD   PD   PD   PD   UA   PD   see  see  see  UA
DeleteOrganization  organization  UA   UA   UA   PD   PD   PD   PD    PD   PD   PD   PD   PD   UA   PD   see  see  see  UA

CreateProfile       -             UA   UA   UA   PD   PD   PD   PD    PD   PD   PD   PD   PD   UA   PD   OK   OK   OK   UA
ListProfiles        -             UA   UA   UA   PD   PD   PD   PD    PD   PD   PD   PD   PD   UA   PD   OK   OK   OK   UA
GetProfile          profile       UA   UA   UA   PD   PD   PD   PD    PD   PD   PD   PD   PD   UA   PD   see  see  see  UA
UpdateProfile       profile       UA   UA   UA   PD   PD   PD   PD    PD   PD   PD   PD   PD   UA   PD   see  see  see  UA
SetProfileState     profile       UA   UA   UA   PD   PD   PD   PD    PD   PD   PD   PD   PD   UA   PD   see  see  see  UA
GetProfileManifest  profile       UA   UA   UA   PD   PD   PD   PD    PD   PD   PD   PD   PD   UA   PD   see  see  see  UA

ListTickets         -             UA   UA   UA   PD   PD   PD   PD    PD   OK   OK   OK   OK   UA   PD   OK   OK   OK   UA
WatchQueue          -             UA   UA   UA   PD   PD   PD   PD    PD   OK   OK   OK   OK   UA   PD   OK   OK   OK   UA
GetTicket           ticket        UA   UA   UA   PD   PD   PD   PD    PD   see  see  see  see  UA   PD   see  see  see  UA
ListTicketEvents    ticket        UA   UA   UA   PD   PD   PD   PD    PD   see  see  see  see  UA   PD   see  see  see  UA
TakeTicket          ticket:open   UA   UA   UA   PD   PD   PD   PD    PD   see  see  see  see  UA   PD   see  PD   see  UA
AssignTicket        ticket:open   UA   UA   UA   PD   PD   PD   PD    PD   see  see  see  see  UA   PD   see  see  see  UA
SetTicketPriority   ticket:open   UA   UA   UA   PD   PD   PD   PD    PD   see  see  see  see  UA   PD   see  see  see  UA
SetTicketTags       ticket        UA   UA   UA   PD   PD   PD   PD    PD   see  see  see  see  UA   PD   see  see  see  UA
ReplyTicket         ticket:open   UA   UA   UA   PD   PD   PD   PD    PD   see  see  see  see  UA   PD   see  see  see  UA
NoteTicket          ticket:open   UA   UA   UA   PD   PD   PD   PD    PD   see  see  see  see  UA   PD   see  see  see  UA
CloseTicket         ticket:open   UA   UA   UA   PD   PD   PD   PD    PD   see  see  see  see  UA   PD   see  see  see  UA
ReopenTicket        ticket:ended  UA   UA   UA   PD   PD   PD   PD    PD   see  see  see  see  UA   PD   see  see  see  UA
NextTicket          -             UA   UA   UA   PD   PD   PD   PD    PD   NF   OK   NF   NF   UA   PD   OK   PD   NF   UA
";

/// Calls of widgets and their customers.
///
/// - `none`: no credential; `user`: an admin with a session; `fake`: a credential that nobody
///   issued
/// - `live`, `held`, `dead`: a copy of an active, a paused, a revoked profile, with no ticket
/// - `own`: the customer of a ticket; `bad`: a secret of no ticket; `lent`: a ticket's secret with
///   another profile's copy; `kept`, `lost`: a customer whose profile was paused, revoked since;
///   `far`: a ticket's secret with another team's copy
pub const WIDGETS: &str = "
call                of            none user fake live held dead own  bad  lent kept lost far
SubmitTicket        -             PD   PD   PD   OK   FP   PD   OK   OK   OK   FP   PD   OK
Follow              -             PD   PD   PD   OK   OK   OK   OK   NF   NF   OK   PD   NF
GetMyTicket         -             PD   PD   PD   NF   NF   PD   OK   NF   NF   OK   PD   NF
WriteMessage        -             PD   PD   PD   NF   NF   PD   OK   NF   NF   OK   PD   NF
KeepTicket          -             PD   PD   PD   NF   NF   PD   OK   NF   NF   OK   PD   NF
CancelTicket        -             PD   PD   PD   NF   NF   PD   OK   NF   NF   OK   PD   NF
";

/// Who sees what. Nobody else does: it is as if it were not there.
///
/// - `own`: assigned to `mine`; `grouped`: in the group; `behind`: in the group, and `left`
///   answered it when they were in it
/// - `loose`: unassigned, with the queue mode admin-assigns; `shared`: unassigned, with
///   self-service
/// - `closed`: in the group when it was closed; `handled`: closed, was assigned to `mine`;
///   `answered`: `behind`, but closed
/// - `absent`: an id that nothing has; `foreign`: one of a team that none of the callers is in
pub const SIGHT: &str = "
object     kind        state  seen by
own        ticket      open   mine boss lead
grouped    ticket      open   in boss lead
behind     ticket      open   in boss lead
loose      ticket      open   boss lead
shared     ticket      open   mine in left out boss lead
closed     ticket      ended  in boss lead
handled    ticket      ended  mine boss lead
answered   ticket      ended  in left boss lead
absent     ticket      -
foreign    ticket      -
colleague  member      -      boss lead
absent     member      -
foreign    member      -
live       group       -      boss lead
deleted    group       -
absent     group       -
foreign    group       -
deleted    any-group   del    boss lead
live       any-group   live   boss lead
absent     any-group   -
foreign    any-group   -
known      organization -     boss lead
absent     organization -
foreign    organization -
present    profile     -      boss lead
absent     profile     -
foreign    profile     -
to-new     invitation  -      new
to-heir    invitation  -      heir
absent     invitation  -
foreign    invitation  -
to-thief   lure        -      thief
";

/// What else requests refer to, and what somebody who may call gets for an id there that is absent
/// or another team's.
pub const REFERENCES: &str = "
call           field                     answer
AssignTicket   operator_id               IA
AssignTicket   group_id                  IA
DeleteGroup    move_history_to_group_id  IA
CreateProfile  settings.group_ids        IA
UpdateProfile  settings.group_ids        IA
TakeTicket     from_operator_id          AB
ListTickets    group_id                  OK
ListTickets    operator_id               OK
SubmitTicket   group_id                  OK
";

/// A call's line in [`PEOPLE`] or [`WIDGETS`].
#[derive(Clone, Debug)]
pub struct Row {
    /// The call.
    pub call: &'static str,
    /// What it is about: kinds of objects.
    pub kinds: Vec<&'static str>,
    /// The state that the object has to be in; none: any.
    pub state: Option<&'static str>,
    /// What each caller gets.
    pub cells: Vec<(&'static str, &'static str)>,
}

/// A line in [`SIGHT`].
#[derive(Clone, Debug)]
pub struct Object {
    /// Its name.
    pub name: &'static str,
    /// What kind of thing it is.
    pub kind: &'static str,
    /// The state it is in.
    pub state: &'static str,
    /// Who sees it.
    pub seen_by: Vec<&'static str>,
}

fn lines(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    table
        .lines()
        .map(|line| line.split_whitespace().collect())
        .filter(|words: &Vec<_>| !words.is_empty())
}

/// The rows of a table of calls.
pub fn rows(table: &'static str) -> Vec<Row> {
    let mut lines = lines(table);
    let head = lines.next().expect("a head");
    let row = |words: Vec<&'static str>| {
        assert_eq!(
            words.len(),
            head.len(),
            "the row of {} has another number of cells than the head",
            words[0]
        );
        let (kinds, state) = match words[1].split_once(':') {
            Some((kinds, state)) => (kinds, Some(state)),
            None => (words[1], None),
        };
        let kinds = kinds.split('+').filter(|kind| *kind != "-").collect();
        let cells = head.iter().copied().zip(words.iter().copied()).skip(2).collect();
        Row { call: words[0], kinds, state, cells }
    };
    lines.map(row).collect()
}

/// All objects.
pub fn objects() -> Vec<Object> {
    let object = |words: Vec<&'static str>| Object {
        name: words[0],
        kind: words[1],
        state: words[2],
        seen_by: words[3..].to_vec(),
    };
    lines(SIGHT).skip(1).map(object).collect()
}

/// What each reference answers, by call and field.
pub fn references() -> BTreeMap<(&'static str, &'static str), &'static str> {
    lines(REFERENCES).skip(1).map(|words| ((words[0], words[1]), words[2])).collect()
}
