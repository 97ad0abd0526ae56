//! One module for each word that people type after `deskbell`.

pub mod account;
pub mod context;
pub mod group;
pub mod history;
pub mod login;
pub mod manual;
pub mod member;
pub mod package;
pub mod profile;
pub mod profile_settings;
pub mod team;
pub mod ticket;
pub mod ticket_filter;
pub mod ticket_show;
pub mod watch;
