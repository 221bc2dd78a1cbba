//! Logs: source logs, workflow logs, deliveries, traces, what was refused, parked and held, and the tail.

mod delivery;
mod lists;
mod message;
mod parents;
mod parked;
mod replay;
mod run;
pub(crate) mod search;
pub(crate) mod step;
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
    ListRejectedRequestsResponse, ListRunsRequest, ListRunsResponse, Message, MessageTrace, Operation,
    RedriveParkedMessageRequest, RedriveParkedMessageResponse, ReplayDeliveriesRequest,
    ReplayMessagesRequest, TailRequest, TailResponse, log_service_server::LogService,
};

pub(crate) use delivery::{SOURCE, WORKFLOW, with_attempts};
pub(crate) use lists::{OF_A_MESSAGE, wanted};
pub(crate) use message::{MessageReader, cluid_status_of};
pub(crate) use replay::RUN_STATUS;
pub(crate) use run::{A_STATUS as A_RUN_STATUS, to_proto as run_to_proto};
pub(crate) use trace::node_to_proto;

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
        let call = self.context.call(&request).await?;
        lists::messages(&call, request.into_inner()).await.map(Response::new)
    }

    async fn get_message(&self, request: Request<GetMessageRequest>) -> Result<Response<Message>, Status> {
        let call = self.context.call(&request).await?;
        message::get(&call, request.into_inner()).await.map(Response::new)
    }

    async fn list_rejected_requests(
        &self,
        request: Request<ListRejectedRequestsRequest>,
    ) -> Result<Response<ListRejectedRequestsResponse>, Status> {
        let call = self.context.call(&request).await?;
        lists::rejected_requests(&call, request.into_inner()).await.map(Response::new)
    }

    async fn list_runs(
        &self,
        request: Request<ListRunsRequest>,
    ) -> Result<Response<ListRunsResponse>, Status> {
        let call = self.context.call(&request).await?;
        run::list(&call, request.into_inner()).await.map(Response::new)
    }

    async fn list_deliveries(
        &self,
        request: Request<ListDeliveriesRequest>,
    ) -> Result<Response<ListDeliveriesResponse>, Status> {
        let call = self.context.call(&request).await?;
        delivery::list(&call, request.into_inner()).await.map(Response::new)
    }

    async fn get_delivery(&self, request: Request<GetDeliveryRequest>) -> Result<Response<Delivery>, Status> {
        let call = self.context.call(&request).await?;
        delivery::get(&call, &request.into_inner().name).await.map(Response::new)
    }

    async fn get_message_trace(
        &self,
        request: Request<GetMessageTraceRequest>,
    ) -> Result<Response<MessageTrace>, Status> {
        let call = self.context.call(&request).await?;
        trace::get(&call, &request.into_inner().name).await.map(Response::new)
    }

    async fn tail(&self, request: Request<TailRequest>) -> Result<Response<Self::TailStream>, Status> {
        let call = self.context.call(&request).await?;
        let stream = tail::open(&call, self.closing.clone(), request.into_inner()).await?;
        Ok(Response::new(Box::pin(stream)))
    }

    async fn list_parked_messages(
        &self,
        request: Request<ListParkedMessagesRequest>,
    ) -> Result<Response<ListParkedMessagesResponse>, Status> {
        let call = self.context.call(&request).await?;
        parked::list(&call, request.into_inner()).await.map(Response::new)
    }

    async fn redrive_parked_message(
        &self,
        request: Request<RedriveParkedMessageRequest>,
    ) -> Result<Response<RedriveParkedMessageResponse>, Status> {
        let call = self.context.call(&request).await?;
        parked::redrive(&call, &request.into_inner().name).await.map(Response::new)
    }

    async fn replay_messages(
        &self,
        request: Request<ReplayMessagesRequest>,
    ) -> Result<Response<Operation>, Status> {
        let call = self.context.call(&request).await?;
        replay::messages(call, request.into_inner()).await.map(Response::new)
    }

    async fn replay_deliveries(
        &self,
        request: Request<ReplayDeliveriesRequest>,
    ) -> Result<Response<Operation>, Status> {
        let call = self.context.call(&request).await?;
        replay::deliveries(call, request.into_inner()).await.map(Response::new)
    }

    async fn list_held_messages(
        &self,
        request: Request<ListHeldMessagesRequest>,
    ) -> Result<Response<ListHeldMessagesResponse>, Status> {
        let call = self.context.call(&request).await?;
        lists::held_messages(&call, request.into_inner()).await.map(Response::new)
    }
}
