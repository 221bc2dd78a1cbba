//! A real process over real files, killed in the middle of its appends: everything it saw acknowledged is there.
//!
//! `TRIBUTARY_KILLS` sets the number of kills.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use bytes::Bytes;
use tributary_domain::{
    id::{MessageId, SourceId, TenantId},
    partition::PartitionSet,
    time::Timestamp,
};
use tributary_journal::{
    Accepted, Journal, ReadLimit,
    log::{LocalLog, LogOptions},
};

/// Tells the child process where the journal is.
const CHILD_DIR: &str = "TRIBUTARY_TEST_JOURNAL";
const KILLS: &str = "TRIBUTARY_KILLS";
/// How many appends wait at a time.
const APPENDERS: u64 = 32;

fn options() -> LogOptions {
    LogOptions {
        segment_bytes: 1024 * 1024,
        record_bytes: 512 * 1024,
        reserve_bytes: 0,
        ..LogOptions::default()
    }
}

fn message(number: u64) -> Accepted {
    Accepted {
        tenant: TenantId::new(1, u128::from(number % 5)),
        source: SourceId::new(1, 1),
        message: MessageId::new(number, 0),
        received: Timestamp::from_millis(1),
        signature_valid: true,
        trace_parent: None,
        headers: Vec::new(),
        body: Bytes::from(vec![number as u8; (number % 4_000) as usize]),
    }
}

/// The child: appends without end and prints "sequence number" for each that was acknowledged. Of an ordinary run of
/// the tests it is not a part.
#[test]
fn child_appends_until_it_is_killed() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    runtime.block_on(async {
        let (log, recovery) = LocalLog::open(Path::new(&dir), options(), 0, 7).expect("opens");
        let log = Arc::new(log);
        let appenders = (0..APPENDERS).map(|appender| {
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                for round in 0.. {
                    let number = recovery.tail * 1_000 + round * APPENDERS + appender;
                    let sequence = log.append(message(number)).await.expect("appends");
                    // One write of one line: the pipe takes it whole or not at all.
                    let line = format!("ack {sequence} {number}\n");
                    std::io::stdout().lock().write_all(line.as_bytes()).expect("the parent reads");
                }
            })
        });
        for appender in appenders.collect::<Vec<_>>() {
            appender.await.expect("appends without end");
        }
    });
}

/// Runs a child until it has had `enough` acknowledgements, kills it, and returns all it had.
fn run_and_kill(dir: &Path, enough: usize) -> Vec<(u64, u64)> {
    let mut child = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "child_appends_until_it_is_killed", "--nocapture"])
        .env(CHILD_DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut acknowledged = Vec::new();
    for line in lines.map_while(Result::ok) {
        // The harness prints, too, and the first line of the child may follow its text.
        let Some((_, numbers)) = line.split_once("ack ") else { continue };
        let Some((sequence, number)) = numbers.split_once(' ') else { continue };
        acknowledged.push((sequence.parse().expect("a number"), number.parse().expect("a number")));
        if acknowledged.len() == enough {
            child.kill().expect("kills");
        }
    }
    child.wait().expect("ends");
    assert!(acknowledged.len() >= enough, "the child ended by itself");
    acknowledged
}

async fn contents(dir: &Path) -> BTreeMap<u64, Accepted> {
    let (log, _) = LocalLog::open(dir, options(), 0, 8).expect("opens after a kill");
    let limit = ReadLimit { messages: 1_000, bytes: usize::MAX };
    let (mut found, mut after) = (BTreeMap::new(), 0);
    while after < log.tail() {
        let batch = log.read(PartitionSet::all(), after, limit).await.expect("reads");
        for entry in batch.entries {
            assert!(entry.sequence > after, "in order");
            after = entry.sequence;
            found.insert(entry.sequence, entry.message);
        }
    }
    log.close().await;
    found
}

#[tokio::test]
async fn what_was_acknowledged_survives_kills() {
    if std::env::var_os(CHILD_DIR).is_some() {
        return;
    }
    let kills = std::env::var(KILLS).ok().and_then(|kills| kills.parse().ok()).unwrap_or(30);
    let mut dir = tempfile::tempdir().expect("a folder");
    let mut acknowledged = BTreeMap::new();
    for round in 0..kills {
        for (sequence, number) in run_and_kill(dir.path(), 1 + (round * 97) % 400) {
            let before = acknowledged.insert(sequence, number);
            assert_eq!(before, None, "sequence {sequence} was given twice");
        }
        let found = contents(dir.path()).await;
        for (sequence, number) in &acknowledged {
            assert_eq!(found.get(sequence), Some(&message(*number)), "{sequence} was acknowledged");
        }
        for stored in found.values() {
            let number = (stored.message.bits() >> 80) as u64;
            assert_eq!(*stored, message(number), "nobody sent this");
        }
        if round % 10 == 9 {
            dir = tempfile::tempdir().expect("a folder");
            acknowledged.clear();
        }
    }
}
