//! The contract's front: one thin handler a call. Reads the request, finds out who calls, calls the desk, writes the answer.
//!
//! Errors become statuses in `status`, and nowhere else; messages become nouns and back in `convert`. Knows no SQL.

mod account;
mod assistance;
mod convert;
mod encoder;
mod identity;
mod profile;
mod queue;
mod reflection;
mod server_info;
mod status;
mod team;
mod watch;

use std::sync::Arc;

use deskbell_proto::encoded::server::WatchServiceServer;
use deskbell_proto::v1::account_service_server::AccountServiceServer;
use deskbell_proto::v1::assistance_service_server::AssistanceServiceServer;
use deskbell_proto::v1::profile_service_server::ProfileServiceServer;
use deskbell_proto::v1::queue_service_server::QueueServiceServer;
use deskbell_proto::v1::server_info_service_server::ServerInfoServiceServer;
use deskbell_proto::v1::team_service_server::TeamServiceServer;
use tonic::service::Routes;
use tower::util::MapResponseLayer;

use crate::config::Settings;
use crate::desk::Desk;
pub use encoder::ProtoEncoder;
use status::in_our_words;

/// The handlers' state: the desk, shared.
#[derive(Clone)]
struct Handlers {
    desk: Arc<Desk>,
}

/// All services of the contract, and reflection as far as it is allowed.
pub fn routes(desk: &Arc<Desk>, settings: &Settings) -> Routes {
    let handlers = Handlers { desk: Arc::clone(desk) };
    let limit = settings.limits.message_bytes;
    let routes = Routes::new(ServerInfoServiceServer::new(handlers.clone()).max_decoding_message_size(limit))
        .add_service(AccountServiceServer::new(handlers.clone()).max_decoding_message_size(limit))
        .add_service(TeamServiceServer::new(handlers.clone()).max_decoding_message_size(limit))
        .add_service(ProfileServiceServer::new(handlers.clone()).max_decoding_message_size(limit))
        .add_service(QueueServiceServer::new(handlers.clone()).max_decoding_message_size(limit))
        .add_service(WatchServiceServer::new(handlers.clone()).max_decoding_message_size(limit))
        .add_service(AssistanceServiceServer::new(handlers).max_decoding_message_size(limit));
    let routes = reflection::add(routes, desk, settings.reflection);
    routes.into_axum_router().layer(MapResponseLayer::new(in_our_words)).into()
}
