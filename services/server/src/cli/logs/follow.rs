//! Following a log: first the past, then what is told as it happens, with nothing between them lost or shown twice.

use std::collections::HashSet;

use anyhow::bail;
use serde_json::json;
use tonic::Status;
use tonic_types::StatusExt;
use tributary_proto::admin::v1::{TailRequest, tail_response::Entry};

use super::Reading;
use crate::cli::{
    client::{Client, refused},
    output::{
        Listed, Out, Style, Text, json as to_json, list,
        time::{NONE, moment},
    },
};

/// One of the logs.
pub(super) trait Source {
    /// Its entries.
    type Row: Listed;
    /// Its past, in the order that is asked for.
    async fn past(&self, client: &Client, reading: &Reading) -> anyhow::Result<Vec<Self::Row>>;
    /// What has to be listened to.
    fn tail(&self) -> TailRequest;
    /// The log's entries in what is told.
    fn rows(&self, entry: Entry) -> Vec<Self::Row>;
    /// What tells a row from others: the same for the same fact in the past and in what is told.
    fn fact(row: &Self::Row) -> String;
}

/// Shows the past of a log, and follows it if that is wanted.
pub(super) async fn show<S: Source>(
    source: &S,
    reading: &Reading,
    client: &Client,
    out: &Out,
) -> anyhow::Result<()> {
    if !reading.follow {
        let mut past = source.past(client, reading).await?;
        if !reading.oldest {
            past.reverse();
        }
        return list(out, &past);
    }
    // Listened to first, so that nothing is lost between the past and the first thing told.
    let mut told = client.logs().tail(source.tail()).await.map_err(refused)?.into_inner();
    let mut past = source.past(client, reading).await?;
    past.reverse();
    let shown: HashSet<String> = past.iter().map(S::fact).collect();
    list(out, &past)?;
    loop {
        let answer = match told.message().await {
            Ok(Some(answer)) => answer,
            Ok(None) => bail!("the server stopped"),
            // Every stream ends after a while; it is the same log that goes on.
            Err(status) if is_expired(&status) => {
                told = client.logs().tail(source.tail()).await.map_err(refused)?.into_inner();
                continue;
            }
            Err(status) => return Err(refused(status)),
        };
        match answer.entry {
            Some(Entry::SkippedCount(count)) => {
                gap(out, count, &moment(answer.time.as_ref()), &moment(answer.skipped_since_time.as_ref()))?;
            }
            Some(entry) => {
                for row in source.rows(entry).iter().filter(|row| !shown.contains(&S::fact(row))) {
                    append(out, row, &moment(answer.time.as_ref()))?;
                }
            }
            None => {}
        }
    }
}

fn is_expired(status: &Status) -> bool {
    status.get_details_error_info().is_some_and(|info| info.reason == "STREAM_EXPIRED")
}

/// Shows one more entry below those that are there. What is told of an attempt does not say when its delivery was made:
/// the time at which it was told stands there instead.
fn append<T: Listed>(out: &Out, row: &T, told: &str) -> anyhow::Result<()> {
    if out.is_json() {
        return Ok(out.json_line(&to_json(row)?)?);
    }
    let mut cells = row.cells();
    if let Some(first) = cells.first_mut().filter(|cell| *cell == NONE) {
        told.clone_into(first);
    }
    Ok(out.text(&Text::new().plain(" ").plain(cells.join("  ")))?)
}

/// Says that entries are missing here, and how they are found.
fn gap(out: &Out, count: i64, time: &str, since: &str) -> anyhow::Result<()> {
    if out.is_json() {
        return Ok(out.json_line(&json!({ "skippedCount": count, "time": time, "skippedSinceTime": since }))?);
    }
    let words = format!(
        " {time}  {count} entries of the house were left out here, because this reader was too slow: see those received \
         since {since} with --since"
    );
    Ok(out.text(&Text::new().with(Style::Warn, words))?)
}
