//! `kill -9` in the middle of load: every acknowledged message is there, once, in order, and its deliveries keep
//! their ids.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    env,
};

use tributary_proto::admin::v1::run_status::Code;
use tributary_tests::{
    Database, Load, Posted, Received, Server, ServerBuilder, Sink, Source, Tenant, Workflow, cluid,
    eventually,
};

/// How often the server is killed, unless `TRIBUTARY_KILLS` says otherwise.
const KILLS: u32 = 30;
/// Writers, each with a visitor of its own.
const WRITERS: u32 = 8;
/// Attempts of one destination that are under way at a time.
const IN_FLIGHT: usize = 64;

#[tokio::test]
async fn acknowledged_messages_survive_kills_under_load_once_and_in_order() {
    let kills = env::var("TRIBUTARY_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS);
    survive(Database::sqlite(), kills).await;
}

#[tokio::test]
async fn acknowledged_messages_survive_kills_on_postgres() {
    let Some(database) = Database::postgres() else { return };
    survive(database, 3).await;
}

async fn survive(database: Database, kills: u32) {
    let mut server = ServerBuilder::on(database).start().await;
    let (tenant, source, workflow) = server.bookings().await;
    let sink = Sink::start().await;
    server.destination(&tenant, "hook", &sink).await;

    let began = std::time::Instant::now();
    let load = Load::start(&source, WRITERS);
    for kill in 0..kills {
        load.door(Some(server.http()));
        let (before, more) = (load.acknowledged(), rand::random_range(1..100));
        eventually(format!("load goes on, kill {kill}"), async || {
            (load.acknowledged() >= before + more).then_some(())
        })
        .await;
        load.door(None);
        server.kill();
        server.start_again().await;
    }
    load.door(Some(server.http()));
    let posted = load.end().await;
    let ids: Vec<String> = posted.iter().flatten().map(|one| one.message.clone()).collect();
    server.all_processed(&ids).await;
    assert_eq!(server.parked(&tenant).await, [], "nothing is parked because of a kill");

    let count = posted.iter().map(Vec::len).sum::<usize>();
    println!("{count} acknowledged over {kills} kills in {:?}", began.elapsed());
    assert!(posted.iter().all(|writer| !writer.is_empty()));
    eventually("everything is delivered", async || (sink.deliveries() >= count).then_some(())).await;
    assert_there_once(&server, &source, &workflow, &posted).await;
    assert_in_order(&sink, &posted);
    assert_attempts_are_bounded(&sink.received(), kills as usize);
    assert_ids_unchanged(&server, &tenant, &sink, count).await;
    assert_one_profile_each(&server, &tenant).await;
}

/// The first try of each delivery at the sink, in the order in which they came.
fn delivered(sink: &Sink) -> Vec<Received> {
    let mut seen = BTreeSet::new();
    let received = sink.received().into_iter();
    received.filter(|one| seen.insert(one.id().to_owned())).collect()
}

/// A webhook that was not acknowledged may be there besides; then it is a copy of the one that was, or the other
/// way round. So each booking has one run.
async fn assert_there_once(server: &Server, source: &Source, workflow: &Workflow, posted: &[Vec<Posted>]) {
    let messages: HashMap<String, _> =
        server.messages(source).await.into_iter().map(|one| (one.message_id.clone(), one)).collect();
    let by_name: HashMap<_, _> = messages.values().map(|one| (one.name.clone(), one)).collect();
    let mut runs_of = HashMap::new();
    for run in server.runs(workflow).await {
        assert_eq!(run.status.as_ref().unwrap().code(), Code::Succeeded);
        assert!(runs_of.insert(run.message.clone(), run).is_none(), "one run for each message");
    }
    let mut originals = BTreeSet::new();
    for one in posted.iter().flatten() {
        let message = messages.get(&one.message).unwrap_or_else(|| panic!("{one:?} is lost"));
        let original = if message.duplicate_of.is_empty() { message } else { by_name[&message.duplicate_of] };
        assert!(runs_of.contains_key(&original.name), "{one:?} has no run");
        assert!(originals.insert(&original.name), "{one:?} shares its run with another booking");
    }
    assert_eq!(runs_of.len(), originals.len(), "no run without a booking");
}

/// A writer posts a booking only once the one before it was acknowledged, so the first tries of a visitor come in
/// the order of the bookings.
fn assert_in_order(sink: &Sink, posted: &[Vec<Posted>]) {
    let mut numbers: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for one in delivered(sink) {
        let number =
            one.body["data"]["attributes"]["content_name"].as_str().and_then(|text| text.parse().ok());
        let number: u32 = number.expect("a booking's number");
        numbers.entry(number / 1_000_000).or_default().push(number);
    }
    for (writer, posted) in (0..).zip(posted) {
        let expected: Vec<u32> = posted.iter().map(|one| one.number).collect();
        assert_eq!(numbers[&writer], expected, "of writer {writer}");
    }
}

/// What was under way when the server died may be sent again, and nothing else; whatever is sent again keeps its id.
pub(crate) fn assert_attempts_are_bounded(received: &[Received], kills: usize) {
    let mut ids_of: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for one in received {
        // The booking, not the message: a booking that was posted twice is delivered once.
        let booking = one.body["data"]["attributes"]["invitee_uri"].as_str().expect("a booking's URI");
        ids_of.entry(booking).or_default().insert(one.id());
    }
    for (booking, ids) in &ids_of {
        assert_eq!(ids.len(), 1, "{booking} was delivered under several ids: {ids:?}");
    }
    let (deliveries, requests) = (ids_of.len(), received.len());
    println!("{requests} requests for {deliveries} deliveries over {kills} kills");
    assert!(requests <= deliveries + kills * IN_FLIGHT, "{requests} requests for {deliveries} deliveries");
}

async fn assert_ids_unchanged(server: &Server, tenant: &Tenant, sink: &Sink, count: usize) {
    let stored: BTreeSet<String> = server
        .delivered(tenant, count)
        .await
        .into_iter()
        .filter_map(|delivery| delivery.name.rsplit('/').next().map(str::to_owned))
        .collect();
    let mut ids_of: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for one in sink.received() {
        assert_eq!(one.unsigned, None);
        ids_of.entry(one.message().to_owned()).or_default().insert(one.id().to_owned());
    }
    assert!(ids_of.values().all(|ids| ids.len() == 1), "one delivery id for ever");
    let sent: BTreeSet<String> = ids_of.into_values().flatten().collect();
    assert_eq!((sent.len(), &sent), (count, &stored), "what was sent is what is stored");
}

async fn assert_one_profile_each(server: &Server, tenant: &Tenant) {
    let mut profiles = BTreeSet::new();
    for visitor in 0..WRITERS {
        profiles.insert(server.lookup(tenant, "cluid", &cluid(visitor)).await.expect("a profile").name);
    }
    let events: BTreeSet<_> = server.events(tenant).await.into_iter().map(|event| event.profile).collect();
    assert_eq!(profiles, events);
    assert_eq!(profiles.len(), WRITERS as usize);
}
