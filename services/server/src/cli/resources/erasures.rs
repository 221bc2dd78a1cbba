//! `tributary profiles erase|erasure`.

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::bail;
use tributary_proto::admin::v1::{
    Disclosure, EraseProfileRequest, Erasure, GetErasureRequest, ListDisclosuresRequest, disclosure::State,
};

use super::{OfTenant, profiles};
use crate::cli::{
    client::{Client, refused},
    finder,
    output::{Listed, Out, Style, Text, id, json, list, one, time::moment},
    pages, replay,
};

/// Whom to erase, and how.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The id of the profile, or an identifier such as email:ann@example.com
    #[arg(value_name = "PERSON")]
    which: String,
    /// Do not ask first
    #[arg(long, short)]
    yes: bool,
    /// Do not wait until it is done
    #[arg(long)]
    detach: bool,
    #[command(flatten)]
    of: OfTenant,
}

/// One erasure.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Choice {
    /// The id of its operation, or its name: opn_…
    #[arg(value_name = "ERASURE")]
    which: String,
    #[command(flatten)]
    of: OfTenant,
}

/// Asks, has a person erased, and waits until they are.
///
/// # Errors
/// When the server refuses, nobody is known by that, or nobody agrees.
pub(super) async fn erase(args: Args, client: &Client, out: &Out) -> anyhow::Result<()> {
    let person = profiles::known(client, &args.of, &args.which).await?;
    if !args.yes && !agrees(id(&person.name), person.identifiers.len())? {
        bail!("nobody was erased");
    }
    let request = EraseProfileRequest { name: person.name, ..EraseProfileRequest::default() };
    let operation = client.privacy().erase_profile(request).await.map_err(refused)?.into_inner();
    if !args.detach {
        return replay::watch(&operation.name, client, out).await;
    }
    if out.is_json() {
        return one(out, id(&operation.name), &operation);
    }
    let text = Text::new().with(Style::Bold, id(&operation.name));
    Ok(out.text(&text.plain(" goes on: see how far it is with tributary operations watch"))?)
}

/// Asks on the terminal.
fn agrees(profile: &str, identifiers: usize) -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() {
        bail!("{profile} would be erased: say --yes to do it");
    }
    write!(
        io::stderr(),
        "{profile} with {identifiers} identifiers is erased, and nothing brings it back. Go on? [y/N] "
    )?;
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

/// Shows the receipt of an erasure.
///
/// # Errors
/// When the server refuses, or there is none such.
pub(super) async fn show(choice: &Choice, client: &Client, out: &Out) -> anyhow::Result<()> {
    let name = match choice.which.contains('/') {
        true => choice.which.clone(),
        false => {
            let tenant = finder::tenant(client, choice.of.tenant.as_deref()).await?;
            format!("{tenant}/erasures/{}", choice.which)
        }
    };
    let request = GetErasureRequest { name: name.clone() };
    let erasure = client.privacy().get_erasure(request).await.map_err(refused)?.into_inner();
    let disclosures: Vec<Disclosure> = pages::all(usize::MAX, async |page_size, page_token| {
        let request = ListDisclosuresRequest { parent: name.clone(), page_size, page_token };
        let answer = client.privacy().list_disclosures(request).await?.into_inner();
        Ok((answer.disclosures, answer.next_page_token))
    })
    .await?;
    if out.is_json() {
        let mut receipt = json(&erasure)?;
        let told = disclosures.iter().map(json).collect::<Result<Vec<_>, _>>()?;
        if let Some(receipt) = receipt.as_object_mut() {
            receipt.insert("disclosures".to_owned(), told.into());
        }
        return Ok(out.json(&receipt)?);
    }
    one(out, id(&erasure.name), &erasure)?;
    if disclosures.is_empty() { Ok(()) } else { list(out, &disclosures) }
}

impl Listed for Erasure {
    const COLUMNS: &'static [&'static str] = &["id", "profile", "removed", "begun (UTC)", "ended (UTC)"];

    fn cells(&self) -> Vec<String> {
        let removed: Vec<_> =
            self.removed_counts.iter().map(|(table, rows)| format!("{rows} {table}")).collect();
        vec![
            id(&self.name).to_owned(),
            id(&self.profile).to_owned(),
            removed.join(", "),
            moment(self.erase_time.as_ref()),
            moment(self.complete_time.as_ref()),
        ]
    }
}

impl Listed for Disclosure {
    const COLUMNS: &'static [&'static str] = &["delivery", "destination", "event", "state", "told (UTC)"];

    fn cells(&self) -> Vec<String> {
        let state = match self.state() {
            State::Delivered => "delivered",
            State::Attempted => "attempted",
            State::Unspecified => "unknown",
        };
        vec![
            id(&self.delivery).to_owned(),
            id(&self.destination).to_owned(),
            self.event_name.clone(),
            state.to_owned(),
            moment(self.time.as_ref()),
        ]
    }
}
