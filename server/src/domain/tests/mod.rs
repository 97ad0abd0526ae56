//! The rules as tables and properties, each written from the words of the product's behaviour.

mod accounts;
mod addresses;
mod callers;
mod customer;
mod fixtures;
mod follow_ups;
mod groups;
mod licence;
mod members;
mod organizations;
mod profiles;
mod properties;
mod sequences;
mod sight;
mod stored;
mod tickets;
mod tickets_assign;
mod tickets_time;
