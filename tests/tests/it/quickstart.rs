//! The demo: what a newcomer sees first.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, ExitStatus, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use tributary_tests::{Database, ServerBuilder, eventually};

/// A demo that runs; ended with the test.
struct Demo {
    process: Child,
    output: PathBuf,
}

impl Demo {
    fn start(builder: &ServerBuilder, folder: &Path) -> Self {
        let output = folder.join("shown");
        let file = File::create(&output).expect("a file for what is shown");
        let mut command = builder.command("quickstart");
        let process = command.stdout(file).stderr(Stdio::null()).spawn().expect("the binary starts");
        Self { process, output }
    }

    /// Everything that is shown, once it serves.
    async fn shown(&self) -> String {
        eventually("the demo serves", async || {
            let shown = fs::read_to_string(&self.output).ok()?;
            shown.contains("Ctrl-C stops it").then_some(shown)
        })
        .await
    }

    async fn interrupt(mut self) -> ExitStatus {
        let id = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(id, Signal::INT).expect("our own child");
        eventually("the demo ends", async || self.process.try_wait().expect("our own child")).await
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The first word of `shown` that starts with `prefix`.
fn word<'a>(shown: &'a str, prefix: &str) -> &'a str {
    let words = &mut shown.split_whitespace();
    words.find(|word| word.starts_with(prefix)).unwrap_or_else(|| panic!("no {prefix} in:\n{shown}"))
}

/// The secret path of the webhook URL.
fn webhook_path(shown: &str) -> &str {
    let (_, rest) = shown.split_once("/in/").expect("a webhook URL");
    rest.split_whitespace().next().expect("a secret")
}

#[tokio::test]
async fn the_demo_shows_one_booking_all_the_way_and_its_second_start_finds_everything_again() {
    let database = Database::sqlite();
    let folder = database.folder.path().to_owned();
    let builder = ServerBuilder::on(database);

    let demo = Demo::start(&builder, &folder);
    let first = demo.shown().await;
    for part in [
        "signature valid",
        "invitee.created",
        "a new person",
        "delivered",
        "attempt 1  200",
        "curl",
        "owner@example.com",
    ] {
        assert!(first.contains(part), "no `{part}` in:\n{first}");
    }
    assert!(demo.interrupt().await.success());

    let demo = Demo::start(&builder, &folder);
    let second = demo.shown().await;
    assert!(second.contains("found the demo tenant again") && second.contains("a known person"), "{second}");
    assert_eq!(webhook_path(&second), webhook_path(&first), "the webhook URL keeps its secret");
    assert_eq!(word(&second, "prf_"), word(&first, "prf_"), "the same person");
    assert_ne!(word(&second, "msg_"), word(&first, "msg_"), "another booking");
    assert!(demo.interrupt().await.success());
}
