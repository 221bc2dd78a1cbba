//! Logs: source logs, workflow logs, deliveries, traces, what was refused, parked and held, and the tail.

mod delivery;
mod lists;
mod message;
mod parked;
mod run;
mod search;
mod step;
mod tail;
mod trace;

use std::pin::Pin;

use futures::Stream;
use tokio::sync::watch;
use tonic::{Request, Response, Status};
use tributary_proto::admin::v1::{
    Delivery, GetDeliveryRequest, GetMessageRequest, GetMessageTraceRequest, ListDeliveriesRequest,
    ListDeliveriesResponse, ListHeldMessagesRequest, ListHeldMessagesResponse, ListMessagesRequest,
    ListMessagesResponse, ListParkedMessagesRequest, ListParkedMessagesResponse, ListRejectedRequestsRequest,
    ListRejectedRequestsResponse, ListRunsRequest, ListRunsResponse, Message, MessageTrace,
    RedriveParkedMessageRequest, RedriveParkedMessageResponse, TailRequest, TailResponse,
    log_service_server::LogService,
};

pub(crate) use message::MessageReader;

use crate::AdminContext;

/// Answers calls about logs.
#[derive(Debug)]
pub(crate) struct Logs {
    /// What all services share.
    pub(crate) context: AdminContext,
    /// Turns true when the server closes: streams end then.
    pub(crate) closing: watch::Receiver<bool>,
}

#[tonic::async_trait]
impl LogService for Logs {
    type TailStream = Pin<Box<dyn Stream<Item = Result<TailResponse, Status>> + Send>>;

    async fn list_messages(
        &self,
        request: Request<ListMessagesRequest>,
    ) -> Result<Response<ListMessagesResponse>, Status> {
        lists::messages(&self.context, request.into_inner()).await.map(Response::new)
    }

    async fn get_message(&self, request: Request<GetMessageRequest>) -> Result<Response<Message>, Status> {
        message::get(&self.context, request.into_inner()).await.map(Response::new)
    }

    async fn list_rejected_requests(
        &self,
        request: Request<ListRejectedRequestsRequest>,
    ) -> Result<Response<ListRejectedRequestsResponse>, Status> {
        lists::rejected_requests(&self.context, request.into_inner()).await.map(Response::new)
    }

    async fn list_runs(
        &self,
        request: Request<ListRunsRequest>,
    ) -> Result<Response<ListRunsResponse>, Status> {
        run::list(&self.context, request.into_inner()).await.map(Response::new)
    }

    async fn list_deliveries(
        &self,
        request: Request<ListDeliveriesRequest>,
    ) -> Result<Response<ListDeliveriesResponse>, Status> {
        delivery::list(&self.context, request.into_inner()).await.map(Response::new)
    }

    async fn get_delivery(&self, request: Request<GetDeliveryRequest>) -> Result<Response<Delivery>, Status> {
        delivery::get(&self.context, &request.into_inner().name).await.map(Response::new)
    }

    async fn get_message_trace(
        &self,
        request: Request<GetMessageTraceRequest>,
    ) -> Result<Response<MessageTrace>, Status> {
        trace::get(&self.context, &request.into_inner().name).await.map(Response::new)
    }

    async fn tail(&self, request: Request<TailRequest>) -> Result<Response<Self::TailStream>, Status> {
        let stream = tail::open(&self.context, self.closing.clone(), request.into_inner()).await?;
        Ok(Response::new(Box::pin(stream)))
    }

    async fn list_parked_messages(
        &self,
        request: Request<ListParkedMessagesRequest>,
    ) -> Result<Response<ListParkedMessagesResponse>, Status> {
        parked::list(&self.context, request.into_inner()).await.map(Response::new)
    }

    async fn redrive_parked_message(
        &self,
        request: Request<RedriveParkedMessageRequest>,
    ) -> Result<Response<RedriveParkedMessageResponse>, Status> {
        let author = self.context.author(&request)?;
        parked::redrive(&self.context, &request.into_inner().name, &author).await.map(Response::new)
    }

    async fn list_held_messages(
        &self,
        request: Request<ListHeldMessagesRequest>,
    ) -> Result<Response<ListHeldMessagesResponse>, Status> {
        lists::held_messages(&self.context, request.into_inner()).await.map(Response::new)
    }
}
