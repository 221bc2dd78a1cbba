//! Starting, stopping, and who may call.

use rustix::process::Signal;
use tonic::Code;
use tributary_proto::admin::v1::{ListAgenciesRequest, run_status};
use tributary_tests::{Api, Booking, Load, Server, ServerBuilder, databases, eventually};

/// Writers of the load that a server is stopped under.
const WRITERS: u32 = 16;

#[tokio::test]
async fn health_readiness_and_metrics_stand_on_a_listener_of_their_own() {
    let server = Server::start().await;
    for page in ["/healthz", "/readyz"] {
        assert_eq!(server.operations_page(page).await.status, 200, "{page}");
    }
    let tenant = server.tenant("acme").await;
    let source = server.calendly(&tenant, "calendly").await;
    server.post(&source, Booking::new(1).body()).await.accepted();
    let metrics = server.operations_page("/metrics").await;
    assert!(metrics.body.lines().any(|line| line == "tributary_ingest_accepted_total 1"), "{}", metrics.body);
}

#[tokio::test]
async fn a_stop_under_load_loses_nothing_and_ends_cleanly() {
    for database in databases() {
        println!("on {}", database.kind());
        let mut server = ServerBuilder::on(database).start().await;
        let (_, source, workflow) = server.bookings().await;
        let load = Load::start(&source, WRITERS);
        load.door(Some(server.http()));
        eventually("the load goes on", async || (load.acknowledged() >= 200).then_some(())).await;
        // The writers go on posting all the while: into a door that closes, and into none.
        let status = server.stop().await;
        assert!(status.success(), "{status}");
        load.door(None);
        server.start_again().await;
        load.door(Some(server.http()));
        let posted = load.end().await;
        let accepted: Vec<String> = posted.into_iter().flatten().map(|one| one.message).collect();
        for message in server.all_processed(&accepted).await {
            // What was accepted and not answered any more was posted again.
            let code = message.status.unwrap().code();
            assert!(matches!(code, run_status::Code::Succeeded | run_status::Code::Duplicate), "{code:?}");
        }
        assert_eq!(server.runs(&workflow).await.len(), accepted.len(), "one run for each booking");
    }
}

#[tokio::test]
async fn an_interrupt_stops_it_as_well() {
    let mut server = Server::start().await;
    server.signal(Signal::INT);
    assert!(server.exited().await.success());
}

#[tokio::test]
async fn nobody_calls_the_api_without_the_token() {
    let mut server = Server::start().await;
    let admin = server.admin();
    for token in ["", "wrong", &server.api().token()[1..]] {
        let api = Api::with_token(admin, token);
        let answer = api.agencies().list_agencies(ListAgenciesRequest::default()).await;
        assert_eq!(answer.expect_err("it is refused").code(), Code::Unauthenticated, "{token:?}");
    }
    let token = server.api().token().to_owned();
    server.stop().await;
    server.start_again().await;
    assert_eq!(server.api().token(), token, "the token outlives a restart");
    server.api().agencies().list_agencies(ListAgenciesRequest::default()).await.expect("an answer");
}

#[tokio::test]
async fn a_wrong_setting_stops_the_start_with_one_line() {
    let builder = ServerBuilder::on(tributary_tests::Database::sqlite());
    for (name, value) in
        [("TRIBUTARY_HTTP__LISTEM", "127.0.0.1:0"), ("TRIBUTARY_HTTP__MAX_CONNECTIONS", "many")]
    {
        let output = builder.command("serve").env(name, value).output().expect("it ends");
        assert!(!output.status.success());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(told.lines().count(), 1, "{told}");
        assert!(told.to_lowercase().contains(&name.to_lowercase()["tributary_http__".len()..]), "{told}");
    }
}
