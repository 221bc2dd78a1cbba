//! Conversions: bookings, and what was told of them.

use http::HeaderMap;
use serde_json::Value;
use tonic::{Request, Response, Status};
use tributary_connectors::sources;
use tributary_domain::{
    booking::{BookingFacts, Fact, KeyScope, Stage, State, Told},
    id::{ConversionId, ProfileId, SourceId},
};
use tributary_proto::admin::v1::{
    Conversion, GetConversionRequest, ListConversionsRequest, ListConversionsResponse, conversion,
    conversion_service_server::ConversionService,
};
use tributary_store::{
    Page, Paged,
    conversion::{ConversionFilter, ConversionRecord},
    message::MessageRecord,
    source::DoorSource,
};

use crate::{
    AdminContext,
    call::Located,
    convert::value::to_time,
    error::{from_store, optional},
    filter::{Field, Filter, Operator::Is},
    log::{SOURCE, search},
    name::{Names, TenantPath},
    violations::invalid,
};

/// How it stands.
const STATE: Field = Field { name: "state", operators: &[Is] };
/// Whose it is.
const PROFILE: Field = Field { name: "profile", operators: &[Is] };
/// What the provider knows it by.
const KEY: Field = Field { name: "key", operators: &[Is] };
/// Conversions of a person among which that of a message is looked for.
const OF_A_PERSON: u32 = 200;
/// People of a message among whose conversions it is looked for.
const PEOPLE: usize = 10;

/// Answers calls about conversions.
#[derive(Debug)]
pub(crate) struct Conversions(pub(crate) AdminContext);

#[tonic::async_trait]
impl ConversionService for Conversions {
    async fn get_conversion(
        &self,
        request: Request<GetConversionRequest>,
    ) -> Result<Response<Conversion>, Status> {
        let call = self.0.call(&request).await?;
        let name = &request.get_ref().name;
        let (path, conversion) = TenantPath::child::<ConversionId>("name", name, "conversions")?;
        let located = call.locate(path).await?;
        let record = located.scope.conversion(conversion).await.map_err(from_store)?;
        Ok(Response::new(to_proto(located.names, &record)))
    }

    async fn list_conversions(
        &self,
        request: Request<ListConversionsRequest>,
    ) -> Result<Response<ListConversionsResponse>, Status> {
        let call = self.0.call(&request).await?;
        let request = request.into_inner();
        let path = TenantPath::parse("parent", &request.parent)?;
        let filter = Filter::parse(&request.filter, &[STATE, PROFILE, KEY, SOURCE])?;
        let states = "BOOKED, RESCHEDULED, CANCELLED or NO_SHOW";
        let source: Option<SourceId> = search::id(&filter, SOURCE.name, "`src_…`")?;
        let profile: Option<ProfileId> = search::id(&filter, PROFILE.name, "`prf_…`")?;
        let key = filter.find(KEY.name, Is).map(|clause| (source, clause.value()));
        if source.is_some() && key.is_none() {
            return Err(invalid("filter", "`source` says whose a `key` is: give one, or leave it out"));
        }
        let wanted =
            ConversionFilter { state: filter.read(STATE.name, Is, states, State::from_code)?, profile, key };
        let located = call.locate(path).await?;
        if wanted.key.is_some() {
            located.check_personal("`key`")?;
        }
        let list = self.0.list("ListConversions", &[&request.parent, &request.filter]);
        let page = list.page(request.page_size, &request.page_token)?;
        let found = optional(located.scope.conversions(wanted, page).await)?;
        // Nothing is of a person that there is not.
        let found = found.unwrap_or(Paged { items: Vec::new(), next: None });
        Ok(Response::new(ListConversionsResponse {
            conversions: found.items.iter().map(|record| to_proto(located.names, record)).collect(),
            next_page_token: list.next(found.next),
        }))
    }
}

/// The conversion that a message is about: by what its body says, or, where that was removed, by whose it is.
pub(crate) async fn of_message(
    located: &Located<'_>,
    record: &MessageRecord,
    source: Option<&DoorSource>,
    profiles: &[ProfileId],
) -> Result<Option<ConversionRecord>, Status> {
    let has = |found: &ConversionRecord| {
        found.conversion.lineage.facts().iter().any(|fact| fact.message == record.summary.id)
    };
    if let Some((scope, key)) = source.and_then(|source| key_of(record, source)) {
        let source = (scope == KeyScope::Source).then_some(record.summary.source);
        let found = located.scope.conversion_by_key(source, &key).await.map_err(from_store)?;
        return Ok(found.filter(has));
    }
    // What is there and says nothing of a booking is about none.
    if !record.body_removed {
        return Ok(None);
    }
    for profile in profiles.iter().take(PEOPLE) {
        let wanted = ConversionFilter { profile: Some(*profile), ..ConversionFilter::default() };
        let found = optional(located.scope.conversions(wanted, Page::first(OF_A_PERSON)).await)?;
        let found = found.into_iter().flat_map(|page| page.items).find(has);
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn key_of(record: &MessageRecord, source: &DoorSource) -> Option<(KeyScope, String)> {
    let body: Value = serde_json::from_slice(&record.body).ok()?;
    let booking = facts(source, &body)?;
    Some((booking.scope, booking.key))
}

/// What a body says of a booking, read as its source reads it now.
pub(crate) fn facts(source: &DoorSource, body: &Value) -> Option<BookingFacts> {
    let provider = sources::provider(&source.provider)?;
    let settings = provider.check_settings(&source.settings).ok()?;
    provider.facts(&settings, &HeaderMap::new(), body).booking
}

/// A conversion as the contract has it.
pub(crate) fn to_proto(names: Names, record: &ConversionRecord) -> Conversion {
    Conversion {
        name: names.conversion(record.id),
        state: state(record.state).into(),
        profile: record.profile.map(|profile| names.profile(profile)).unwrap_or_default(),
        paid_time: record.paid_at.map(to_time),
        first_receive_time: Some(to_time(record.first_at)),
        last_receive_time: Some(to_time(record.last_at)),
        update_time: Some(to_time(record.updated_at)),
        steps: record.conversion.lineage.facts().iter().map(|fact| step(names, fact)).collect(),
        told: record.conversion.told.iter().map(|told| told_of(names, told)).collect(),
    }
}

fn step(names: Names, fact: &Fact) -> conversion::Step {
    conversion::Step {
        message: names.message(fact.message),
        stages: fact.stages.iter().map(|happened| stage(*happened).into()).collect(),
        time: Some(to_time(fact.at)),
        value: fact.paid.as_ref().map(|paid| paid.value),
        currency: fact.paid.as_ref().and_then(|paid| paid.currency.clone()).unwrap_or_default(),
    }
}

fn told_of(names: Names, told: &Told) -> conversion::Told {
    conversion::Told {
        event_name: told.name.clone(),
        event: names.event(told.event),
        destinations: told.destinations.iter().map(|destination| names.destination(*destination)).collect(),
        restatements: told.restated.iter().map(|event| names.event(*event)).collect(),
        retraction: told.retracted.map(|event| names.event(event)).unwrap_or_default(),
    }
}

fn state(state: State) -> conversion::State {
    match state {
        State::Booked => conversion::State::Booked,
        State::Rescheduled => conversion::State::Rescheduled,
        State::Cancelled => conversion::State::Cancelled,
        State::NoShow => conversion::State::NoShow,
    }
}

fn stage(stage: Stage) -> conversion::Stage {
    match stage {
        Stage::Created => conversion::Stage::Created,
        Stage::Rescheduled => conversion::Stage::Rescheduled,
        Stage::Moved => conversion::Stage::Moved,
        Stage::Cancelled => conversion::Stage::Cancelled,
        Stage::NoShow => conversion::Stage::NoShow,
        Stage::NoShowRemoved => conversion::Stage::NoShowRemoved,
        Stage::Paid => conversion::Stage::Paid,
    }
}
