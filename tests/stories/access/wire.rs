//! Any call of the contract by its descriptor, with any credentials and any body: what generated
//! clients cannot do.

use deskbell_proto::client::{Credentials, Server as Target};
use deskbell_proto::pin;
use deskbell_proto::problem::Problem;
use deskbell_tests::server::Server;
use prost_reflect::{DynamicMessage, MethodDescriptor};
use serde_json::Value;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::service::Interceptor as _;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

/// A connection for calls as anybody.
pub struct Wire {
    channel: Channel,
}

/// How a call ended, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub code: Code,
    /// Its words and details, for comparing.
    pub words: (String, Vec<u8>),
    /// The stable reason in the details.
    pub reason: String,
}

impl Wire {
    /// A connection to a server.
    pub async fn to(server: &Server) -> Self {
        let presented = pin::inspect(server.address()).await.expect("certificates");
        let target = Target {
            addresses: vec![server.address().to_owned()],
            authorities_pem: Some(presented.authorities_pem),
        };
        Self { channel: target.connect_lazy().expect("a usable address") }
    }

    /// Calls, and waits for the answer or a stream's first message.
    pub async fn call(
        &self,
        call: &MethodDescriptor,
        caller: &Credentials,
        body: &Value,
    ) -> Answer {
        match self.try_call(call, caller, body).await {
            Ok(()) => {
                Answer { code: Code::Ok, words: (String::new(), Vec::new()), reason: String::new() }
            }
            Err(status) => Answer {
                code: status.code(),
                words: (status.message().to_owned(), status.details().to_vec()),
                reason: Problem::from(status).reason,
            },
        }
    }

    async fn try_call(
        &self,
        call: &MethodDescriptor,
        caller: &Credentials,
        body: &Value,
    ) -> Result<(), Status> {
        let message = DynamicMessage::deserialize(call.input(), body)
            .unwrap_or_else(|problem| panic!("{} as {body}: {problem}", call.input().full_name()));
        let head = caller.clone().call(Request::new(()))?;
        let request =
            Request::from_parts(head.metadata().clone(), head.extensions().clone(), message);
        let path = format!("/{}/{}", call.parent_service().full_name(), call.name());
        let mut grpc = Grpc::new(self.channel.clone());
        grpc.ready().await.expect("a connection");
        // A unary answer is a stream of one message. What it holds is other tests' business.
        let codec = ProstCodec::<DynamicMessage, ()>::default();
        let path = PathAndQuery::try_from(path).expect("a path");
        let mut stream = grpc.server_streaming(request, path, codec).await?.into_inner();
        let first = stream.message().await?;
        assert!(first.is_some(), "{} ended without an answer", call.full_name());
        Ok(())
    }
}
