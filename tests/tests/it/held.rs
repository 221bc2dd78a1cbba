//! A suspended tenant's messages wait, later ones follow them, and all are applied in the order of acceptance.

use tributary_proto::admin::v1::{HeldMessage, ListHeldMessagesRequest, run_status::Code};
use tributary_tests::{Booking, Server, ServerBuilder, Sink, Source, Tenant, cluid, databases, eventually};

/// Messages that wait; more than are taken up at once, so that others come while they do.
const WAITING: usize = 120;
/// Messages that come right after the tenant was resumed.
const FOLLOWING: usize = 40;

struct Scene {
    server: Server,
    tenant: Tenant,
    source: Source,
    /// The ids of all messages, in the order in which they were acknowledged.
    posted: Vec<String>,
}

impl Scene {
    /// Posts one more booking of the same visitor, once the one before was acknowledged.
    async fn post(&mut self) -> String {
        let number = u32::try_from(self.posted.len()).expect("not so many");
        let booking = Booking::new(number).cluid(&cluid(1));
        let id = self.server.post(&self.source, booking.body()).await.accepted();
        self.posted.push(id.clone());
        id
    }

    /// The first messages that wait, in the order in which they will be processed.
    async fn held(&self) -> Vec<HeldMessage> {
        let request = ListHeldMessagesRequest {
            parent: self.tenant.name.clone(),
            page_size: 200,
            ..Default::default()
        };
        let held = self.server.api().logs().list_held_messages(request).await;
        held.expect("what is held").into_inner().held_messages
    }

    /// Suspends the tenant, posts, and resumes it while more is posted; says whether one of the latter had to wait
    /// behind others.
    async fn round(&mut self) -> bool {
        self.server.suspend(&self.tenant).await;
        let from = self.posted.len();
        for _ in 0..WAITING {
            self.post().await;
        }
        let held = eventually("all of a suspended tenant is held", async || {
            let held = self.held().await;
            (held.len() >= WAITING).then_some(held)
        })
        .await;
        assert_eq!(held.len(), WAITING);
        for (held, id) in held.iter().zip(&self.posted[from..]) {
            assert!(held.message.ends_with(id.as_str()), "{held:?} stands where {id} should");
            assert_eq!(held.reason, "SUSPENDED");
        }
        let first = self.server.message(&self.posted[from]).await.expect("it was accepted");
        assert_eq!(first.status.expect("a status").code(), Code::Held);
        assert!(first.runs.is_empty(), "nothing came of it yet");

        self.server.resume(&self.tenant).await;
        let mut followed = false;
        for _ in 0..FOLLOWING {
            self.post().await;
            followed |= self.held().await.iter().any(|held| held.reason == "BEHIND_HELD");
        }
        eventually("nothing waits any more", async || self.held().await.is_empty().then_some(())).await;
        followed
    }
}

#[tokio::test]
async fn what_a_suspended_tenant_is_sent_waits_and_is_applied_in_order_with_what_follows() {
    for database in databases() {
        println!("on {}", database.kind());
        let server = ServerBuilder::on(database).start().await;
        let (tenant, source, workflow) = server.bookings().await;
        let sink = Sink::start().await;
        server.destination(&tenant, "hook", &sink).await;
        let mut scene = Scene { server, tenant, source, posted: Vec::new() };

        let before = scene.post().await;
        assert_eq!(scene.server.run(&before).await.status.unwrap().code(), Code::Succeeded);
        eventually("a message has to follow those that were held", async || {
            scene.round().await.then_some(())
        })
        .await;

        for message in scene.server.all_processed(&scene.posted).await {
            assert_eq!(message.status.unwrap().code(), Code::Succeeded);
        }
        assert_eq!(scene.server.runs(&workflow).await.len(), scene.posted.len(), "each once");
        // First tries keep the order in which a person's events were applied.
        let received = sink.wait_for(scene.posted.len()).await;
        let order: Vec<&str> = received.iter().map(tributary_tests::Received::message).collect();
        assert_eq!(order, scene.posted, "in the order of acceptance");
    }
}
