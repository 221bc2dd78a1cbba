//! A journal that is gone, or one of yesterday: the gap is reported, nothing is skipped silently, nothing doubled.

use std::{fs, path::Path};

use tributary_proto::admin::v1::run_status::Code;
use tributary_tests::{Booking, Server, Sink, Source, Tenant, Workflow, cluid, eventually};

struct Scene {
    server: Server,
    tenant: Tenant,
    source: Source,
    workflow: Workflow,
    sink: Sink,
    posted: u32,
}

impl Scene {
    async fn new() -> Self {
        let server = Server::start().await;
        let (tenant, source, workflow) = server.bookings().await;
        let sink = Sink::start().await;
        server.destination(&tenant, "hook", &sink).await;
        Self { server, tenant, source, workflow, sink, posted: 0 }
    }

    /// Posts ten more, and checks that everything has its effect, once.
    async fn goes_on(&mut self) {
        for _ in 0..10 {
            self.posted += 1;
            let booking = Booking::new(self.posted).cluid(&cluid(self.posted));
            let message = self.server.post(&self.source, booking.body()).await.accepted();
            assert_eq!(self.server.run(&message).await.status.unwrap().code(), Code::Succeeded);
        }
        let count = self.posted as usize;
        self.server.delivered(&self.tenant, count).await;
        assert_eq!(self.server.messages(&self.source).await.len(), count);
        assert_eq!(self.server.runs(&self.workflow).await.len(), count);
        assert_eq!(self.server.events(&self.tenant).await.len(), count);
        assert_eq!(self.sink.received().len(), count, "nothing is sent twice");
    }

    /// Waits until the log tells of the gap.
    async fn reports(&self, what: &str) {
        eventually(what, async || self.server.log().contains(what).then_some(())).await;
    }

    fn journal(&self) -> std::path::PathBuf {
        self.server.data().join("journal")
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
    }
}

#[tokio::test]
async fn a_journal_that_was_deleted_is_reported_and_the_house_goes_on() {
    let mut scene = Scene::new().await;
    scene.goes_on().await;
    scene.server.stop().await;
    fs::remove_dir_all(scene.journal()).expect("it is there");
    scene.server.start_again().await;
    scene.reports("another journal than before").await;
    scene.goes_on().await;

    // A start that finds the journal it knows has nothing to report.
    let reported = scene.server.log().matches("another journal than before").count();
    scene.server.stop().await;
    scene.server.start_again().await;
    scene.goes_on().await;
    assert_eq!(scene.server.log().matches("another journal than before").count(), reported);
}

#[tokio::test]
async fn a_journal_of_yesterday_is_reported_and_nothing_is_doubled() {
    let mut scene = Scene::new().await;
    scene.goes_on().await;
    scene.server.stop().await;
    let yesterday = scene.server.data().with_extension("yesterday");
    copy(&scene.journal(), &yesterday);
    scene.server.start_again().await;
    scene.goes_on().await;
    scene.server.stop().await;

    fs::remove_dir_all(scene.journal()).expect("it is there");
    copy(&yesterday, &scene.journal());
    scene.server.start_again().await;
    scene.reports("the journal is an older copy").await;
    scene.goes_on().await;
    scene.server.stop().await;
    scene.server.start_again().await;
    scene.goes_on().await;
}
