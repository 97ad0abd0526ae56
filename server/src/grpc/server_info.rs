//! What this server is and can do.

use deskbell_proto::v1::server_info_service_server::ServerInfoService;
use deskbell_proto::v1::{GetServerInfoRequest, GetServerInfoResponse};
use tonic::{Request, Response, Status};

use super::Handlers;

/// What this server can do, in stable words.
const CAPABILITIES: [&str; 5] = ["accounts", "teams", "profiles", "queue", "watch"];

#[tonic::async_trait]
impl ServerInfoService for Handlers {
    async fn get_server_info(
        &self,
        _: Request<GetServerInfoRequest>,
    ) -> Result<Response<GetServerInfoResponse>, Status> {
        Ok(Response::new(GetServerInfoResponse {
            name: self.desk.facts().server_name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            capabilities: CAPABILITIES.map(str::to_owned).to_vec(),
            oldest_client: "0.1.0".to_owned(),
        }))
    }
}
