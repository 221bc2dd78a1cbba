//! What one reader of the tail wants to be told.

use tonic::Status;
use tributary_domain::{
    committed::{Committed, CommittedAttempt, CommittedMessage},
    id::{DeliveryId, DestinationId, MessageId, SourceId, WorkflowId},
    tenant::TenantSettings,
    workflow::status::RunStatus,
};
use tributary_store::{
    LARGEST_PAGE, Page, TenantScope,
    delivery::{DeliveryFilter, DeliveryState},
    message::{CluidStatus, MessageFilter},
    search::Search,
};

use super::super::{
    delivery::{A_STATE, DESTINATION, SOURCE, STATE, WORKFLOW},
    lists::{A_CLUID_STATUS, A_FLAG, CLUID_STATUS, PROVIDER_EVENT, TEST},
    run::{A_STATUS, STATUS},
    search::{self, Asked},
};
use crate::{
    call::Located,
    error::from_store,
    filter::{
        Filter,
        Operator::{Is, IsNot},
    },
};

/// What one reader wants to be told. What is not set does not matter.
#[derive(Debug)]
pub(super) struct Wanted {
    /// The source that was named as the parent.
    pub(super) parent: Option<SourceId>,
    /// Nothing of deliveries.
    pub(super) messages_only: bool,
    source: Option<SourceId>,
    workflow: Option<WorkflowId>,
    of_messages: OfMessages,
    of_deliveries: OfDeliveries,
    asked: Asked,
    settings: TenantSettings,
}

/// What only messages have.
#[derive(Debug, Default, PartialEq)]
struct OfMessages {
    status: Option<RunStatus>,
    not_status: Option<RunStatus>,
    provider_event: Option<String>,
    cluid_status: Option<CluidStatus>,
    is_test: Option<bool>,
}

/// What only deliveries have.
#[derive(Debug, Default, PartialEq)]
struct OfDeliveries {
    destination: Option<DestinationId>,
    state: Option<DeliveryState>,
    not_state: Option<DeliveryState>,
}

impl Wanted {
    /// What a filter asks for.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when it cannot be read.
    pub(super) fn of(filter: &str) -> Result<Self, Status> {
        let own = [SOURCE, WORKFLOW, DESTINATION, STATUS, STATE, PROVIDER_EVENT, CLUID_STATUS, TEST];
        let filter = Filter::parse(filter, &search::fields_of_tail_with(&own))?;
        let status = |operator| filter.read(STATUS.name, operator, A_STATUS, RunStatus::from_code);
        let state = |operator| filter.read(STATE.name, operator, A_STATE, DeliveryState::from_code);
        Ok(Self {
            parent: None,
            messages_only: false,
            source: search::id(&filter, SOURCE.name, "`src_…`")?,
            workflow: search::id(&filter, WORKFLOW.name, "`wfl_…`")?,
            of_messages: OfMessages {
                status: status(Is)?,
                not_status: status(IsNot)?,
                provider_event: filter.find(PROVIDER_EVENT.name, Is).map(|clause| clause.value().to_owned()),
                cluid_status: filter.read(CLUID_STATUS.name, Is, A_CLUID_STATUS, CluidStatus::from_code)?,
                is_test: filter.read(TEST.name, Is, A_FLAG, |text| text.parse().ok())?,
            },
            of_deliveries: OfDeliveries {
                destination: search::id(&filter, DESTINATION.name, "`dst_…`")?,
                state: state(Is)?,
                not_state: state(IsNot)?,
            },
            asked: Asked::of(&filter)?,
            settings: TenantSettings::default(),
        })
    }

    /// Takes the tenant's settings, by which identifiers are normalised.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for an identifier that cannot be one, PERMISSION_DENIED for personal data that the caller does not see.
    pub(super) async fn check(&mut self, located: &Located<'_>) -> Result<(), Status> {
        self.asked.check_personal(located)?;
        self.settings = located.record.settings.clone();
        self.asked.of_message(&located.scope, &self.settings).await.map(drop)
    }

    /// Whether it is wanted, by what is told of it.
    pub(super) fn has(&self, committed: &Committed) -> bool {
        let source = committed.source();
        let is_of_source = self.parent.into_iter().chain(self.source).all(|wanted| wanted == source);
        is_of_source
            && match committed {
                Committed::Message(message) => {
                    self.of_deliveries == OfDeliveries::default() && self.has_message(message)
                }
                Committed::Attempt(attempt) => {
                    !self.messages_only
                        && self.of_messages == OfMessages::default()
                        && self.has_delivery(attempt)
                }
            }
    }

    fn has_message(&self, message: &CommittedMessage) -> bool {
        let run = |workflow| message.runs.iter().find(|(other, ..)| *other == workflow);
        let status = match self.workflow {
            Some(workflow) => match run(workflow) {
                Some((_, _, status)) => *status,
                None => return false,
            },
            None => message.status,
        };
        let of = &self.of_messages;
        of.status.is_none_or(|wanted| wanted == status)
            && of.not_status.is_none_or(|other| other != status)
            && of.provider_event.as_ref().is_none_or(|wanted| message.provider_event.as_ref() == Some(wanted))
            && of.cluid_status.is_none_or(|wanted| wanted.code() == message.cluid_status)
            && of.is_test.is_none_or(|wanted| wanted == message.is_test)
    }

    fn has_delivery(&self, attempt: &CommittedAttempt) -> bool {
        let of = &self.of_deliveries;
        of.destination.is_none_or(|wanted| wanted == attempt.destination)
            && of.state.is_none_or(|wanted| wanted.code() == attempt.state)
            && of.not_state.is_none_or(|other| other.code() != attempt.state)
    }

    /// Whether it is wanted, by what is stored of it: nothing is looked up where nothing of that is asked for. What is
    /// told is committed, so that it is found as a list finds it.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn finds(&self, scope: &TenantScope<'_>, committed: &Committed) -> Result<bool, Status> {
        match committed {
            Committed::Message(message) if self.asked.is_anything() => {
                let search = self.search(scope, message.message).await?;
                let filter = MessageFilter { search, ..MessageFilter::of(message.source) };
                let found = scope.messages(&filter, Page::first(1)).await.map_err(from_store)?;
                Ok(!found.items.is_empty())
            }
            Committed::Attempt(attempt) if self.asked.is_anything() || self.workflow.is_some() => {
                let search = self.search(scope, attempt.delivery.message()).await?;
                let filter = DeliveryFilter { workflow: self.workflow, search, ..DeliveryFilter::default() };
                let found = scope.deliveries(&filter, Page::first(LARGEST_PAGE)).await.map_err(from_store)?;
                let is_it = |delivery: DeliveryId| delivery == attempt.delivery;
                Ok(found.items.iter().any(|delivery| is_it(delivery.id)))
            }
            Committed::Message(_) | Committed::Attempt(_) => Ok(true),
        }
    }

    /// What is asked of this one message.
    async fn search(&self, scope: &TenantScope<'_>, message: MessageId) -> Result<Search, Status> {
        let search = self.asked.of_message(scope, &self.settings).await?;
        Ok(search.within(message))
    }
}
