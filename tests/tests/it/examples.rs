//! The clients of `examples/`, run against a server as their users run them.

use std::path::PathBuf;

use tributary_tests::{Language, Server, ServerBuilder, databases};

/// The contract's descriptors, written by the binary.
fn descriptors(server: &Server) -> String {
    let file: PathBuf = server.data().join("descriptors.binpb");
    let written = server.builder().command("proto").arg(&file).output().expect("the binary starts");
    assert!(written.status.success(), "{written:?}");
    file.to_str().expect("a path that is text").to_owned()
}

/// The booking's whole life: who it was and which event it became.
#[track_caller]
fn assert_tells_of_the_booking(said: &str) {
    let id =
        said.lines().next().and_then(|line| line.strip_prefix("accepted ")).expect("the id of a message");
    assert!(said.contains(&format!("{id} · invitee.created · Succeeded")), "{said}");
    for part in
        ["event Schedule · evt_", "a new person · prf_", "email ann@example.com", "phone +14045550142"]
    {
        assert!(said.contains(part), "no `{part}` in:\n{said}");
    }
}

#[tokio::test]
async fn a_booking_is_followed_in_python_over_grpc() {
    for database in databases() {
        println!("on {}", database.kind());
        let server = ServerBuilder::on(database).start().await;
        let Some(said) = server.example(Language::Python, "booking.py", &[]) else { return };
        assert_tells_of_the_booking(&said);
        // A second run finds the agency of the first, and a tenant of its own.
        assert_tells_of_the_booking(&server.example(Language::Python, "booking.py", &[]).unwrap());
    }
}

#[tokio::test]
async fn a_booking_is_followed_in_node_over_grpc_web() {
    for database in databases() {
        println!("on {}", database.kind());
        let server = ServerBuilder::on(database).start().await;
        let more = [("TRIBUTARY_DESCRIPTORS", &*descriptors(&server))];
        let Some(said) = server.example(Language::Node, "booking.js", &more) else { return };
        assert_tells_of_the_booking(&said);
        assert_tells_of_the_booking(&server.example(Language::Node, "booking.js", &more).unwrap());
    }
}

#[tokio::test]
async fn a_workflow_is_built_of_nothing_but_what_the_api_tells_of_itself() {
    for database in databases() {
        println!("on {}", database.kind());
        let server = ServerBuilder::on(database).set("TRIBUTARY_ADMIN__REFLECTION", "true").start().await;
        let file = descriptors(&server);
        // By reflection, and from the file.
        for more in [vec![], vec![("TRIBUTARY_DESCRIPTORS", &*file)]] {
            let Some(said) = server.example(Language::Python, "descriptors_only.py", &more) else { return };
            for part in [
                "problem at broken_pattern: ",
                "refused: DRAFT_HAS_PROBLEMS, because of broken_pattern",
                "mended: no problems",
                "tested: Succeeded, ",
                "tested: Filter condition failed at is_submitted",
                "published: version 1",
                "refused: ABORTED, ETAG_MISMATCH",
            ] {
                assert!(said.contains(part), "no `{part}` in:\n{said}");
            }
        }
    }
}
