//! Reading what became of messages.

use futures::{StreamExt, stream};
use tonic::{Code, Status, Streaming};
use tributary_proto::admin::v1::{
    Conflict, Delivery, Event, GetDeliveryRequest, GetDestinationRequest, GetMessageRequest,
    GetMessageTraceRequest, ListConflictsRequest, ListDeliveriesRequest, ListEventsRequest,
    ListMessagesRequest, ListParkedMessagesRequest, ListRejectedRequestsRequest,
    ListRejectedRequestsResponse, ListRunsRequest, LookupProfileRequest, Message, MessageTrace,
    ParkedMessage, Profile, Run, TailRequest, TailResponse, delivery, destination, run_status,
};

use crate::{Destination, Server, Source, Tenant, Workflow, eventually};

/// Entries of a page: the most that there can be.
const PAGE: i32 = 200;

macro_rules! all_pages {
    ($client:expr, $call:ident, $request:expr, $items:ident) => {{
        let mut client = $client;
        let mut request = $request;
        request.page_size = PAGE;
        let mut all = Vec::new();
        loop {
            let page = client.$call(request.clone()).await.expect("a page").into_inner();
            all.extend(page.$items);
            if page.next_page_token.is_empty() {
                break all;
            }
            request.page_token = page.next_page_token;
        }
    }};
}

impl Server {
    /// One message, by its bare id.
    pub async fn message(&self, id: &str) -> Result<Message, Status> {
        let request = GetMessageRequest { name: id.to_owned(), view: 0 };
        self.api.logs().get_message(request).await.map(tonic::Response::into_inner)
    }

    /// The message once it is processed, however that ended.
    ///
    /// # Panics
    /// When it never was accepted.
    pub async fn processed(&self, id: &str) -> Message {
        eventually(format!("{id} is processed"), async || {
            let message = self.message(id).await.unwrap_or_else(|error| panic!("{id}: {error}"));
            let waits = message.status.as_ref().is_none_or(|status| {
                status.code() == run_status::Code::DataNotFound || status.code() == run_status::Code::Held
            });
            (!waits).then_some(message)
        })
        .await
    }

    /// All of these, in the order of their ids' list, once they are processed.
    pub async fn all_processed(&self, ids: &[String]) -> Vec<Message> {
        stream::iter(ids).map(|id| self.processed(id)).buffered(16).collect().await
    }

    /// The whole life of a message, once it is processed.
    ///
    /// # Panics
    /// When the API refuses, as all of these do.
    pub async fn trace(&self, id: &str) -> MessageTrace {
        self.processed(id).await;
        let request = GetMessageTraceRequest { name: id.to_owned() };
        self.api.logs().get_message_trace(request).await.expect("a trace").into_inner()
    }

    /// The one run of a message, once it is processed.
    ///
    /// # Panics
    /// When there is none, or there are several.
    pub async fn run(&self, id: &str) -> Run {
        let mut runs = self.trace(id).await.runs;
        assert_eq!(runs.len(), 1, "runs of {id}");
        runs.remove(0).run.expect("a run")
    }

    /// Every message of a source, newest first.
    pub async fn messages(&self, source: &Source) -> Vec<Message> {
        let request = ListMessagesRequest { parent: source.name.clone(), ..Default::default() };
        all_pages!(self.api.logs(), list_messages, request, messages)
    }

    /// Every run of a workflow, newest first.
    pub async fn runs(&self, workflow: &Workflow) -> Vec<Run> {
        let request = ListRunsRequest { parent: workflow.name.clone(), ..Default::default() };
        all_pages!(self.api.logs(), list_runs, request, runs)
    }

    /// Every event of a tenant, newest first.
    pub async fn events(&self, tenant: &Tenant) -> Vec<Event> {
        let request = ListEventsRequest { parent: tenant.name.clone(), ..Default::default() };
        all_pages!(self.api.events(), list_events, request, events)
    }

    /// Every delivery of a tenant, newest first.
    pub async fn deliveries(&self, tenant: &Tenant) -> Vec<Delivery> {
        let request = ListDeliveriesRequest { parent: tenant.name.clone(), ..Default::default() };
        all_pages!(self.api.logs(), list_deliveries, request, deliveries)
    }

    /// One delivery with its attempts.
    pub async fn delivery(&self, name: &str) -> Delivery {
        let request = GetDeliveryRequest { name: name.to_owned() };
        self.api.logs().get_delivery(request).await.expect("a delivery").into_inner()
    }

    /// A tenant's only delivery, once it was attempted `attempts` times.
    pub async fn attempted(&self, tenant: &Tenant, attempts: i32) -> Delivery {
        let name = eventually(format!("a delivery is attempted {attempts} times"), async || {
            let deliveries = self.deliveries(tenant).await;
            assert!(deliveries.len() <= 1, "one delivery was expected");
            deliveries.into_iter().find(|delivery| delivery.attempt_count >= attempts)
        });
        self.delivery(&name.await.name).await
    }

    /// Waits until no delivery of a tenant is pending, and gives them.
    pub async fn delivered(&self, tenant: &Tenant, count: usize) -> Vec<Delivery> {
        eventually(format!("{count} deliveries are made"), async || {
            let deliveries = self.deliveries(tenant).await;
            let done = deliveries.iter().filter(|one| one.state() == delivery::State::Delivered).count();
            (done >= count).then_some(deliveries)
        })
        .await
    }

    /// Every join that was refused, newest first.
    pub async fn conflicts(&self, tenant: &Tenant) -> Vec<Conflict> {
        let request = ListConflictsRequest { parent: tenant.name.clone(), ..Default::default() };
        all_pages!(self.api.profiles(), list_conflicts, request, conflicts)
    }

    /// Every parked message, newest first.
    pub async fn parked(&self, tenant: &Tenant) -> Vec<ParkedMessage> {
        let request = ListParkedMessagesRequest { parent: tenant.name.clone(), ..Default::default() };
        all_pages!(self.api.logs(), list_parked_messages, request, parked_messages)
    }

    /// What a source refused.
    pub async fn rejected(&self, source: &Source) -> ListRejectedRequestsResponse {
        let request = ListRejectedRequestsRequest {
            parent: source.name.clone(),
            page_size: PAGE,
            ..Default::default()
        };
        self.api.logs().list_rejected_requests(request).await.expect("refusals").into_inner()
    }

    /// The profile that an identifier belongs to.
    pub async fn lookup(&self, tenant: &Tenant, kind: &str, value: &str) -> Option<Profile> {
        let request = LookupProfileRequest {
            parent: tenant.name.clone(),
            identifier_type: kind.to_owned(),
            identifier_value: value.to_owned(),
        };
        match self.api.profiles().lookup_profile(request).await {
            Ok(profile) => Some(profile.into_inner()),
            Err(error) if error.code() == Code::NotFound => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// How a destination stands, and why.
    pub async fn destination_state(&self, destination: &Destination) -> (destination::State, String) {
        let request = GetDestinationRequest { name: destination.name.clone() };
        let found =
            self.api.destinations().get_destination(request).await.expect("a destination").into_inner();
        (found.state(), found.state_reason)
    }

    /// What is processed from now on.
    pub async fn tail(&self, parent: &str) -> Streaming<TailResponse> {
        let request = TailRequest { parent: parent.to_owned(), messages_only: true, filter: String::new() };
        self.api.logs().tail(request).await.expect("a stream").into_inner()
    }
}
