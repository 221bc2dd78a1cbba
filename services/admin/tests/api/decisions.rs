//! Merges that are undone, conflicts that are decided, people that are kept apart, and values that are no evidence.

use tonic::Code;
use tributary_proto::admin::v1::{
    BlockIdentifierRequest, Conflict, CreateNeverJoinPairRequest, DecideConflictRequest,
    GetProfileTimelineRequest, LiftNeverJoinPairRequest, ListBlockedIdentifiersRequest, ListConflictsRequest,
    ListMergesRequest, ListNeverJoinPairsRequest, ListSourcesRequest, LookupProfileRequest, Merge, Profile,
    Tenant, TimelineEntry, UnblockIdentifierRequest, UndoMergeRequest, UpdateTenantRequest,
    blocked_identifier::Reason, conflict::State, decide_conflict_request::Verdict, timeline_entry::Entry,
};

use crate::{
    destinations,
    logs::booking,
    support::{World, fields, mask, reason},
    workflows,
};

const ONE: &str = "trb_0123456789abcdefghjkmnpqrs";
const TWO: &str = "trb_0123456789abcdefghjkmnpqrt";

async fn lookup(world: &World, tenant: &Tenant, kind: &str, value: &str) -> Profile {
    let request = LookupProfileRequest {
        parent: tenant.name.clone(),
        identifier_type: kind.to_owned(),
        identifier_value: value.to_owned(),
    };
    world.profiles().lookup_profile(request).await.unwrap().into_inner()
}

async fn merges(world: &World, tenant: &Tenant, profile: &str) -> Vec<Merge> {
    let request =
        ListMergesRequest { parent: tenant.name.clone(), profile: profile.to_owned(), ..Default::default() };
    world.profiles().list_merges(request).await.unwrap().into_inner().merges
}

async fn conflicts(world: &World, tenant: &Tenant, state: State) -> Vec<Conflict> {
    let request =
        ListConflictsRequest { parent: tenant.name.clone(), state: state.into(), ..Default::default() };
    world.profiles().list_conflicts(request).await.unwrap().into_inner().conflicts
}

/// What happened to a person, in pages of two.
async fn timeline(world: &World, profile: &str) -> Vec<TimelineEntry> {
    let (mut entries, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = GetProfileTimelineRequest { name: profile.to_owned(), page_size: 2, page_token };
        let page = world.profiles().get_profile_timeline(request).await.unwrap().into_inner();
        entries.extend(page.entries);
        if page.next_page_token.is_empty() {
            return entries;
        }
        page_token = page.next_page_token;
    }
}

/// A visitor, and Ann in another browser, who turn out to be one.
pub(crate) async fn merged(world: &World) -> (Tenant, Merge) {
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    workflows::publish(world, &workflows::create(world, &source, "booking").await).await;
    destinations::create(world, &tenant).await;
    world.commit(&source, 1, &booking(1, "", ONE)).await;
    world.commit(&source, 2, &booking(2, "ann@example.com", TWO)).await;
    world.commit(&source, 3, &booking(3, "ann@example.com", ONE)).await;
    let merge = merges(world, &tenant, "").await.remove(0);
    (tenant, merge)
}

#[tokio::test]
async fn a_merge_is_listed_with_its_cause_and_undone() {
    let world = World::start().await;
    let (tenant, merge) = merged(&world).await;
    assert_eq!((merge.identifier_type.as_str(), merge.identifier_value.as_str()), ("cluid", ONE));
    assert!(merge.undoable && merge.undo_time.is_none() && merge.message.contains("/messages/msg_"));
    assert!(merge.rules.unwrap().version > 0 && merge.rules.unwrap().revision > 0);
    let person = lookup(&world, &tenant, "cluid", ONE).await;
    assert_eq!((&person.name, &person.merged_profiles), (&merge.winner, &vec![merge.loser.clone()]));
    assert_eq!(merges(&world, &tenant, &merge.loser).await, std::slice::from_ref(&merge), "of an alias too");

    let request = || UndoMergeRequest { name: merge.name.clone() };
    let undone = world.profiles().undo_merge(request()).await.unwrap().into_inner();
    assert!(undone.undo_time.is_some() && !undone.undoable && !undone.undone_by.is_empty());
    let (visitor, ann) = (
        lookup(&world, &tenant, "cluid", ONE).await,
        lookup(&world, &tenant, "email", "ann@example.com").await,
    );
    assert_eq!((&visitor.name, &ann.name), (&merge.winner, &merge.loser));
    assert_eq!(visitor.identifiers.len(), 1);
    assert_eq!(ann, lookup(&world, &tenant, "cluid", TWO).await);
    assert!(visitor.merged_profiles.is_empty() && ann.merged_profiles.is_empty());
    let refused = world.profiles().undo_merge(request()).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "COMMAND_REFUSED"));
    assert_eq!(merges(&world, &tenant, &ann.name).await, [undone], "it stays told");
}

#[tokio::test]
async fn what_was_undone_is_kept_apart_until_that_is_lifted() {
    let world = World::start().await;
    let (tenant, merge) = merged(&world).await;
    world.profiles().undo_merge(UndoMergeRequest { name: merge.name.clone() }).await.unwrap();
    let list = ListSourcesRequest { parent: tenant.name.clone(), ..Default::default() };
    let source = world.sources().list_sources(list).await.unwrap().into_inner().sources.remove(0);
    world.commit(&source, 4, &booking(4, "ann@example.com", ONE)).await;
    let open = conflicts(&world, &tenant, State::Open).await;
    assert_eq!((open.len(), open[0].rule.as_str()), (1, "never_join"));

    let list = ListNeverJoinPairsRequest { parent: tenant.name.clone(), ..Default::default() };
    let pairs = world.profiles().list_never_join_pairs(list.clone()).await.unwrap().into_inner();
    let pair = &pairs.never_join_pairs[0];
    assert_eq!((pairs.never_join_pairs.len(), &pair.because), (1, &merge.name));
    let lift = || LiftNeverJoinPairRequest { name: pair.name.clone() };
    world.profiles().lift_never_join_pair(lift()).await.unwrap();
    let gone = world.profiles().lift_never_join_pair(lift()).await.unwrap_err();
    assert_eq!((gone.code(), reason(&gone).as_str()), (Code::NotFound, "NEVER_JOIN_PAIR_NOT_FOUND"));
    world.commit(&source, 5, &booking(5, "ann@example.com", ONE)).await;
    assert_eq!(lookup(&world, &tenant, "cluid", ONE).await.merged_profiles.len(), 1);
    assert_eq!(merges(&world, &tenant, "").await.len(), 2);

    let two = CreateNeverJoinPairRequest {
        parent: tenant.name.clone(),
        profile: merge.winner.clone(),
        other_profile: merge.loser.clone(),
    };
    let refused = world.profiles().create_never_join_pair(two.clone()).await.unwrap_err();
    assert_eq!(reason(&refused), "COMMAND_REFUSED", "they are one");
    let wrong = CreateNeverJoinPairRequest { profile: "ann".to_owned(), other_profile: String::new(), ..two };
    let refused = world.profiles().create_never_join_pair(wrong).await.unwrap_err();
    assert_eq!(fields(&refused), ["profile", "other_profile"]);
}

#[tokio::test]
async fn a_timeline_tells_events_identifiers_merges_and_what_was_undone() {
    let world = World::start().await;
    let (_, merge) = merged(&world).await;
    world.profiles().undo_merge(UndoMergeRequest { name: merge.name.clone() }).await.unwrap();
    let told = timeline(&world, &merge.winner).await;
    let count =
        |is: fn(&Entry) -> bool| told.iter().filter_map(|told| told.entry.as_ref()).filter(|e| is(e)).count();
    assert_eq!(
        count(|entry| matches!(entry, Entry::Event(_))),
        2,
        "the visit, and the booking while they were one"
    );
    assert_eq!(count(|entry| matches!(entry, Entry::Identifier(_))), 1);
    assert_eq!(count(|entry| matches!(entry, Entry::Merged(_))), 1);
    assert_eq!(count(|entry| matches!(entry, Entry::Undone(_))), 1);
    let place = |is: fn(&Entry) -> bool| told.iter().position(|told| told.entry.as_ref().is_some_and(is));
    let undone = place(|entry| matches!(entry, Entry::Undone(_)));
    assert!(undone < place(|entry| matches!(entry, Entry::Merged(_))), "the newest first");
    let event = told.iter().find_map(|told| match &told.entry {
        Some(Entry::Event(event)) if !event.traits.is_empty() => Some(event),
        _ => None,
    });
    let event = event.unwrap();
    assert_eq!((event.event_name.as_str(), event.deliveries.len()), ("Schedule", 1));
    assert_eq!((event.deliveries[0].state.as_str(), &event.profile), ("PENDING", &merge.winner));
    assert!(event.traits.contains_key("first_name"), "{:?}", event.traits);
    let request =
        GetProfileTimelineRequest { name: merge.winner.replace("prf_0", "prf_7"), ..Default::default() };
    assert_eq!(world.profiles().get_profile_timeline(request).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn a_conflict_is_decided_by_a_person() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    workflows::publish(&world, &workflows::create(&world, &source, "booking").await).await;
    world.commit(&source, 1, &booking(1, "ann@example.com", ONE)).await;
    world.commit(&source, 2, &booking(2, "bob@example.com", ONE)).await;
    let conflict = conflicts(&world, &tenant, State::Open).await.remove(0);
    let decide = async |verdict: Verdict| {
        let request = DecideConflictRequest { name: conflict.name.clone(), verdict: verdict.into() };
        world.profiles().decide_conflict(request).await.map(tonic::Response::into_inner)
    };
    let refused = decide(Verdict::Unspecified).await.unwrap_err();
    assert_eq!(fields(&refused), ["verdict"]);

    let decided = decide(Verdict::Refuse).await.unwrap();
    assert_eq!(decided.state(), State::Refused);
    assert!(decided.decide_time.is_some() && !decided.decided_by.is_empty());
    world.commit(&source, 3, &booking(3, "bob@example.com", ONE)).await;
    let still = conflicts(&world, &tenant, State::Refused).await;
    assert_eq!((still.len(), still[0].count), (1, 2), "it is counted, and not opened");

    let decided = decide(Verdict::Accept).await.unwrap();
    assert_eq!(decided.state(), State::Accepted);
    let ann = lookup(&world, &tenant, "email", "ann@example.com").await;
    assert_eq!(ann, lookup(&world, &tenant, "email", "bob@example.com").await);
    let merge = merges(&world, &tenant, &ann.name).await.remove(0);
    assert_eq!((&merge.conflict, &merge.accepted_by), (&conflict.name, &decided.decided_by));
    assert_eq!(reason(&decide(Verdict::Refuse).await.unwrap_err()), "COMMAND_REFUSED");

    world.profiles().undo_merge(UndoMergeRequest { name: merge.name }).await.unwrap();
    let closed = conflicts(&world, &tenant, State::NeverJoin).await.remove(0);
    assert!(!closed.never_join_pair.is_empty());
    let lift = LiftNeverJoinPairRequest { name: closed.never_join_pair };
    world.profiles().lift_never_join_pair(lift).await.unwrap();
    assert_eq!(conflicts(&world, &tenant, State::Open).await.len(), 1, "what the pair closed is open again");
    assert_eq!(decide(Verdict::NeverAgain).await.unwrap().state(), State::NeverJoin);
}

#[tokio::test]
async fn a_value_that_meets_too_many_people_is_quarantined_until_somebody_says_otherwise() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let mut changed = tenant.clone();
    changed.settings.as_mut().unwrap().guard_people = 2;
    let request =
        UpdateTenantRequest { tenant: Some(changed), update_mask: mask(&["settings.guard_people"]) };
    world.tenants().update_tenant(request).await.unwrap();
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    workflows::publish(&world, &workflows::create(&world, &source, "booking").await).await;
    let book = async |number: u32| {
        let email = format!("visitor{number}@example.com");
        world.commit(&source, u64::from(number), &booking(number, &email, ONE)).await
    };
    let list = || ListBlockedIdentifiersRequest { parent: tenant.name.clone(), ..Default::default() };
    for number in 1..=3 {
        book(number).await;
    }
    let blocked = async || world.profiles().list_blocked_identifiers(list()).await.unwrap().into_inner();
    assert_eq!(blocked().await.blocked_identifiers, []);
    book(4).await;
    let found = blocked().await.blocked_identifiers.remove(0);
    assert_eq!((found.reason(), found.people, found.identifier_value.as_str()), (Reason::Guard, 3, ONE));
    assert!(!found.event.is_empty());
    book(5).await;
    assert_eq!(conflicts(&world, &tenant, State::Unspecified).await.len(), 3, "it is no evidence any more");

    let request = UnblockIdentifierRequest { name: found.name };
    world.profiles().unblock_identifier(request.clone()).await.unwrap();
    let gone = world.profiles().unblock_identifier(request).await.unwrap_err();
    assert_eq!(reason(&gone), "BLOCKED_IDENTIFIER_NOT_FOUND");
    book(6).await;
    assert_eq!(conflicts(&world, &tenant, State::Unspecified).await.len(), 4, "it is evidence again");

    let block = |kind: &str, value: &str| BlockIdentifierRequest {
        parent: tenant.name.clone(),
        identifier_type: kind.to_owned(),
        identifier_value: value.to_owned(),
    };
    let by_hand = world.profiles().block_identifier(block("email", " Visitor9@Example.com ")).await.unwrap();
    let by_hand = by_hand.into_inner();
    assert_eq!(
        (by_hand.reason(), by_hand.identifier_value.as_str()),
        (Reason::Person, "visitor9@example.com")
    );
    let message = book(9).await;
    let request = tributary_proto::admin::v1::GetMessageTraceRequest { name: message.to_string() };
    let trace = world.logs().get_message_trace(request).await.unwrap().into_inner();
    let steps = &trace.runs[0].events[0].identity.as_ref().unwrap().steps;
    assert!(steps.iter().any(|step| step.text.contains("block")), "the log says so: {steps:?}");
    let refused = world.profiles().block_identifier(block("email", "null")).await.unwrap_err();
    assert_eq!(fields(&refused), ["identifier_value"]);
}
