//! Every status of a run, with the reason that a person needs.

use serde_json::{Value, json};
use tributary_proto::admin::v1::{
    GetMessageRequest, Run, RunStatus, condition::Operator, run_status::Code, workflow_spec::Kind,
};
use tributary_tests::{
    Booking, Database, Server, ServerBuilder, Source, Spec, Tenant, cluid, condition, databases, eventually,
    from_value, path,
};

async fn scene(database: Database) -> (Server, Tenant, Source) {
    println!("on {}", database.kind());
    let server = ServerBuilder::on(database).start().await;
    let tenant = server.tenant("acme").await;
    let source = server.custom(&tenant, "forms").await;
    (server, tenant, source)
}

async fn run_of(server: &Server, source: &Source, body: Value) -> Run {
    let message = server.post(source, body.to_string()).await.accepted();
    server.run(&message).await
}

/// Whether the answer itself says why, and what to do.
fn says_what_to_do(status: &RunStatus) -> bool {
    status.reason.as_ref().is_some_and(|reason| !reason.message.is_empty() && !reason.fix.is_empty())
}

#[track_caller]
fn assert_status(run: &Run, code: Code, name: &str) {
    let status = run.status.as_ref().expect("a status");
    assert_eq!((status.code(), status.display_name.as_str()), (code, name));
    assert_eq!(says_what_to_do(status), code != Code::Succeeded, "{status:?}");
}

#[tokio::test]
async fn a_draft_is_mapping_not_found_until_it_is_published() {
    for database in databases() {
        let (server, _, source) = scene(database).await;
        let workflow =
            server.draft(&source, "leads", Spec::track("Lead").identifier("email", "$.email")).await;
        let body = json!({"email": "ada@example.com"});
        let run = run_of(&server, &source, body.clone()).await;
        assert_status(&run, Code::MappingNotFound, "Mapping not found");
        assert_eq!((run.version, run.event_count), (0, 0));

        server.publish(&workflow).await;
        let run = run_of(&server, &source, body).await;
        assert_status(&run, Code::Succeeded, "Succeeded");
        assert_eq!((run.version, run.event_count), (1, 1));
    }
}

#[tokio::test]
async fn a_filter_names_the_clause_that_failed_and_the_value_it_saw() {
    for database in databases() {
        let (server, _, source) = scene(database).await;
        let paid = condition("is_paid", path("$.amount"), Operator::AtLeast, &[json!(100)]);
        let country = condition("is_german", path("$.country"), Operator::Equals, &[json!("DE")]);
        let spec = Spec::track("Lead").identifier("email", "$.email").only(vec![country, paid]);
        server.published(&source, "leads", spec).await;

        let body = json!({"email": "ada@example.com", "country": "DE", "amount": 42});
        let run = run_of(&server, &source, body).await;
        assert_status(&run, Code::FilterConditionFailed, "Filter condition failed");
        let reason = run.status.unwrap().reason.expect("a reason");
        assert_eq!(reason.node_id, "is_paid");
        assert_eq!(reason.value.as_ref().map(from_value), Some(json!(42.0)));
        assert!(reason.message.contains("amount is at least 100"), "{}", reason.message);

        let body = json!({"email": "ada@example.com", "country": "DE", "amount": 100});
        assert_status(&run_of(&server, &source, body).await, Code::Succeeded, "Succeeded");
    }
}

#[tokio::test]
async fn without_a_user_identifier_it_is_user_id_missing_and_says_what_was_refused() {
    for database in databases() {
        let (server, _, source) = scene(database).await;
        let spec = Spec::track("Lead").identifier("email", "$.email").identifier("phone", "$.phone");
        server.published(&source, "leads", spec).await;
        for body in [json!({}), json!({"email": null}), json!({"email": "{{email}}", "phone": "undefined"})] {
            let run = run_of(&server, &source, body).await;
            assert_status(&run, Code::UserIdMissing, "User ID missing");
            let reason = run.status.unwrap().reason.expect("a reason");
            assert!(reason.message.contains("email") && !reason.fix.is_empty(), "{reason:?}");
        }
    }
}

#[tokio::test]
async fn a_group_event_without_its_group_is_account_id_missing() {
    for database in databases() {
        let (server, _, source) = scene(database).await;
        let spec = Spec::of(Kind::Group).identifier("email", "$.email").group("account_id", "$.account");
        server.published(&source, "groups", spec).await;
        let run = run_of(&server, &source, json!({"email": "ada@example.com"})).await;
        assert_status(&run, Code::AccountIdMissing, "Account ID missing");
        let run = run_of(&server, &source, json!({"email": "ada@example.com", "account": "a-1"})).await;
        assert_status(&run, Code::Succeeded, "Succeeded");
    }
}

#[tokio::test]
async fn accepted_and_not_yet_committed_is_data_not_found_and_what_never_was_is_not_found() {
    for database in databases() {
        let (server, tenant, _) = scene(database).await;
        let source = server.calendly(&tenant, "calendly").await;
        server.preset(&source, "bookings").await;

        // A burst: the last of it is acknowledged before it is committed, sooner or later.
        let mut round = 0;
        let early = eventually("a message is seen before it is committed", async || {
            round += 1;
            let burst = (0..200).map(|number| {
                let booking = Booking::new(round * 1_000 + number).cluid(&cluid(number));
                let (server, source) = (&server, &source);
                async move { server.post(source, booking.body()).await.accepted() }
            });
            let last = futures::future::join_all(burst).await.pop().expect("a burst");
            let request = GetMessageRequest { name: last, view: 0 };
            let seen = server.api().logs().get_message(request).await.expect("it was accepted").into_inner();
            let status = seen.status.clone().expect("a status");
            (status.code() == Code::DataNotFound).then_some((seen, status))
        });
        let (message, status) = early.await;
        assert_eq!(status.display_name, "Data not found");
        assert!(says_what_to_do(&status), "{status:?}");
        assert!(message.process_time.is_none() && message.runs.is_empty());
        let later = server.processed(&message.message_id).await;
        assert_eq!(later.status.unwrap().code(), Code::Succeeded);

        let never = server.message("msg_01j00000000000000000000000").await.expect_err("never accepted");
        assert_eq!(never.code(), tonic::Code::NotFound);
    }
}
