//! `tributary export`.

use std::collections::BTreeSet;

use serde_json::Value as Json;
use tributary_proto::admin::v1::{Destination, Source, Workflow};

use super::{
    actual::Actual,
    form,
    resource::{self, Fields},
    section::VERSION,
    target::{Of, Target},
    tree::Tree,
};
use crate::cli::{client::Client, output::Out};

/// What stands before secrets.
const SECRETS: &str = "secrets are not exported: set these variables, or refer to { file: PATH }";

/// What is exported.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    of: Of,
}

/// Writes a tenant's configuration as `apply` reads it.
///
/// # Errors
/// When the server refuses, or there is no such tenant.
pub(in crate::cli) async fn run(args: &Args, client: &Client, out: &Out) -> anyhow::Result<()> {
    let Target::There(tenant) = args.of.find(client, None).await? else {
        anyhow::bail!("there is no such tenant");
    };
    let tree = whole(&Actual::of(client, *tenant).await?)?;
    if out.is_json() {
        return Ok(out.json(&tree.to_json())?);
    }
    Ok(out.line(tree.to_yaml().trim_end())?)
}

/// Everything of a tenant.
fn whole(actual: &Actual) -> anyhow::Result<Tree> {
    let mut exporter = Exporter::default();
    let mut file = vec![("tributary".to_owned(), Tree::Leaf(VERSION.into()))];
    if let Some(tenant) = &actual.tenant {
        let fields = resource::tenant(tenant)?;
        let members = vec![
            ("key".to_owned(), Tree::Leaf(tenant.key.as_str().into())),
            ("display_name".to_owned(), Tree::Leaf(tenant.display_name.as_str().into())),
            ("settings".to_owned(), Tree::of(&fields["settings"])),
        ];
        file.push(("tenant".to_owned(), Tree::Map(members)));
    }
    let sources = actual.sources.iter().map(|source| exporter.source(source, actual));
    file.push(("sources".to_owned(), Tree::List(sources.collect::<anyhow::Result<_>>()?)));
    let destinations = actual.destinations.iter().map(|it| exporter.destination(it));
    file.push(("destinations".to_owned(), Tree::List(destinations.collect::<anyhow::Result<_>>()?)));
    Ok(Tree::Map(file))
}

/// Puts a field where it is set, in the order that the contract has below it.
fn put(members: &mut Vec<(String, Tree)>, name: &str, tree: Tree) {
    let is_empty = match &tree {
        Tree::Leaf(leaf) => leaf.is_null(),
        Tree::Map(below) => below.is_empty(),
        Tree::List(_) | Tree::Commented(..) => false,
    };
    if !is_empty {
        members.push((name.to_owned(), tree));
    }
}

fn leaf(text: &str) -> Tree {
    Tree::Leaf(text.into())
}

#[derive(Debug, Default)]
struct Exporter {
    /// The names of variables that were given out.
    variables: BTreeSet<String>,
}

impl Exporter {
    /// A reference to a secret by a variable whose name says what it is.
    fn reference(&mut self, parts: &[&str]) -> Tree {
        let upper = parts.join("_").to_ascii_uppercase();
        let name: String =
            upper.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect();
        let mut free = name.clone();
        let mut number = 1;
        while !self.variables.insert(free.clone()) {
            number += 1;
            free = format!("{name}_{number}");
        }
        Tree::Map(vec![("env".to_owned(), Tree::Leaf(free.into()))])
    }

    fn source(&mut self, source: &Source, actual: &Actual) -> anyhow::Result<Tree> {
        let fields = resource::source(source)?;
        let mut members = vec![
            ("key".to_owned(), leaf(&source.key)),
            ("provider".to_owned(), leaf(&source.provider)),
            ("display_name".to_owned(), leaf(&source.display_name)),
        ];
        put(&mut members, "settings", Tree::of(&fields["settings"]));
        put(&mut members, "body_limit", Tree::of(&fields["body_limit"]));
        if !source.masked_signing_keys.is_empty() {
            let keys = source.masked_signing_keys.iter();
            let keys = keys.map(|_| self.reference(&["source", &source.key, "signing_key"])).collect();
            members.push(("signing_keys".to_owned(), commented(Tree::List(keys))));
        }
        let workflows = actual.workflows_of(source).into_iter().enumerate();
        let workflows = workflows.map(|(index, it)| workflow(it, index)).collect::<anyhow::Result<_>>()?;
        members.push(("workflows".to_owned(), Tree::List(workflows)));
        Ok(Tree::Map(members))
    }

    fn destination(&mut self, destination: &Destination) -> anyhow::Result<Tree> {
        let fields = resource::destination(destination)?;
        let mut members = vec![
            ("key".to_owned(), leaf(&destination.key)),
            ("platform".to_owned(), leaf(&destination.platform)),
            ("display_name".to_owned(), leaf(&destination.display_name)),
        ];
        put(&mut members, "settings", Tree::of(&fields["settings"]));
        if !destination.masked_secrets.is_empty() {
            let names = destination.masked_secrets.keys();
            let secrets = names
                .map(|name| (name.clone(), self.reference(&["destination", &destination.key, name])))
                .collect();
            members.push(("secrets".to_owned(), commented(Tree::Map(secrets))));
        }
        if let Some(filter) = &destination.filter {
            members.push(("filter".to_owned(), form::write(filter)?));
        }
        put(&mut members, "consent", Tree::of(&fields["consent"]));
        put(&mut members, "event_names", Tree::of(&fields["event_names"]));
        Ok(Tree::Map(members))
    }
}

fn commented(tree: Tree) -> Tree {
    Tree::Commented(SECRETS.to_owned(), Box::new(tree))
}

/// A workflow, which is at this place among those of its source.
fn workflow(workflow: &Workflow, index: usize) -> anyhow::Result<Tree> {
    let fields: Fields = resource::workflow(workflow)?;
    let mut members = vec![
        ("key".to_owned(), leaf(&workflow.key)),
        ("display_name".to_owned(), leaf(&workflow.display_name)),
    ];
    if i32::try_from(index) != Ok(workflow.order) {
        members.push(("order".to_owned(), Tree::Leaf(workflow.order.into())));
    }
    put(&mut members, "delay", Tree::of(&fields["delay"]));
    let draft = form::write(&workflow.draft.clone().unwrap_or_default())?;
    match &workflow.published {
        Some(published) => {
            members.push(("spec".to_owned(), form::write(published)?));
            if fields["draft"] != fields["published"] {
                members.push(("draft".to_owned(), draft));
            }
        }
        None => {
            members.push(("publish".to_owned(), Tree::Leaf(Json::Bool(false))));
            members.push(("spec".to_owned(), draft));
        }
    }
    Ok(Tree::Map(members))
}
