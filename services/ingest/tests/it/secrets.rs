//! No secret and no personal data in logs, spans, metrics, answers or what is kept of a refused request's headers.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
    subscriber::DefaultGuard,
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
};
use tributary_ingest::DoorLimits;
use tributary_telemetry::{Telemetry, TelemetryOptions};

use crate::support::{DELETED, House, KEY, NOW, OPEN, SIGNED, request, signature};

/// In every secret and every piece of personal data that is sent.
const CANARY: &str = "canary7f3a";

/// Writes down every field of every span and event, of ours and of every library, at every level.
#[derive(Clone, Default)]
struct Everything(Arc<Mutex<String>>);

impl Visit for &Everything {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.lock().expect("whole").push_str(&format!("{field}={value:?}\n"));
    }
}

impl<S: Subscriber> Layer<S> for Everything {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        self.0.lock().expect("whole").push_str(&format!("{}\n", attributes.metadata().name()));
        attributes.record(&mut &*self);
    }

    fn on_record(&self, _: &Id, values: &Record<'_>, _: Context<'_, S>) {
        values.record(&mut &*self);
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        event.record(&mut &*self);
    }
}

fn listen() -> (Everything, DefaultGuard) {
    let everything = Everything::default();
    let subscriber = tracing_subscriber::registry().with(everything.clone());
    (everything, tracing::subscriber::set_default(subscriber))
}

#[tokio::test]
async fn canaries_are_never_told() {
    let (told, _listening) = listen();
    let telemetry = Telemetry::install(&TelemetryOptions::default()).expect("the only one of this process");
    let house = House::with(DoorLimits::default(), telemetry.metrics(), None).await;
    let body = br#"{"email":"ann.canary7f3a@example.com"}"#;
    let broken = &body[..body.len() - 1];
    let (name, value) = signature(KEY, body, NOW);
    let proof =
        [("authorization", "Bearer canary7f3a"), ("x-proof", "canary7f3a"), ("cookie", "id=canary7f3a")];

    let mut answers = vec![
        house.post(SIGNED, &[(&name, &value)], body).await,
        house.post(SIGNED, &[(&name, "t=canary7f3a,v1=canary7f3a")], body).await,
        house.post(SIGNED, &proof, body).await,
        house.post(OPEN, &proof, broken).await,
        house.post(OPEN, &[("content-encoding", "canary7f3a")], body).await,
        house.post("canary7f3a", &proof, body).await,
        house.post(DELETED, &proof, body).await,
        house.send(&request("GET", &format!("/in/{OPEN}?token={CANARY}"), &proof, b"")).await,
        house.send(&request("POST", &format!("/{CANARY}"), &proof, body)).await,
    ];
    assert_eq!(answers.remove(0).status, 202);
    for answer in answers {
        assert!(answer.status >= 400, "{answer:?}");
        assert!(!answer.body.contains(CANARY) && !answer.head.contains(CANARY), "{answer:?}");
    }
    let metrics = telemetry.exposition().render().expect("rendered");
    assert!(metrics.contains("tributary_ingest_accepted_total 1") && !metrics.contains(CANARY), "{metrics}");

    let kept = house.close().await;
    let kept = kept.newest.lock().expect("whole");
    assert_eq!(kept.len(), 5, "one for each refusal of a known source");
    for refused in kept.iter() {
        assert!(!refused.detail.contains(CANARY), "{}", refused.detail);
        let told = refused.headers.iter().filter(|(name, _)| name != "content-encoding");
        assert!(told.clone().all(|(_, value)| !value.contains(CANARY)), "{:?}", refused.headers);
    }
    let told = told.0.lock().expect("whole").clone();
    assert!(told.contains("webhook") && told.contains("request refused"), "nothing was listened to: {told}");
    assert!(!told.contains(CANARY), "{told}");
}

#[tokio::test]
async fn refusals_are_counted_and_kept_for_the_owner() {
    let house = House::open().await;
    for _ in 0..3 {
        house.post(OPEN, &[], b"nope").await;
    }
    house.post("unknown", &[], b"nope").await;
    let kept = house.close().await;
    let total: u64 = kept.counts.lock().expect("whole").iter().map(|count| count.count).sum();
    assert_eq!(total, 3, "what belongs to no source has no owner");
    let newest = kept.newest.lock().expect("whole");
    assert_eq!(
        (newest.len(), newest[0].http_status, newest[0].reason.as_str()),
        (3, 422, "JSON_UNEXPECTED_CHARACTER")
    );
    assert_eq!(newest[0].body, b"nope");
}
