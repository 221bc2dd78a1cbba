//! Quotas: the rate and the size at the door, and the messages of a month.

use serde_json::json;
use tributary_proto::admin::v1::{
    GetMessageTraceRequest, GetTenantQuotaRequest, GetTenantUsageRequest, TenantQuota, TenantUsage,
    UpdateTenantQuotaRequest, run_status::Code,
};
use tributary_tests::{
    Answer, Received, Server, ServerBuilder, Sink, Source, Spec, Tenant, databases, eventually,
};

/// Sets the fields that `paths` name of a tenant's quota.
async fn set_quota(server: &Server, tenant: &Tenant, quota: TenantQuota, paths: &[&str]) {
    let name = format!("{}/quota", tenant.name);
    let now = server.api().quotas().get_tenant_quota(GetTenantQuotaRequest { name: name.clone() }).await;
    let etag = now.expect("a quota").into_inner().etag;
    let request = UpdateTenantQuotaRequest {
        tenant_quota: Some(TenantQuota { name, etag, ..quota }),
        update_mask: Some(prost_types::FieldMask {
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        }),
    };
    server.api().quotas().update_tenant_quota(request).await.expect("is changed");
}

async fn usage(server: &Server, tenant: &Tenant) -> TenantUsage {
    let request = GetTenantUsageRequest { name: format!("{}/usage", tenant.name) };
    server.api().quotas().get_tenant_usage(request).await.expect("the usage").into_inner()
}

async fn post(server: &Server, source: &Source, padding: usize) -> Answer {
    let body = json!({"email": "ada@example.com", "padding": "x".repeat(padding)});
    server.post(source, body.to_string()).await
}

#[tokio::test]
async fn the_door_takes_so_many_requests_and_such_bodies_as_the_quota_allows() {
    for database in databases() {
        println!("on {}", database.kind());
        let mut server = ServerBuilder::on(database).start().await;
        let (tenant, other) = (server.tenant("acme").await, server.tenant("other").await);
        let source = server.custom(&tenant, "forms").await;
        let second = server.custom(&tenant, "more-forms").await;
        let free = server.custom(&other, "forms").await;
        post(&server, &source, 4_000).await.accepted();

        let quota = TenantQuota { max_body_bytes: 2_000, ..TenantQuota::default() };
        set_quota(&server, &tenant, quota, &["max_body_bytes"]).await;
        assert_eq!(post(&server, &source, 4_000).await.refused(), (413, "BODY_TOO_LARGE".to_owned()));
        post(&server, &source, 1_000).await.accepted();

        // One a second, so that none comes in between; three at first, over all sources of the tenant.
        let quota = TenantQuota { requests_per_second: 1, request_burst: 3, ..TenantQuota::default() };
        set_quota(&server, &tenant, quota, &["requests_per_second", "request_burst"]).await;
        let answers = async |server: &Server| {
            let mut taken = 0;
            for _ in 0..4 {
                for source in [&source, &second] {
                    let answer = post(server, source, 0).await;
                    if answer.status.is_success() {
                        taken += 1;
                    } else {
                        assert_eq!(answer.headers.get("retry-after").expect("says when"), "1");
                        assert_eq!(answer.refused(), (429, "RATE_EXCEEDED".to_owned()));
                    }
                }
            }
            taken
        };
        let taken = answers(&server).await;
        assert!((3..8).contains(&taken), "{taken} of 8");
        for _ in 0..8 {
            post(&server, &free, 4_000).await.accepted();
        }
        let counted = eventually("the refusals are counted", async || {
            let refused = server.rejected(&source).await;
            let mut kept = refused.rejected_requests.iter();
            assert!(kept.all(|request| request.reason != "RATE_EXCEEDED"), "they are not kept");
            refused.counts.into_iter().find(|count| count.reason == "RATE_EXCEEDED")
        });
        assert!(counted.await.count > 0);

        server.stop().await;
        server.start_again().await;
        let taken = answers(&server).await;
        assert!((3..8).contains(&taken), "{taken} of 8 after a start");
        set_quota(&server, &tenant, TenantQuota::default(), &["requests_per_second", "max_body_bytes"]).await;
        for _ in 0..8 {
            post(&server, &source, 4_000).await.accepted();
        }
    }
}

#[tokio::test]
async fn what_is_beyond_the_month_waits_survives_a_kill_and_goes_on_in_order() {
    for database in databases() {
        println!("on {}", database.kind());
        let mut server = ServerBuilder::on(database).start().await;
        let tenant = server.tenant("acme").await;
        let source = server.custom(&tenant, "forms").await;
        let spec = Spec::track("Lead").identifier("email", "$.email");
        server.published(&source, "leads", spec).await;
        let sink = Sink::start().await;
        server.destination(&tenant, "hook", &sink).await;
        let month = |monthly_messages| TenantQuota { monthly_messages, ..TenantQuota::default() };
        set_quota(&server, &tenant, month(5), &["monthly_messages"]).await;
        let mut posted = Vec::new();
        for _ in 0..12 {
            posted.push(post(&server, &source, 0).await.accepted());
        }
        let waits = async |server: &Server, processed, held| {
            eventually(format!("{processed} are processed and {held} held"), async || {
                let usage = usage(server, &tenant).await;
                assert!(usage.message_count <= processed, "{usage:?}");
                let counts = (usage.message_count, usage.held_message_count);
                (counts == (processed, held)).then_some(usage)
            })
            .await
        };
        assert_eq!(waits(&server, 5, 7).await.message_limit, 5);
        let request = GetMessageTraceRequest { name: posted[5].clone() };
        let trace = server.api().logs().get_message_trace(request).await.expect("a trace").into_inner();
        assert_eq!(trace.message.expect("a message").status.expect("a status").code(), Code::Held);
        assert_eq!(trace.held.expect("says why").reason, "MONTHLY_QUOTA");
        let order = |received: &[Received]| -> Vec<String> {
            received.iter().map(|one| one.message().to_owned()).collect()
        };
        assert_eq!(order(&sink.wait_for(5).await), posted[..5]);
        // What is not recorded when it is killed is attempted again.
        server.delivered(&tenant, 5).await;

        server.kill();
        server.start_again().await;
        waits(&server, 5, 7).await;
        posted.push(post(&server, &source, 0).await.accepted());
        waits(&server, 5, 8).await;
        set_quota(&server, &tenant, month(8), &["monthly_messages"]).await;
        waits(&server, 8, 5).await;
        set_quota(&server, &tenant, month(0), &["monthly_messages"]).await;
        waits(&server, 13, 0).await;
        assert_eq!(order(&sink.wait_for(13).await), posted, "in the order of acceptance, each once");
    }
}
