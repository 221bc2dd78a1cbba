//! One booking is counted once, whichever order its messages arrive in, from whichever source, and whenever the server
//! dies.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tributary_tests::{Booking, Database, Received, ServerBuilder, Sink, Source, databases, eventually};

use crate::cli::ask;

/// Numbers of one booking: those of its two invitees, and what tells it from others.
const EACH: u32 = 10;

fn booking(number: u32) -> Booking {
    Booking::new(number).email(&format!("person-{}@example.com", number / EACH))
}

/// What happens to booking `number`, in its order: it is made, moved (in two halves), and given up if that is wanted.
fn history(number: u32, is_cancelled: bool) -> Vec<Booking> {
    let (old, new) = (booking(number * EACH), booking(number * EACH + 1));
    let (old_uri, new_uri) = (old.value("/payload/uri"), new.value("/payload/uri"));
    let moved = old
        .clone()
        .with("/event", json!("invitee.canceled"))
        .with("/payload/rescheduled", json!(true))
        .with("/payload/new_invitee", new_uri)
        .with("/payload/updated_at", json!("2026-03-11T09:00:00.000000Z"));
    let made = new
        .with("/payload/old_invitee", old_uri)
        .with("/payload/created_at", json!("2026-03-11T09:00:01.000000Z"));
    let cancelled = made
        .clone()
        .with("/event", json!("invitee.canceled"))
        .with("/payload/updated_at", json!("2026-03-11T10:00:00.000000Z"));
    let mut all = vec![old, moved, made];
    all.extend(is_cancelled.then_some(cancelled));
    all
}

/// All orders of so many things.
fn orders(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for shorter in orders(count - 1) {
        for place in 0..count {
            let mut order = shorter.clone();
            order.insert(place, count - 1);
            all.push(order);
        }
    }
    all
}

/// What a receiver makes of what it was sent: how often each booking was counted, and not taken back.
fn account(received: &[Received]) -> BTreeMap<u32, i32> {
    let mut seen = BTreeSet::new();
    let (mut counted, mut told) = (BTreeMap::new(), BTreeSet::new());
    for one in received.iter().filter(|one| seen.insert(one.id().to_owned())) {
        assert_eq!(one.unsigned, None);
        let data = &one.body["data"];
        let email = data["identifiers"][0]["value"].as_str().expect("a person");
        let number = email.trim_start_matches("person-").split('@').next().expect("a number");
        let counted = counted.entry(number.parse().expect("a number")).or_insert(0);
        let original = |data: &Value| data["original"]["delivery_id"].as_str().map(str::to_owned);
        match one.body["type"].as_str().expect("a type") {
            "event.track" => {
                told.insert(one.id().to_owned());
                assert_eq!(original(data), None);
                *counted += 1;
            }
            what => {
                let original = original(data).expect("what it follows");
                assert!(told.contains(&original), "{what}: it was told before of what it follows");
                if what == "conversion.retracted" {
                    *counted -= 1;
                } else {
                    assert_eq!((what, &data["reason"]), ("conversion.restated", &json!("rescheduled")));
                }
            }
        }
        assert!((0..=1).contains(counted), "booking {number} is counted {counted} times");
    }
    counted
}

/// Every order of arrival, a booking each, over two sources.
fn arrivals() -> Vec<(u32, bool, Vec<Booking>)> {
    let mut all = Vec::new();
    for is_cancelled in [true, false] {
        for order in orders(if is_cancelled { 4 } else { 3 }) {
            let number = u32::try_from(all.len()).expect("few");
            let history = history(number, is_cancelled);
            all.push((number, is_cancelled, order.iter().map(|place| history[*place].clone()).collect()));
        }
    }
    all
}

async fn counted_once(database: Database, kills: usize) {
    println!("on {}", database.kind());
    let mut server = ServerBuilder::on(database).start().await;
    let tenant = server.tenant("acme").await;
    let sources: [Source; 2] =
        [server.calendly(&tenant, "first").await, server.calendly(&tenant, "second").await];
    for (source, key) in sources.iter().zip(["first_bookings", "second_bookings"]) {
        server.preset(source, key).await;
    }
    let sink = Sink::start().await;
    server.destination(&tenant, "hook", &sink).await;
    let arrivals = arrivals();
    let mut messages = Vec::new();
    for (nth, (number, _, arriving)) in arrivals.iter().enumerate() {
        for (place, booking) in arriving.iter().enumerate() {
            let source = &sources[(place + *number as usize) % 2];
            messages.push(server.post(source, booking.body()).await.accepted());
            // In the middle of a booking.
            if place == 1 && kills > 0 && nth % (arrivals.len() / kills) == 1 {
                server.kill();
                server.start_again().await;
            }
        }
    }
    server.all_processed(&messages).await;
    let deliveries = eventually("all is delivered", async || {
        let all = server.deliveries(&tenant).await;
        all.iter().all(|delivery| delivery.complete_time.is_some()).then_some(all)
    })
    .await;
    let counted = account(&sink.received());
    for (number, is_cancelled, _) in &arrivals {
        let times = counted.get(number).copied().unwrap_or(0);
        assert_eq!(times, i32::from(!is_cancelled), "booking {number}");
    }
    let sent: BTreeSet<String> = sink.received().iter().map(|one| one.id().to_owned()).collect();
    let made: BTreeSet<String> =
        deliveries.iter().map(|delivery| delivery.name.rsplit('/').next().unwrap().to_owned()).collect();
    assert_eq!(sent, made, "exactly what is due is sent");

    let states = |state: &str| ask(&server, "conversions", &["list", "--state", state]).len();
    let cancelled = arrivals.iter().filter(|(_, is_cancelled, _)| *is_cancelled).count();
    assert_eq!((states("cancelled"), states("rescheduled")), (cancelled, arrivals.len() - cancelled));
    assert_eq!((states("booked"), states("no-show")), (0, 0));
    let uri = booking(1).value("/payload/uri");
    let found = ask(&server, "conversions", &["list", "--key", uri.as_str().expect("a URI")]);
    assert_eq!(found[0]["steps"].as_array().map(Vec::len), Some(4), "{found:?}");
    let one = ask(&server, "conversions", &["get", found[0]["name"].as_str().expect("a name")]);
    assert_eq!(one, found);

    // All of it again changes nothing.
    let told = ask(&server, "replay", &["messages", "--since", "1h", "--yes"]);
    assert_eq!(told.last().expect("its end is told")["doneCount"], json!(messages.len().to_string()));
    assert_eq!(server.deliveries(&tenant).await.len(), deliveries.len(), "nothing is sent again");
    assert_eq!(
        ask(&server, "conversions", &["get", found[0]["name"].as_str().unwrap()])[0]["told"],
        found[0]["told"]
    );
}

#[tokio::test]
async fn every_order_over_two_sources_and_kills_counts_a_booking_once() {
    for database in databases() {
        counted_once(database, 5).await;
    }
}

#[tokio::test]
async fn what_follows_a_booking_waits_until_the_booking_was_delivered() {
    let server = ServerBuilder::on(Database::sqlite()).start().await;
    let (tenant, source, _) = server.bookings().await;
    let sink = Sink::start().await;
    sink.answer(tributary_tests::Reply::Status(503));
    server.destination(&tenant, "hook", &sink).await;
    let made = booking(EACH);
    let cancelled = made.clone().with("/event", json!("invitee.canceled"));
    for booking in [&made, &cancelled] {
        let message = server.post(&source, booking.body()).await.accepted();
        server.processed(&message).await;
    }
    sink.wait_for(1).await;
    sink.answer(tributary_tests::Reply::Status(200));
    let received = eventually("both are delivered", async || {
        let all = server.deliveries(&tenant).await;
        (all.len() == 2 && all.iter().all(|one| one.complete_time.is_some())).then(|| sink.received())
    })
    .await;
    let types: Vec<_> = received.iter().map(|one| one.body["type"].as_str().unwrap_or_default()).collect();
    assert_eq!(types.last(), Some(&"conversion.retracted"));
    assert_eq!(types.iter().filter(|what| **what == "conversion.retracted").count(), 1, "{types:?}");
    let last = received.last().expect("the retraction");
    assert_eq!(last.body["data"]["original"]["delivery_id"], json!(received[0].id()));
    assert_eq!(
        (&last.body["data"]["reason"], &last.body["data"]["name"]),
        (&json!("cancelled"), &json!("Schedule"))
    );
}
