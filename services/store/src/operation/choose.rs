//! What an operation is done to, and how that is found, page by page.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use serde::{Deserialize, Serialize};
use tributary_domain::{
    id::{DeliveryId, MessageId, ProfileId, WorkflowId},
    workflow::spec::WorkflowSpec,
};

use super::OperationKind;
use crate::{
    LARGEST_PAGE, Page, StoreError, TenantScope,
    column::id,
    delivery::{DeliveryFilter, DeliveryState},
    entity::{delivery, message},
    ledger::Fate,
    message::MessageFilter,
    retention::REMOVED,
};

/// What an operation is done to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Choice {
    /// Messages that are processed again. Those that wait to be processed anyway are left out.
    Messages {
        /// These; empty: all that fit one of the filters.
        only: Vec<MessageId>,
        /// One a source.
        filters: Vec<MessageFilter>,
    },
    /// Deliveries that are sent again. Those that wait to be sent anyway are left out.
    Deliveries {
        /// These; empty: all that fit the filter.
        only: Vec<DeliveryId>,
        /// Which ones.
        filter: Box<DeliveryFilter>,
    },
    /// A person who is erased: whom this profile stands for.
    Person {
        /// The profile.
        profile: ProfileId,
    },
    /// Messages that nothing is done to.
    Backtest(Box<Backtest>),
}

/// What a workflow would make of messages is compared with what happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Backtest {
    /// Which workflow.
    pub workflow: WorkflowId,
    /// What it is to be, as it was when it was asked for.
    pub spec: WorkflowSpec,
    /// Of which messages.
    pub filter: MessageFilter,
}

/// Where choosing goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// In which of the filters.
    part: usize,
    /// After which id.
    after: Option<String>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The ids.
    pub items: Vec<String>,
    /// Where it goes on; none: that was all.
    pub next: Option<Place>,
}

impl Choice {
    /// What is done to it.
    pub fn kind(&self) -> OperationKind {
        match self {
            Self::Messages { .. } => OperationKind::ReplayMessages,
            Self::Deliveries { .. } => OperationKind::ReplayDeliveries,
            Self::Person { .. } => OperationKind::EraseProfile,
            Self::Backtest(_) => OperationKind::BacktestWorkflow,
        }
    }
}

impl TenantScope<'_> {
    /// One page of what a choice names, from a place on; it can be empty although there is more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn choose(&self, choice: &Choice, place: &Place) -> Result<Chosen, StoreError> {
        match choice {
            // Found while it is erased: what is found is gone.
            Choice::Person { .. } => Ok(Chosen { items: Vec::new(), next: None }),
            Choice::Messages { only, .. } if !only.is_empty() => {
                let rows: Vec<String> = message::Entity::find()
                    .select_only()
                    .column(message::Column::Id)
                    .filter(message::Column::TenantId.eq(self.key()))
                    .filter(message::Column::Id.is_in(only.iter().map(MessageId::to_string)))
                    .filter(message::Column::Fate.ne(Fate::Held.code()))
                    // Without its body it cannot be processed.
                    .filter(message::Column::Headers.ne(REMOVED))
                    .into_tuple()
                    .all(&self.reader())
                    .await?;
                Ok(Chosen { items: rows, next: None })
            }
            Choice::Messages { filters, .. } => {
                let Some(filter) = filters.get(place.part) else {
                    return Ok(Chosen { items: Vec::new(), next: None });
                };
                let found = self.messages(filter, page(place)?).await?;
                let is_wanted = |fate| !matches!(fate, Fate::Held | Fate::Suppressed);
                let items = found.items.iter().filter(|found| is_wanted(found.fate));
                Ok(Chosen {
                    items: items.map(|found| found.id.to_string()).collect(),
                    next: next(place, found.next, filters.len()),
                })
            }
            // Nothing is noted: it reads them as it goes.
            Choice::Backtest(_) => Ok(Chosen { items: Vec::new(), next: None }),
            Choice::Deliveries { only, .. } if !only.is_empty() => {
                let rows: Vec<String> = delivery::Entity::find()
                    .select_only()
                    .column(delivery::Column::Id)
                    .filter(delivery::Column::TenantId.eq(self.key()))
                    .filter(delivery::Column::Id.is_in(only.iter().map(DeliveryId::to_string)))
                    .filter(delivery::Column::State.ne(DeliveryState::Pending.code()))
                    .into_tuple()
                    .all(&self.reader())
                    .await?;
                Ok(Chosen { items: rows, next: None })
            }
            Choice::Deliveries { filter, .. } => {
                let found = self.deliveries(filter, page(place)?).await?;
                let items = found.items.iter().filter(|found| found.state != DeliveryState::Pending);
                Ok(Chosen {
                    items: items.map(|found| found.id.to_string()).collect(),
                    next: next(place, found.next, 1),
                })
            }
        }
    }
}

fn page<K: std::str::FromStr>(place: &Place) -> Result<Page<K>, StoreError> {
    let after = place.after.as_deref().map(|after| id(after, "operations.place")).transpose()?;
    Ok(Page { after, limit: LARGEST_PAGE })
}

fn next<K: ToString>(place: &Place, after: Option<K>, parts: usize) -> Option<Place> {
    match after {
        Some(after) => Some(Place { part: place.part, after: Some(after.to_string()) }),
        None => Some(Place { part: place.part + 1, after: None }).filter(|next| next.part < parts),
    }
}
