//! A message that cannot be processed is parked, with the reason, and can be processed again.

use serde_json::json;
use tributary_proto::admin::v1::{RedriveParkedMessageRequest, run_status::Code};
use tributary_tests::{Booking, Server, ServerBuilder, cluid, databases};

const FAULT: (&str, &str) = ("TRIBUTARY_FAULTS__WORKFLOW_PANIC", "boom");

fn faulty(number: u32) -> Booking {
    Booking::new(number).email("faulty@example.com").and("fault", json!("boom"))
}

async fn redrive(server: &Server, name: &str) {
    let request = RedriveParkedMessageRequest { name: name.to_owned() };
    server.api().logs().redrive_parked_message(request).await.expect("it is taken up");
}

#[tokio::test]
async fn a_panic_parks_its_message_and_the_others_go_on_and_redrive_works() {
    for database in databases() {
        println!("on {}", database.kind());
        let mut server = ServerBuilder::on(database).set(FAULT.0, FAULT.1).start().await;
        let (tenant, source, workflow) = server.bookings().await;

        let before = server.post(&source, Booking::new(1).cluid(&cluid(1)).body()).await.accepted();
        let bad = server.post(&source, faulty(2).body()).await.accepted();
        let after = server.post(&source, Booking::new(3).cluid(&cluid(1)).body()).await.accepted();
        for good in [before, after] {
            assert_eq!(server.run(&good).await.status.unwrap().code(), Code::Succeeded);
        }
        let message = server.processed(&bad).await;
        assert_eq!(message.status.as_ref().unwrap().code(), Code::Parked);
        let parked = server.parked(&tenant).await;
        assert_eq!(parked.len(), 1);
        assert_eq!((&parked[0].message, parked[0].reason.as_str()), (&message.name, "WORKFLOW_PANICKED"));
        assert!(parked[0].detail.contains("panicked"), "{}", parked[0].detail);
        assert!(server.lookup(&tenant, "email", "faulty@example.com").await.is_none(), "no half effects");

        // While the cause is there, it is parked again; not lost and not doubled.
        redrive(&server, &parked[0].name).await;
        assert_eq!(server.processed(&bad).await.status.unwrap().code(), Code::Parked);
        assert_eq!(server.parked(&tenant).await.len(), 1);

        server.stop().await;
        server.set(FAULT.0, "");
        server.start_again().await;
        redrive(&server, &parked[0].name).await;
        let again = server.run(&bad).await;
        assert_eq!(again.status.unwrap().code(), Code::Succeeded);
        assert!(server.parked(&tenant).await.is_empty());
        assert!(server.lookup(&tenant, "email", "faulty@example.com").await.is_some());
        assert_eq!(server.runs(&workflow).await.len(), 3);
    }
}

#[tokio::test]
async fn other_workflows_sources_and_tenants_never_notice() {
    let server = ServerBuilder::on(tributary_tests::Database::sqlite()).set(FAULT.0, FAULT.1).start().await;
    let (acme, other) = (server.tenant("acme").await, server.tenant("other").await);
    let bad_source = server.calendly(&acme, "bad").await;
    let sources = [server.calendly(&acme, "good").await, server.calendly(&other, "good").await];
    server.preset(&bad_source, "bad_bookings").await;
    for source in &sources {
        server.preset(source, "bookings").await;
    }
    let mut good = Vec::new();
    for number in 0..50 {
        server.post(&bad_source, faulty(number).body()).await.accepted();
        for source in &sources {
            let booking = Booking::new(number).cluid(&cluid(number));
            good.push(server.post(source, booking.body()).await.accepted());
        }
    }
    for message in &good {
        assert_eq!(server.run(message).await.status.unwrap().code(), Code::Succeeded);
    }
    let last = server.messages(&bad_source).await;
    assert!(last.iter().all(|message| message.status.as_ref().unwrap().code() == Code::Parked));
    assert_eq!((last.len(), server.parked(&acme).await.len()), (50, 50));
}
