//! All that is known of a person, part by part: never more of it is in memory than a page of it, or one event with its
//! message.

use std::{collections::VecDeque, pin::Pin};

use futures::{Stream, stream};
use tonic::Status;
use tributary_domain::{
    id::{ConflictId, ConversionId, EventId, MergeId, MessageId, ProfileId},
    identity::IdentifierType,
};
use tributary_proto::admin::v1::{
    ExportProfileResponse as Response, MessageView, export_profile_response::Part,
};
use tributary_store::{
    LARGEST_PAGE, Page,
    conversion::ConversionFilter,
    event::{EventFilter, EventRecord},
    search::Search,
    tenant::TenantRecord,
};

use crate::{
    AdminContext,
    call::{Call, Located},
    conversion,
    error::{from_store, optional},
    event,
    log::{MessageReader, with_attempts},
    name::{Names, TenantPath},
    profile,
    stream::bounded,
};

/// Events that are read at once.
const EVENTS: u32 = 50;

type Parts = Pin<Box<dyn Stream<Item = Result<Response, Status>> + Send>>;

/// Answers ExportProfile.
pub(super) async fn begin(call: &Call<'_>, name: &str) -> Result<Parts, Status> {
    let (path, id) = TenantPath::child::<ProfileId>("name", name, "profiles")?;
    let located = call.locate(path).await?;
    let found = located.scope.profile(id).await.map_err(from_store)?;
    let people = [found.id].into_iter().chain(found.aliases.iter().copied()).collect();
    let listed = &found.identifiers.listed;
    // Of a page that is not full it is the last.
    let last = listed.last().filter(|_| listed.len() >= LARGEST_PAGE as usize);
    let identifiers = last.map(|last| (last.kind.clone(), last.value.clone()));
    let export = Export {
        context: (**call).clone(),
        names: located.names,
        tenant: located.record.clone(),
        person: found.id,
        sees_personal: located.sees_personal,
        people,
        ready: VecDeque::from([Part::Profile(profile::to_proto(located.names, found))]),
        identifiers,
        conflicts: Some(Page::first(LARGEST_PAGE)),
        merges: Some(Page::first(LARGEST_PAGE)),
        conversions: Some(Page::first(LARGEST_PAGE)),
        events: Some(Page::first(EVENTS)),
        read: VecDeque::new(),
        message: None,
    };
    let parts = stream::unfold(Some(export), |export| async move {
        let mut export = export?;
        match export.next().await {
            Ok(part) => part.map(|part| (Ok(Response { part: Some(part) }), Some(export))),
            Err(status) => Some((Err(status), None)),
        }
    });
    Ok(Box::pin(bounded(call, located.names, parts)))
}

/// How far an export is.
struct Export {
    context: AdminContext,
    names: Names,
    tenant: TenantRecord,
    person: ProfileId,
    sees_personal: bool,
    /// The profile, and all that became part of it.
    people: Vec<ProfileId>,
    /// Parts that are made already.
    ready: VecDeque<Part>,
    /// After which identifier there can be more.
    identifiers: Option<(IdentifierType, String)>,
    /// What is to be read next; none: all is.
    conflicts: Option<Page<ConflictId>>,
    merges: Option<Page<MergeId>>,
    conversions: Option<Page<ConversionId>>,
    events: Option<Page<EventId>>,
    /// Events that were read.
    read: VecDeque<EventRecord>,
    /// The message that was exported last: the next events may be of it too.
    message: Option<MessageId>,
}

impl Export {
    /// The next part; nothing when that was all.
    async fn next(&mut self) -> Result<Option<Part>, Status> {
        loop {
            if let Some(part) = self.ready.pop_front() {
                return Ok(Some(part));
            }
            if let Some((kind, value)) = self.identifiers.take() {
                self.read_identifiers(&kind, &value).await?;
            } else if let Some(page) = self.conflicts.take() {
                self.read_conflicts(page).await?;
            } else if let Some(page) = self.merges.take() {
                self.read_merges(page).await?;
            } else if let Some(page) = self.conversions.take() {
                self.read_conversions(page).await?;
            } else if let Some(event) = self.read.pop_front() {
                self.add(event).await?;
            } else if let Some(page) = self.events.take() {
                self.read_events(page).await?;
            } else {
                return Ok(None);
            }
        }
    }

    fn located(&self) -> Located<'_> {
        let scope = self.context.store.tenant(self.names.tenant);
        Located { scope, record: self.tenant.clone(), names: self.names, sees_personal: self.sees_personal }
    }

    async fn read_identifiers(&mut self, kind: &IdentifierType, value: &str) -> Result<(), Status> {
        let scope = self.located().scope;
        let found = scope.identifiers_after(&self.people, (kind, value), LARGEST_PAGE).await;
        let found = found.map_err(from_store)?;
        self.identifiers = found.last().map(|last| (last.kind.clone(), last.value.clone()));
        let part = |record| Part::Identifier(profile::identifier(self.names, record));
        self.ready.extend(found.into_iter().map(part));
        Ok(())
    }

    async fn read_conflicts(&mut self, page: Page<ConflictId>) -> Result<(), Status> {
        let found = self.located().scope.conflicts_of(&self.people, page).await.map_err(from_store)?;
        self.conflicts = found.next.map(|next| Page::after(next, LARGEST_PAGE));
        let part = |record| Part::Conflict(profile::conflict_to_proto(self.names, record));
        self.ready.extend(found.items.into_iter().map(part));
        Ok(())
    }

    async fn read_merges(&mut self, page: Page<MergeId>) -> Result<(), Status> {
        // Who was erased meanwhile has none any more.
        let found = optional(self.located().scope.merges(Some(self.person), page).await)?;
        let Some(found) = found else { return Ok(()) };
        self.merges = found.next.map(|next| Page::after(next, LARGEST_PAGE));
        let part = |record| Part::Merge(profile::merge_to_proto(self.names, record));
        self.ready.extend(found.items.into_iter().map(part));
        Ok(())
    }

    async fn read_conversions(&mut self, page: Page<ConversionId>) -> Result<(), Status> {
        let filter = ConversionFilter { profile: Some(self.person), ..ConversionFilter::default() };
        let found = optional(self.located().scope.conversions(filter, page).await)?;
        let Some(found) = found else { return Ok(()) };
        self.conversions = found.next.map(|next| Page::after(next, LARGEST_PAGE));
        let part = |record| Part::Conversion(conversion::to_proto(self.names, record));
        self.ready.extend(found.items.iter().map(part));
        Ok(())
    }

    async fn read_events(&mut self, page: Page<EventId>) -> Result<(), Status> {
        let search = Search { owners: Some(self.people.clone()), ..Search::default() };
        let filter = EventFilter { search, ..EventFilter::default() };
        let found = self.located().scope.events(&filter, page).await.map_err(from_store)?;
        self.events = found.next.map(|next| Page::after(next, EVENTS));
        self.read = found.items.into();
        Ok(())
    }

    /// An event, after its message and before its deliveries.
    async fn add(&mut self, record: EventRecord) -> Result<(), Status> {
        let message = record.id.message();
        let mut parts = Vec::new();
        let located = self.located();
        if self.message != Some(message)
            && let Some(found) = optional(located.scope.message(message).await)?
        {
            let full = MessageReader::new(&located).one(found, MessageView::Full).await?;
            parts.push(Part::Message(full));
        }
        parts.push(Part::Event(event::to_proto(self.names, &record)));
        for delivery in located.scope.message_deliveries(message).await.map_err(from_store)? {
            if delivery.event == record.id {
                parts.push(Part::Delivery(with_attempts(&located, delivery).await?));
            }
        }
        self.ready.extend(parts);
        self.message = Some(message);
        Ok(())
    }
}
