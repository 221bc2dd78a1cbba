//! What people may ask of whoever keeps data about them, erasure and export; and whom a tenant leaves alone.

mod erasure;
mod export;
mod suppression;

use std::pin::Pin;

use futures::Stream;
use tonic::{Request, Response, Status};
use tributary_proto::admin::v1::{
    AddSuppressionsRequest, AddSuppressionsResponse, EraseProfileRequest, Erasure, ExportProfileRequest,
    ExportProfileResponse, GetErasureRequest, ListDisclosuresRequest, ListDisclosuresResponse,
    ListSuppressionsRequest, ListSuppressionsResponse, Operation, RemoveSuppressionsRequest,
    RemoveSuppressionsResponse, privacy_service_server::PrivacyService,
};

use crate::AdminContext;

/// Answers calls about privacy.
#[derive(Debug)]
pub(crate) struct Privacy(pub(crate) AdminContext);

#[tonic::async_trait]
impl PrivacyService for Privacy {
    type ExportProfileStream = Pin<Box<dyn Stream<Item = Result<ExportProfileResponse, Status>> + Send>>;

    async fn export_profile(
        &self,
        request: Request<ExportProfileRequest>,
    ) -> Result<Response<Self::ExportProfileStream>, Status> {
        let call = self.0.call(&request).await?;
        export::begin(&call, &request.into_inner().name).await.map(Response::new)
    }

    async fn erase_profile(
        &self,
        request: Request<EraseProfileRequest>,
    ) -> Result<Response<Operation>, Status> {
        let call = self.0.call(&request).await?;
        erasure::begin(call, request.into_inner()).await.map(Response::new)
    }

    async fn get_erasure(&self, request: Request<GetErasureRequest>) -> Result<Response<Erasure>, Status> {
        let call = self.0.call(&request).await?;
        erasure::get(&call, &request.into_inner().name).await.map(Response::new)
    }

    async fn list_disclosures(
        &self,
        request: Request<ListDisclosuresRequest>,
    ) -> Result<Response<ListDisclosuresResponse>, Status> {
        let call = self.0.call(&request).await?;
        erasure::disclosures(&call, &request.into_inner()).await.map(Response::new)
    }

    async fn add_suppressions(
        &self,
        request: Request<AddSuppressionsRequest>,
    ) -> Result<Response<AddSuppressionsResponse>, Status> {
        let call = self.0.call(&request).await?;
        suppression::add(&call, request.into_inner()).await.map(Response::new)
    }

    async fn remove_suppressions(
        &self,
        request: Request<RemoveSuppressionsRequest>,
    ) -> Result<Response<RemoveSuppressionsResponse>, Status> {
        let call = self.0.call(&request).await?;
        suppression::remove(&call, request.into_inner()).await.map(Response::new)
    }

    async fn list_suppressions(
        &self,
        request: Request<ListSuppressionsRequest>,
    ) -> Result<Response<ListSuppressionsResponse>, Status> {
        let call = self.0.call(&request).await?;
        suppression::list(&call, &request.into_inner()).await.map(Response::new)
    }
}
