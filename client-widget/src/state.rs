//! What the window shows and what happens to it: the customer's intents and the link's news go in,
//! orders for the link come out.
//!
//! Pure: no screen, no files, no network, no clock. Screens draw it, the link obeys its orders, and
//! tests replay it.

pub mod form;
pub mod offer;
pub mod profile;
pub mod ticket;

use deskbell_proto::v1::ProfileState;

use crate::texts::{Key, Language};
use form::{Complaint, Draft, Field, Form};
use offer::Offer;
use profile::Profile;
use ticket::{Reported, Ticket};

/// Everything the window shows.
#[derive(Clone, Debug)]
pub struct State {
    /// The customer's languages.
    pub language: Language,
    /// Whose helper this is. None: started without a manifest.
    pub profile: Option<Profile>,
    /// What the server said about the profile since; goes before what the manifest says.
    pub standing: ProfileState,
    /// How the line to the server is.
    pub connection: Connection,
    /// What the customer is writing.
    pub form: Form,
    /// The customer's ticket, from the moment it is kept on disk.
    pub ticket: Option<Ticket>,
    /// One thing to tell, until it is dismissed.
    pub notice: Option<Notice>,
    /// Taking a manifest by path or drop.
    pub opening: Opening,
    /// Help or terms are open in front of the form.
    pub reading: Option<Reading>,
    at: At,
}

/// Where the customer went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Home,
    Form,
    Ticket,
}

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    /// There is no profile yet: explain, and take one.
    NoManifest,
    /// The large button.
    Home,
    /// Writing a request.
    Form,
    /// The request, live.
    Ticket,
    /// No requests for now: paused, or assistance is switched off.
    Paused,
    /// No requests any more.
    Revoked,
}

/// How the line to the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// Not known yet.
    Connecting,
    /// There; somebody may be known to be there as well.
    Online {
        /// An operator is available and connected.
        staffed: bool,
    },
    /// Not reached; the link keeps trying.
    Away,
    /// Something answered that is not the server of the manifest.
    Untrusted,
}

/// One thing to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What, in the widget's words.
    pub key: Key,
    /// The text of `{reason}`, in whatever words there are.
    pub reason: String,
}

/// A text of the profile that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// The help.
    Help,
    /// The terms.
    Terms,
}

/// Taking a manifest.
#[derive(Clone, Debug, Default)]
pub struct Opening {
    /// The typed path.
    pub path: String,
    /// What was found, waiting for trust: boxed, because it is rare and large.
    pub offer: Option<Box<Offer>>,
}

/// What the customer wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intent {
    /// To write a request; an ended ticket is left for it.
    OpenForm,
    /// To see their ticket.
    OpenTicket,
    /// One step back.
    Back,
    /// To ring, with what the form holds.
    Ring,
    /// To send the message in the write box.
    Write,
    /// To say that help is still needed.
    StillNeeded,
    /// To cancel; asked once.
    AskCancel,
    /// Not to cancel after all.
    KeepTicket,
    /// To cancel, for certain.
    Cancel,
    /// To read a text of the profile.
    Read(Reading),
    /// To take the manifest at the typed path.
    OpenManifest,
    /// To take the manifest that was dropped on the window, from where it lies.
    DropManifest(String),
    /// To trust what was found.
    Trust,
    /// Not to.
    Distrust,
    /// To see the notice no longer.
    Dismiss,
    /// To close the window.
    Close,
}

/// What the link shall do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Keep the request on disk, then send it.
    Ring(Draft),
    /// Keep the message on disk, then send it.
    Write(String),
    /// Say that help is still needed.
    StillNeeded,
    /// Take the request back.
    Cancel,
    /// Forget the ended ticket.
    Leave,
    /// Look at the manifest in this file.
    ReadManifest(String),
    /// Use the manifest that was looked at last.
    TrustManifest,
    /// Keep what is written but not rung.
    KeepDraft(Draft),
}

/// What the link tells.
#[derive(Clone, Debug)]
pub enum News {
    /// The line changed.
    Connection(Connection),
    /// The profile, verified.
    Profile(Box<Profile>),
    /// A manifest to be trusted or not.
    Offer(Box<Offer>),
    /// The server does not serve this profile, whatever the manifest says.
    Standing(ProfileState),
    /// The ticket as it is now.
    Ticket(Box<Reported>),
    /// The server did not accept the request; it is no longer kept, and here it is for correcting.
    Refused {
        /// What was rung with.
        draft: Draft,
        /// The field, when it is known.
        field: Option<Field>,
        /// The server's words.
        reason: String,
    },
    /// The request was taken back before it was sent.
    Withdrawn(Draft),
    /// What was kept from the last time.
    Draft(Draft),
    /// Something to tell.
    Notice(Notice),
}

impl State {
    /// The state of a window that was just opened.
    pub fn new(language: Language, profile: Option<Profile>, facts: Vec<form::Fact>) -> Self {
        let standing = profile.as_ref().map_or(ProfileState::Active, Profile::standing);
        Self {
            language,
            profile,
            standing,
            connection: Connection::Connecting,
            form: Form::new(facts),
            ticket: None,
            notice: None,
            opening: Opening::default(),
            reading: None,
            at: At::Home,
        }
    }

    /// What is to be drawn.
    pub fn screen(&self) -> Screen {
        let Some(profile) = &self.profile else { return Screen::NoManifest };
        match (self.at, self.standing) {
            // A request that was made goes on, whatever becomes of the profile.
            (At::Ticket, _) if self.ticket.is_some() => Screen::Ticket,
            (_, ProfileState::Revoked) => Screen::Revoked,
            (_, ProfileState::Paused) => Screen::Paused,
            _ if !profile.manifest.assistance_enabled => Screen::Paused,
            (At::Form, _) => Screen::Form,
            _ => Screen::Home,
        }
    }

    /// Takes an intent; says what the link shall do about it.
    pub fn intend(&mut self, intent: Intent) -> Option<Order> {
        match intent {
            Intent::OpenForm => return self.open_form(),
            Intent::OpenTicket => self.at = At::Ticket,
            Intent::Back => return self.back(),
            Intent::Ring => return self.ring(),
            Intent::Write => {
                return self.ticket.as_mut().and_then(Ticket::take_message).map(Order::Write);
            }
            Intent::StillNeeded => return self.ticket.is_some().then_some(Order::StillNeeded),
            Intent::AskCancel => self.ask_cancel(true),
            Intent::KeepTicket => self.ask_cancel(false),
            Intent::Cancel => {
                let ticket = self.ticket.as_mut()?;
                ticket.asks_cancel = false;
                ticket.reported.cancelling = true;
                return Some(Order::Cancel);
            }
            Intent::Read(text) => self.reading = Some(text),
            Intent::OpenManifest => {
                let path = self.opening.path.trim();
                return (!path.is_empty()).then(|| Order::ReadManifest(path.to_owned()));
            }
            Intent::DropManifest(path) => return Some(Order::ReadManifest(path)),
            Intent::Trust => return self.opening.offer.take().map(|_| Order::TrustManifest),
            Intent::Distrust => self.opening.offer = None,
            Intent::Dismiss => self.notice = None,
            Intent::Close => {
                return self.profile.is_some().then(|| Order::KeepDraft(self.form.draft(0)));
            }
        }
        None
    }

    /// Takes news from the link.
    pub fn hear(&mut self, news: News) {
        match news {
            News::Connection(connection) => self.connection = connection,
            News::Profile(profile) => {
                self.standing = profile.standing();
                let before = self.profile.as_ref().map(|before| &before.manifest.profile_id);
                if before != Some(&profile.manifest.profile_id) {
                    self.ticket = None;
                }
                self.form.forget_group_unless(|id| {
                    profile.manifest.groups.iter().any(|group| group.id == id)
                });
                // What waits for trust goes on waiting while the profile in use changes.
                self.opening.path.clear();
                self.profile = Some(*profile);
            }
            News::Offer(offer) => {
                self.notice = None;
                self.opening.offer = Some(offer);
            }
            News::Standing(standing) => self.standing = standing,
            News::Ticket(reported) => self.hear_ticket(*reported),
            News::Refused { draft, field, reason } => {
                self.ticket = None;
                self.form.restore(&draft);
                self.at = At::Form;
                match field {
                    Some(field) => self.form.complain(field, Complaint::Server(reason)),
                    None => self.notice = Some(Notice { key: Key::SubmitRefused, reason }),
                }
            }
            News::Withdrawn(draft) => {
                self.ticket = None;
                self.form.restore(&draft);
                self.at = At::Home;
            }
            News::Draft(draft) => self.form.restore(&draft),
            News::Notice(notice) => {
                self.form.ringing = false;
                self.notice = Some(notice);
            }
        }
    }

    fn hear_ticket(&mut self, reported: Reported) {
        // It is on disk now: the form has done its work.
        if self.form.ringing && reported.number.is_none() {
            self.form.clear_request();
            self.ticket = None;
        }
        if let Some(ticket) = &mut self.ticket {
            ticket.reported = reported;
        } else {
            self.ticket = Some(Ticket::new(reported));
            self.at = At::Ticket;
        }
    }

    fn open_form(&mut self) -> Option<Order> {
        let Some(ticket) = &self.ticket else {
            self.at = At::Form;
            return None;
        };
        if !ticket.may_leave() {
            self.at = At::Ticket;
            return None;
        }
        self.ticket = None;
        self.at = At::Form;
        Some(Order::Leave)
    }

    fn ring(&mut self) -> Option<Order> {
        let profile = self.profile.as_ref()?;
        if self.form.ringing || self.screen() != Screen::Form || !self.form.check(&profile.manifest)
        {
            return None;
        }
        self.notice = None;
        self.form.ringing = true;
        Some(Order::Ring(self.form.draft(profile.manifest.revision)))
    }

    fn back(&mut self) -> Option<Order> {
        if self.reading.take().is_some() || self.opening.offer.take().is_some() {
            return None;
        }
        if let Some(ticket) = self.ticket.as_mut().filter(|ticket| ticket.asks_cancel) {
            ticket.asks_cancel = false;
            return None;
        }
        let from_form = self.screen() == Screen::Form;
        self.at = At::Home;
        from_form.then(|| Order::KeepDraft(self.form.draft(0)))
    }

    fn ask_cancel(&mut self, asks: bool) {
        if let Some(ticket) = &mut self.ticket {
            ticket.asks_cancel = asks;
        }
    }
}

#[cfg(test)]
mod tests;
