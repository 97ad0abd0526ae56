//! The contract's front: one thin handler a call. Reads the request, finds out who calls, calls the
//! desk, writes the answer.
//!
//! Errors become statuses in `status`, and nowhere else; messages become nouns and back in
//! `convert`. Knows no SQL.

mod account;
mod assistance;
mod convert;
mod customers;
mod encoder;
mod identity;
mod organization;
mod pages;
mod profile;
mod queue;
mod reflection;
mod server_info;
mod status;
mod team;
mod watch;

use std::sync::Arc;

use deskbell_proto::v1::account_service_server::AccountServiceServer;
use deskbell_proto::v1::assistance_service_server::AssistanceServiceServer;
use deskbell_proto::v1::organization_service_server::OrganizationServiceServer;
use deskbell_proto::v1::profile_service_server::ProfileServiceServer;
use deskbell_proto::v1::queue_service_server::QueueServiceServer;
use deskbell_proto::v1::server_info_service_server::ServerInfoServiceServer;
use deskbell_proto::v1::team_service_server::TeamServiceServer;

use tonic::service::Routes;

use crate::config::Settings;
use crate::desk::Desk;
use customers::ForCustomers;
pub use encoder::ProtoEncoder;
pub use status::{give_reason, in_our_words, stopping};
use watch::WatchServer;

/// The handlers' state: the desk, shared.
#[derive(Clone)]
struct Handlers {
    desk: Arc<Desk>,
}

/// All services of the contract, and reflection as far as it is allowed.
pub fn services(desk: &Arc<Desk>, settings: &Settings) -> Routes {
    let handlers = Handlers { desk: Arc::clone(desk) };
    let limit = settings.limits.message_bytes;
    let services = Routes::new(
        ServerInfoServiceServer::new(handlers.clone()).max_decoding_message_size(limit),
    )
    .add_service(AccountServiceServer::new(handlers.clone()).max_decoding_message_size(limit))
    .add_service(TeamServiceServer::new(handlers.clone()).max_decoding_message_size(limit))
    .add_service(OrganizationServiceServer::new(handlers.clone()).max_decoding_message_size(limit))
    .add_service(ProfileServiceServer::new(handlers.clone()).max_decoding_message_size(limit))
    .add_service(QueueServiceServer::new(handlers.clone()).max_decoding_message_size(limit))
    .add_service(WatchServer { handlers: handlers.clone(), limit })
    .add_service(ForCustomers {
        desk: Arc::clone(desk),
        service: AssistanceServiceServer::new(handlers).max_decoding_message_size(limit),
    });
    reflection::add(services, desk, settings.reflection)
}
