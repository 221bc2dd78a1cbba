//! Many deliveries to many destinations, whose platforms hang, break, refuse and answer nonsense: none is lost, none goes by
//! a second id, and each request that a platform saw is an attempt that the API shows.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    env,
    ops::Range,
    time::{Duration, Instant},
};

use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tributary_proto::admin::v1::{
    self as pb, CreateDestinationRequest, Delivery, DeliveryAttempt, GetDestinationRequest,
    ListDeliveriesRequest, UpdateDestinationRequest, delivery::State,
    destination::credential::State as CredentialState,
};
use tributary_tests::{
    CREDENTIAL, Database, Destination, Fault, RENEWED, Seen, Server, ServerBuilder, Source, Storm, Tenant,
    Told, databases, eventually_within, to_struct,
};

use crate::platforms::{purchase, secrets, settings};

/// How many deliveries, unless `TRIBUTARY_DELIVERIES` says otherwise; the long run has 100,000.
const DELIVERIES: usize = 2_000;
/// From so many on it is the long run, with a hundred destinations.
const MANY: usize = 50_000;
/// Destinations of one tenant.
const EACH: usize = 10;
/// The schedule of three days takes half a minute.
const HURRY: u32 = 10_000;
/// The credential of half of the destinations expires after so many requests.
const EXPIRES_AFTER: usize = 20;
/// Of so many destinations one speaks no TLS, and is thought to.
const TLS: usize = 20;
const PLATFORMS: [&str; 9] =
    ["webhook", "meta", "tiktok", "linkedin", "klaviyo", "hubspot", "slack", "ga4", "google_ads"];
/// 32 bytes.
const SIGNING: &str = "whsec_c3Rvcm1zdG9ybXN0b3Jtc3Rvcm1zdG9ybXN0b3JtISE=";

/// A destination, and where it leads.
struct Place {
    number: usize,
    destination: Destination,
    platform: &'static str,
    is_tls: bool,
}

/// A tenant that sells something.
struct Shop {
    tenant: Tenant,
    source: Source,
    places: Vec<Place>,
    /// The number of the order of each message.
    posted: HashMap<String, u32>,
}

fn deliveries() -> usize {
    env::var("TRIBUTARY_DELIVERIES").ok().and_then(|count| count.parse().ok()).unwrap_or(DELIVERIES)
}

/// Settings and secrets of a destination, by which a request says of which order it tells.
fn form(platform: &str, url: &str, credential: &str) -> (Value, BTreeMap<String, String>) {
    if platform == "webhook" {
        return (
            json!({"url": format!("{url}/hook")}),
            BTreeMap::from([("signing".to_owned(), SIGNING.to_owned())]),
        );
    }
    let (mut settings, _) = settings(platform, url);
    let order = json!("{{ $.data.attributes.order_id }}");
    match platform {
        "hubspot" => settings["properties"] = json!({"last_event": order}),
        "slack" => settings["text"] = order,
        _ => {}
    }
    (settings, secrets(platform, url, credential))
}

impl Place {
    async fn make(server: &Server, storm: &Storm, tenant: &Tenant, number: usize, is_rough: bool) -> Self {
        let platform = PLATFORMS[number % PLATFORMS.len()];
        let is_tls = is_rough && number % TLS == TLS / 2;
        let (settings, secrets) = form(platform, &storm.url(number, is_tls), CREDENTIAL);
        let key = format!("place{number}");
        let destination = pb::Destination {
            display_name: key.clone(),
            key,
            platform: platform.to_owned(),
            settings: Some(to_struct(&settings)),
            secrets,
            ..Default::default()
        };
        let request = CreateDestinationRequest {
            parent: tenant.name.clone(),
            destination: Some(destination),
            ..Default::default()
        };
        let made = server.api().destinations().create_destination(request).await.expect("a destination");
        let destination = Destination { name: made.into_inner().name };
        // Google does not say that a secret is wrong, who signs has no credential, and tokens end by themselves.
        let lasts = ["webhook", "ga4", "google_ads"].contains(&platform);
        if is_rough && number / PLATFORMS.len() % 2 == 1 && !lasts {
            storm.expires(number, EXPIRES_AFTER);
        }
        Self { number, destination, platform, is_tls }
    }

    /// Does what its owner would: an address without TLS, another credential.
    async fn mend(&self, server: &Server, storm: &Storm, credential: &str) {
        let now = self.now(server).await;
        let (settings, secrets) = form(self.platform, &storm.url(self.number, false), credential);
        let changed = pb::Destination { settings: Some(to_struct(&settings)), secrets, ..now };
        let request = UpdateDestinationRequest {
            destination: Some(changed),
            update_mask: Some(prost_types::FieldMask {
                paths: vec!["settings".to_owned(), "secrets".to_owned()],
            }),
        };
        server.api().destinations().update_destination(request).await.expect("it is changed");
    }

    async fn now(&self, server: &Server) -> pb::Destination {
        let now = GetDestinationRequest { name: self.destination.name.clone() };
        server.api().destinations().get_destination(now).await.expect("a destination").into_inner()
    }
}

impl Shop {
    /// With these places; where it `is_rough`, some speak no TLS, and the credentials of others expire.
    async fn open(server: &Server, storm: &Storm, places: Range<usize>, is_rough: bool) -> Self {
        let tenant = server.tenant(&format!("shop{}", places.start)).await;
        let source = server.custom(&tenant, "shop").await;
        server.published(&source, "orders", purchase().event_id("$.order")).await;
        let mut all = Vec::new();
        for number in places {
            all.push(Place::make(server, storm, &tenant, number, is_rough).await);
        }
        Self { tenant, source, places: all, posted: HashMap::new() }
    }

    /// Posts these orders, each of a person of its own.
    async fn sell(&mut self, server: &Server, orders: Range<u32>) {
        let source = &self.source;
        let posted = stream::iter(orders).map(|number| async move {
            let body = json!({
                "email": format!("person{number}@example.com"), "ga": format!("GA1.1.5{number}.1683172875"),
                "first": "Nadia", "last": "Okafor", "country": "US", "total": "49.90", "currency": "USD",
                "order": Storm::order(number),
            });
            (server.post(source, body.to_string()).await.accepted(), number)
        });
        self.posted.extend(posted.buffered(16).collect::<Vec<_>>().await);
    }

    /// Gives those a new credential that say that theirs is not valid any more.
    async fn mend(&self, server: &Server, storm: &Storm) {
        // A token server that fails says nothing of the credential: nobody has to do anything.
        for place in self.places.iter().filter(|place| place.platform != "google_ads") {
            let credential = place.now(server).await.credential.unwrap_or_default().state();
            if [CredentialState::Expired, CredentialState::Revoked].contains(&credential) {
                place.mend(server, storm, RENEWED).await;
            }
        }
    }

    async fn is_waiting(&self, server: &Server) -> bool {
        let request = ListDeliveriesRequest {
            parent: self.tenant.name.clone(),
            filter: "state = PENDING".to_owned(),
            page_size: 1,
            ..Default::default()
        };
        let page = server.api().logs().list_deliveries(request).await.expect("a page").into_inner();
        !page.deliveries.is_empty() || !page.next_page_token.is_empty()
    }

    /// Sees that every order was delivered to every place once, and that what the API shows is what the platforms saw.
    async fn check(&self, server: &Server, seen: &BTreeMap<Told, Vec<Seen>>) {
        let places: HashMap<&str, &Place> =
            self.places.iter().map(|place| (place.destination.name.as_str(), place)).collect();
        let all = server.deliveries(&self.tenant).await;
        let mut told = BTreeSet::new();
        // All of them where that is quick.
        let step = (all.len() / 1_000).max(1);
        for (nth, delivery) in all.iter().enumerate() {
            let place = places[delivery.destination.as_str()];
            let order = self.posted[delivery.message.rsplit('/').next().expect("an id")];
            assert!(told.insert((place.number, order)), "a second delivery: {delivery:?}");
            let met = &seen[&(place.number, order)];
            let story = || format!("{} {delivery:?} {met:?}", place.platform);
            assert_eq!(delivery.state(), State::Delivered, "{}", story());
            assert!(met.iter().any(|one| one.took), "{}", story());
            let last = met.last().expect("a request").fault;
            assert!(matches!(last, None | Some(Fault::Cut | Fault::Endless)), "{}", story());
            let id = delivery.name.rsplit('/').next().expect("an id");
            let mut ids = met.iter().map(|one| one.delivery.as_str());
            assert!(ids.all(|own| own == if place.platform == "webhook" { id } else { "" }), "{}", story());
            let (mut unseen, has_tokens) = (0, place.platform == "google_ads");
            if place.is_tls || has_tokens || nth % step == 0 {
                let shown = server.delivery(&delivery.name).await;
                assert_attempts(&shown);
                // Without a handshake or an access token there is no request.
                let is_unseen = |one: &&DeliveryAttempt| {
                    one.error.contains("tls failed") || has_tokens && one.outcome == "HELD"
                };
                unseen = shown.attempts.iter().filter(is_unseen).count();
                assert!(unseen == 0 || place.is_tls || has_tokens, "{}", story());
            }
            assert_eq!(delivery.attempt_count as usize, met.len() + unseen, "{}", story());
        }
        assert_eq!(told.len(), self.posted.len() * self.places.len());
    }
}

/// Every attempt is there, and only the last one went well.
fn assert_attempts(delivery: &Delivery) {
    let numbers: Vec<i32> = delivery.attempts.iter().map(|attempt| attempt.number).collect();
    assert_eq!(numbers, (1..=delivery.attempt_count).collect::<Vec<_>>(), "{delivery:?}");
    let (last, others) = delivery.attempts.split_last().expect("an attempt");
    assert_eq!(last.outcome, "DELIVERED", "{delivery:?}");
    for attempt in others {
        assert!(["RETRY", "HELD"].contains(&attempt.outcome.as_str()), "{delivery:?}");
        assert!(!attempt.error.is_empty(), "{delivery:?}");
    }
}

/// How often each fault was met, and how often none.
fn tally(seen: &BTreeMap<Told, Vec<Seen>>) -> BTreeMap<Option<Fault>, usize> {
    let mut tally = BTreeMap::new();
    for one in seen.values().flatten() {
        *tally.entry(one.fault).or_default() += 1;
    }
    tally
}

#[tokio::test]
async fn no_delivery_is_lost_or_doubled_whatever_platforms_do() {
    let seed = env::var("TRIBUTARY_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(rand::random);
    println!("TRIBUTARY_SEED={seed} TRIBUTARY_DELIVERIES={}", deliveries());
    let tenants = if deliveries() >= MANY { 10 } else { 2 };
    for database in databases() {
        println!("on {}", database.kind());
        // What matters is the same there, and takes longer.
        let all = if database.url().is_some() { deliveries() / 4 } else { deliveries() };
        let orders = (all / tenants / EACH) as u32;
        let builder = ServerBuilder::on(database).set("TRIBUTARY_FAULTS__HURRY", &HURRY.to_string());
        let server = builder.start().await;
        let storm = Storm::start();
        storm.rages(seed);
        let mut shops = Vec::new();
        for number in 0..tenants {
            let places = number * EACH..(number + 1) * EACH;
            shops.push(Shop::open(&server, &storm, places, true).await);
        }
        let began = Instant::now();
        for (number, shop) in (0..).zip(&mut shops) {
            shop.sell(&server, number * orders..(number + 1) * orders).await;
        }
        let secure: Vec<&Place> =
            shops.iter().flat_map(|shop| &shop.places).filter(|place| place.is_tls).collect();
        let expected = orders as usize * tenants * EACH;
        let patience = Duration::from_secs(180 + expected as u64 / 100);
        let mut is_mended = false;
        eventually_within(patience, "everything is delivered", async || {
            // One delivery may have met all of them, and meets five faults after that: together fewer than it has tries.
            if !is_mended && storm.handshakes() >= 2 * secure.len() {
                is_mended = true;
                for place in &secure {
                    place.mend(&server, &storm, CREDENTIAL).await;
                }
            }
            for shop in &shops {
                shop.mend(&server, &storm).await;
            }
            if storm.taken(|_| true) < expected {
                return None;
            }
            for shop in &shops {
                if shop.is_waiting(&server).await {
                    return None;
                }
            }
            Some(())
        })
        .await;

        let seen = storm.seen();
        let requests: usize = seen.values().map(Vec::len).sum();
        println!("{expected} deliveries in {requests} requests, {:.1?}", began.elapsed());
        println!("{:?}, {} handshakes, {} outages", tally(&seen), storm.handshakes(), storm.outages());
        assert_eq!(storm.wrong(), [""; 0], "what no platform takes was sent");
        assert_eq!(storm.hasty(HURRY), BTreeSet::new(), "sooner than it was asked for");
        assert_eq!(seen.len(), expected, "every order everywhere, and nothing else");
        assert!(is_mended && tally(&seen).len() > 10, "every fault was met");
        assert!(storm.outages() > 0, "a token server failed, and went on");
        for shop in &shops {
            shop.check(&server, &seen).await;
        }
    }
}

#[tokio::test]
async fn a_destination_that_hangs_does_not_slow_the_others() {
    let is_long = deliveries() >= MANY;
    // Slack takes one message a second: it says how long a round takes.
    let (places, orders) = if is_long { (100, 60) } else { (20, 25) };
    let server = Server::start().await;
    let storm = Storm::start();
    let mut shop = Shop::open(&server, &storm, 0..places, false).await;
    let hangs = places / 2;
    let others = |place: usize| place != hangs;
    let mut sold = 0;
    let mut rounds = Vec::new();
    // The first round opens connections and loads the configuration: it is not compared.
    for fault in [None, None, Some(Fault::Hang), None, Some(Fault::Hang)] {
        storm.always(hangs, fault);
        let began = Instant::now();
        shop.sell(&server, sold..sold + orders).await;
        sold += orders;
        let wanted = sold as usize * (places - 1);
        eventually_within(Duration::from_secs(120), "the others have all", async || {
            (storm.taken(others) >= wanted).then_some(())
        })
        .await;
        rounds.push((fault.is_some(), began.elapsed().as_secs_f64()));
    }
    println!("{orders} orders for {} destinations, whether one more hangs, seconds: {rounds:?}", places - 1);
    let quickest = |hung: bool| {
        let of = rounds.iter().skip(1).filter(|round| round.0 == hung).map(|round| round.1);
        of.fold(f64::INFINITY, f64::min)
    };
    // Who waits for what hangs waits for many seconds. On a machine that has others to serve, short rounds differ by much less,
    // but by too much for a narrow bound.
    let most = if is_long { quickest(false) / 0.95 } else { quickest(false) * 3.0 + 1.0 };
    assert!(quickest(true) <= most, "{rounds:?}");
}

#[tokio::test]
async fn what_went_wrong_is_told_with_the_attempt() {
    let builder = ServerBuilder::on(Database::sqlite()).set("TRIBUTARY_FAULTS__HURRY", "10");
    let server = builder.start().await;
    let storm = Storm::start();
    let mut shop = Shop::open(&server, &storm, 0..0, false).await;
    let told = [
        ("webhook", Fault::Hang, "RETRY", 0, "no answer within"),
        ("webhook", Fault::Reset, "RETRY", 0, "the connection broke"),
        ("webhook", Fault::Down(503), "RETRY", 503, "503"),
        ("webhook", Fault::Busy(None), "RETRY", 429, "429"),
        ("webhook", Fault::Busy(Some(3_600)), "RETRY", 429, "429"),
        ("webhook", Fault::EndlessHead, "RETRY", 0, "not an http answer"),
        ("webhook", Fault::Noise, "RETRY", 0, "not an http answer"),
        ("webhook", Fault::Endless, "DELIVERED", 200, ""),
        ("webhook", Fault::Cut, "DELIVERED", 200, ""),
        ("meta", Fault::Page, "RETRY", 200, "did not say that it took the event"),
        ("meta", Fault::Cut, "RETRY", 200, "did not say that it took the event"),
        ("tiktok", Fault::Page, "RETRY", 200, "it cannot serve now"),
        ("tiktok", Fault::Partial, "RETRY", 200, "50000"),
        ("linkedin", Fault::Page, "RETRY", 200, "did not say what became of the event"),
        ("linkedin", Fault::Partial, "RETRY", 200, "it is called too often"),
        ("hubspot", Fault::Page, "RETRY", 200, "named no contact"),
        ("hubspot", Fault::Partial, "RETRY", 207, "it is called too often"),
    ];
    for (nth, (platform, fault, ..)) in told.iter().enumerate() {
        let of = PLATFORMS.iter().position(|one| one == platform).expect("a platform");
        let number = nth * PLATFORMS.len() + of;
        storm.always(number, Some(*fault));
        shop.places.push(Place::make(&server, &storm, &shop.tenant, number, false).await);
    }
    let secure = format!("{}/hook", storm.url(1_000, true));
    let secure = server.destination_at(&shop.tenant, "secure", &secure, SIGNING).await;
    shop.sell(&server, 0..1).await;
    let all = eventually_within(Duration::from_secs(60), "each was tried", async || {
        let all = server.deliveries(&shop.tenant).await;
        (all.len() == told.len() + 1 && all.iter().all(|one| one.attempt_count > 0)).then_some(all)
    });
    let all = all.await;
    let first = async |destination: &Destination| {
        let delivery = all.iter().find(|one| one.destination == destination.name).expect("a delivery");
        server.delivery(&delivery.name).await.attempts.remove(0)
    };
    for (place, (platform, fault, outcome, status, error)) in shop.places.iter().zip(told) {
        let attempt = first(&place.destination).await;
        assert_eq!(
            (attempt.outcome.as_str(), attempt.http_status),
            (outcome, status),
            "{platform} {fault:?}"
        );
        assert!(attempt.error.contains(error), "{platform} {fault:?}: {}", attempt.error);
        let asked = attempt.response_headers.iter().any(|header| header.name == "retry-after");
        assert_eq!(asked, matches!(fault, Fault::Busy(Some(_))), "{fault:?}");
    }
    let attempt = first(&secure).await;
    assert!(attempt.outcome == "RETRY" && attempt.error.contains("tls failed"), "{attempt:?}");
}
