//! What is counted for charts, against the logs, after crashes.

use tributary_proto::admin::v1::{
    QueryAgencyStatsRequest, QueryStatsRequest, StatsInterval, run_status::Code, stats::RunCount,
};
use tributary_tests::{Load, Server, ServerBuilder, Sink, Source, Tenant, Workflow, databases, eventually};

/// How often the server is killed.
const KILLS: u32 = 3;
/// Writers, each with a visitor of its own.
const WRITERS: u32 = 4;

/// Messages, duplicates, runs that succeeded, events, profiles, deliveries and attempts.
type Counted = [i64; 7];

fn big(count: usize) -> i64 {
    i64::try_from(count).expect("a small number")
}

async fn in_the_logs(server: &Server, tenant: &Tenant, source: &Source, workflow: &Workflow) -> Counted {
    let messages = server.messages(source).await;
    let duplicates = messages.iter().filter(|message| !message.duplicate_of.is_empty()).count();
    let runs = server.runs(workflow).await;
    let well = runs.iter().filter(|run| run.status.as_ref().is_some_and(|s| s.code() == Code::Succeeded));
    let deliveries = server.deliveries(tenant).await;
    let attempts: i64 = deliveries.iter().map(|delivery| i64::from(delivery.attempt_count)).sum();
    let people: std::collections::BTreeSet<_> =
        server.events(tenant).await.into_iter().map(|event| event.profile).collect();
    let events = server.events(tenant).await.len();
    let counts = [messages.len(), duplicates, well.count(), events, people.len(), deliveries.len()];
    let [messages, duplicates, well, events, people, deliveries] = counts.map(big);
    [messages, duplicates, well, events, people, deliveries, attempts]
}

fn counted(stats: Option<tributary_proto::admin::v1::Stats>) -> Counted {
    let stats = stats.expect("the total");
    let well = |run: &&RunCount| run.status.as_ref().is_some_and(|status| status.code() == Code::Succeeded);
    [
        stats.received_message_count,
        stats.duplicate_message_count,
        stats.run_counts.iter().find(well).map_or(0, |run| run.count),
        stats.event_count,
        stats.new_profile_count,
        stats.delivered_count,
        stats.delivery_attempt_count,
    ]
}

#[tokio::test]
async fn charts_say_what_the_logs_say_after_crashes() {
    for database in databases() {
        println!("on {}", database.kind());
        let mut server = ServerBuilder::on(database).start().await;
        let (tenant, source, workflow) = server.bookings().await;
        let sink = Sink::start().await;
        server.destination(&tenant, "hook", &sink).await;
        let load = Load::start(&source, WRITERS);
        for kill in 0..KILLS {
            load.door(Some(server.http()));
            let before = load.acknowledged();
            eventually(format!("load goes on, kill {kill}"), async || {
                (load.acknowledged() >= before + 50).then_some(())
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
        let count = posted.iter().map(Vec::len).sum::<usize>();
        server.delivered(&tenant, count).await;

        let told = in_the_logs(&server, &tenant, &source, &workflow).await;
        for interval in [StatsInterval::Hour, StatsInterval::Day] {
            for parent in [&tenant.name, &source.name] {
                let request = QueryStatsRequest {
                    parent: parent.clone(),
                    interval: interval.into(),
                    ..QueryStatsRequest::default()
                };
                let answer = server.api().stats().query_stats(request).await.expect("stats").into_inner();
                assert_eq!(counted(answer.total), told, "{interval:?} of {parent}");
            }
            let agency = tenant.name.split("/tenants/").next().expect("an agency").to_owned();
            let request = QueryAgencyStatsRequest {
                parent: agency,
                interval: interval.into(),
                ..QueryAgencyStatsRequest::default()
            };
            let answer = server.api().stats().query_agency_stats(request).await.expect("stats").into_inner();
            assert_eq!(counted(answer.total), told, "{interval:?} of the agency");
        }
    }
}
