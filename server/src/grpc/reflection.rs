//! Lets any gRPC tool discover the contract, as far as the configuration allows: off, for signed-in
//! admins, or for everybody.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use deskbell_proto::DESCRIPTORS;
use tonic::body::Body;
use tonic::metadata::MetadataMap;
use tonic::server::NamedService;
use tonic::service::Routes;
use tower::Service;

use super::Handlers;
use crate::config::Reflection;
use crate::desk::Desk;

/// Adds the reflection service (v1).
pub fn add(services: Routes, desk: &Arc<Desk>, reflection: Reflection) -> Routes {
    if reflection == Reflection::Off {
        return services;
    }
    let built = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1();
    match built {
        Ok(service) if reflection == Reflection::On => services.add_service(service),
        Ok(service) => {
            let handlers = Handlers { desk: Arc::clone(desk) };
            services.add_service(ForAdmins { service, handlers })
        }
        Err(cause) => {
            tracing::error!(%cause, "the contract cannot be described; reflection stays off");
            services
        }
    }
}

/// A service that only admins may call.
#[derive(Clone)]
struct ForAdmins<S> {
    service: S,
    handlers: Handlers,
}

impl<S: NamedService> NamedService for ForAdmins<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<http::Request<Body>> for ForAdmins<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = http::Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        // The one that is ready is called, and a fresh clone waits for the next call.
        let fresh = self.service.clone();
        let mut service = std::mem::replace(&mut self.service, fresh);
        let handlers = self.handlers.clone();
        Box::pin(async move {
            let metadata = MetadataMap::from_headers(request.headers().clone());
            match handlers.admin(&metadata).await {
                Ok(_) => service.call(request).await,
                Err(refused) => Ok(refused.into_http()),
            }
        })
    }
}
