//! `tributary profiles export`.
//!
//! One JSON object: `profile`, then the lists `identifiers` (those that the profile does not list itself), `conflicts`, `merges`
//! and `conversions`, then `log`, a list of objects with one member each, `message`, `event` or `delivery`, in the order of the
//! contract's export. It is written as it comes: it can be large.

use std::io::{self, Write};

use anyhow::bail;
use serde_json::Value;
use tributary_proto::admin::v1::{ExportProfileRequest, export_profile_response::Part};

use crate::cli::{
    client::{Client, refused},
    output::json,
};

/// The lists, in the order in which the parts of them come.
const LISTS: [&str; 5] = ["identifiers", "conflicts", "merges", "conversions", "log"];

/// Writes the export of the profile of this name to standard output.
///
/// # Errors
/// When the server refuses or ends it early, or standard output cannot be written to.
pub(super) async fn write(name: &str, client: &Client) -> anyhow::Result<()> {
    let request = ExportProfileRequest { name: name.to_owned() };
    let mut parts = client.privacy().export_profile(request).await.map_err(refused)?.into_inner();
    let mut out = io::stdout().lock();
    let Some(Part::Profile(profile)) = parts.message().await.map_err(refused)?.and_then(|part| part.part)
    else {
        bail!("the server did not begin with the profile");
    };
    write!(out, "{{\"profile\":{},\n\"{}\":[", json(&profile)?, LISTS[0])?;
    let (mut list, mut is_first) = (0, true);
    while let Some(part) = parts.message().await.map_err(refused)? {
        let Some((of, value)) = part.part.as_ref().map(entry).transpose()?.flatten() else { continue };
        let of = LISTS.iter().position(|name| *name == of).unwrap_or(list);
        is_first |= of > list;
        begin(&mut out, &mut list, of)?;
        write!(out, "{}\n{value}", if is_first { "" } else { "," })?;
        is_first = false;
    }
    begin(&mut out, &mut list, LISTS.len() - 1)?;
    writeln!(out, "]}}")?;
    Ok(out.flush()?)
}

/// Ends the lists that come before this one, and begins it.
fn begin(out: &mut impl Write, list: &mut usize, wanted: usize) -> io::Result<()> {
    while *list < wanted {
        *list += 1;
        write!(out, "],\n\"{}\":[", LISTS[*list])?;
    }
    Ok(())
}

/// Where a part stands, and as what.
fn entry(part: &Part) -> anyhow::Result<Option<(&'static str, Value)>> {
    let in_log = |name: &str, value| Some(("log", serde_json::json!({ name: value })));
    Ok(match part {
        Part::Profile(_) => None,
        Part::Identifier(identifier) => Some(("identifiers", json(identifier)?)),
        Part::Conflict(conflict) => Some(("conflicts", json(conflict)?)),
        Part::Merge(merge) => Some(("merges", json(merge)?)),
        Part::Conversion(conversion) => Some(("conversions", json(conversion)?)),
        Part::Message(message) => in_log("message", json(message)?),
        Part::Event(event) => in_log("event", json(event)?),
        Part::Delivery(delivery) => in_log("delivery", json(delivery)?),
    })
}
