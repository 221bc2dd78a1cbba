//! `tributary profiles export`.
//!
//! One JSON object: `profile`, then `conflicts`, a list, then `log`, a list of objects with one member each, `message`,
//! `event` or `delivery`, in the order of the contract's export. It is written as it comes: it can be large.

use std::io::{self, Write};

use anyhow::bail;
use serde_json::Value;
use tributary_proto::admin::v1::{ExportProfileRequest, export_profile_response::Part};

use crate::cli::{
    client::{Client, refused},
    output::json,
};

/// Which list is being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    Conflicts,
    Log,
}

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
    write!(out, "{{\"profile\":{},\n\"conflicts\":[", json(&profile)?)?;
    let (mut list, mut is_first) = (List::Conflicts, true);
    while let Some(part) = parts.message().await.map_err(refused)? {
        let Some((of, value)) = part.part.as_ref().map(entry).transpose()?.flatten() else { continue };
        if of != list {
            write!(out, "],\n\"log\":[")?;
            (list, is_first) = (of, true);
        }
        write!(out, "{}\n{value}", if is_first { "" } else { "," })?;
        is_first = false;
    }
    if list == List::Conflicts {
        write!(out, "],\n\"log\":[")?;
    }
    writeln!(out, "]}}")?;
    Ok(out.flush()?)
}

/// Where a part stands, and as what.
fn entry(part: &Part) -> anyhow::Result<Option<(List, Value)>> {
    let in_log = |name: &str, value| Some((List::Log, serde_json::json!({ name: value })));
    Ok(match part {
        Part::Profile(_) => None,
        Part::Conflict(conflict) => Some((List::Conflicts, json(conflict)?)),
        Part::Message(message) => in_log("message", json(message)?),
        Part::Event(event) => in_log("event", json(event)?),
        Part::Delivery(delivery) => in_log("delivery", json(delivery)?),
    })
}
