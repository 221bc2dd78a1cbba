//! A server removes what is older than its tenant keeps it: a database that has an old message is opened.

use tributary_proto::admin::v1::GetMessageTraceRequest;
use tributary_tests::{Database, Server, ServerBuilder, eventually, now_seconds};

use crate::upgrade::{DUMP, MESSAGE, restore};

/// The message of the dump, as if it had come so many days ago: its id, and the whole dump with it.
fn aged(days: i64) -> (String, String) {
    let then = (now_seconds() - days * 24 * 60 * 60) * 1000;
    let letter = |place: i64| {
        char::from(
            b"0123456789abcdefghjkmnpqrstvwxyz"[usize::try_from(then >> (5 * place) & 31).expect("small")],
        )
    };
    let time: String = (0..10).rev().map(letter).collect();
    let known = &MESSAGE["msg_".len().."msg_".len() + 10];
    let dump = ["msg", "evt", "dlv"].into_iter().fold(DUMP.to_owned(), |dump, prefix| {
        dump.replace(&format!("{prefix}_{known}"), &format!("{prefix}_{time}"))
    });
    (MESSAGE.replace(known, &time), dump)
}

async fn serve(dump: &str) -> Server {
    let database = Database::sqlite();
    restore(&database, dump).await;
    ServerBuilder::on(database).start().await
}

#[tokio::test]
async fn an_old_message_loses_its_body_and_a_very_old_one_is_gone() {
    let (message, dump) = aged(60);
    let server = serve(&dump).await;
    let trace = eventually("the body is removed", async || {
        let trace = server.trace(&message).await;
        trace.message.as_ref().is_some_and(|told| told.body_removed).then_some(trace)
    })
    .await;
    assert!(trace.message.expect("it is there").body.is_empty());
    let run = &trace.runs[0];
    assert!(run.nodes.is_empty() && run.run.is_some());
    assert!(run.events[0].identity.is_some(), "what is stored is shown");
    let bodies = "tributary_retention_removed_total{kind=\"bodies\"} 1";
    eventually("it is counted", async || {
        let metrics = server.operations_page("/metrics").await.body;
        metrics.lines().any(|line| line == bodies).then_some(())
    })
    .await;
    drop(server);

    let (message, dump) = aged(100);
    let server = serve(&dump).await;
    eventually("the message is gone", async || {
        let request = GetMessageTraceRequest { name: message.clone() };
        let answer = server.api().logs().get_message_trace(request).await;
        answer.is_err_and(|status| status.code() == tonic::Code::NotFound).then_some(())
    })
    .await;
}
