//! `tributary tenants tests`: which messages of a tenant are tests.

use anyhow::anyhow;
use prost_types::FieldMask;
use tributary_proto::admin::v1::{Tenant, TenantSettings, TestRule, UpdateTenantRequest, test_rule::Kind};

use crate::cli::{
    client::{Client, refused},
    finder,
    output::{Out, one},
};

/// Whose tests, and which they are.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Its key, id or name
    #[arg(value_name = "NAME")]
    which: String,
    /// An e-mail address of an event; * stands for any letters, such as in *@agency.example; can be repeated, as all of these
    #[arg(long = "email", value_name = "PATTERN", required_unless_present_any = ["headers", "answers", "paths", "none"])]
    emails: Vec<String>,
    /// A header of the request, such as x-tributary-test=*
    #[arg(long = "header", value_name = "NAME=PATTERN")]
    headers: Vec<String>,
    /// The answer to a question of a form, such as Coupon=internal*
    #[arg(long = "answer", value_name = "QUESTION=PATTERN")]
    answers: Vec<String>,
    /// The value at a path of the body, such as $.livemode=false
    #[arg(long = "path", value_name = "PATH=PATTERN")]
    paths: Vec<String>,
    /// No message is a test any more
    #[arg(long, conflicts_with_all = ["emails", "headers", "answers", "paths"])]
    none: bool,
}

/// Sets the rules, in place of those that were.
///
/// # Errors
/// When one cannot be read, the server refuses, or there is no such tenant.
pub(super) async fn run(args: Args, client: &Client, out: &Out) -> anyhow::Result<()> {
    let found = finder::pick(finder::tenants(client, usize::MAX).await?, Some(&args.which))?;
    let settings = TenantSettings { test_rules: rules(&args)?, ..TenantSettings::default() };
    let tenant = Some(Tenant { settings: Some(settings), ..found });
    let update_mask = Some(FieldMask { paths: vec!["settings.test_rules".to_owned()] });
    let request = UpdateTenantRequest { tenant, update_mask };
    let changed = client.tenants().update_tenant(request).await.map_err(refused)?.into_inner();
    one(out, &changed.key, &changed.settings.unwrap_or_default())
}

fn rules(args: &Args) -> anyhow::Result<Vec<TestRule>> {
    let rule = |kind: Kind, name: &str, value: &str| TestRule {
        kind: kind.into(),
        name: name.into(),
        value: value.into(),
    };
    let mut rules: Vec<TestRule> = args.emails.iter().map(|email| rule(Kind::Email, "", email)).collect();
    for (flag, kind, pairs) in [
        ("header", Kind::Header, &args.headers),
        ("answer", Kind::Answer, &args.answers),
        ("path", Kind::Path, &args.paths),
    ] {
        for pair in pairs {
            // The last one: a path may have one in a filter, and a question one in it.
            let (name, value) = pair.rsplit_once('=').ok_or_else(|| {
                anyhow!("--{flag} {pair}: expected a name and what stands there, such as name=value")
            })?;
            rules.push(rule(kind, name, value));
        }
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command, FromArgMatches};

    use super::*;

    fn parsed(line: &str) -> Args {
        let command = Args::augment_args(Command::new("tests"));
        Args::from_arg_matches(&command.get_matches_from(line.split('|'))).unwrap()
    }

    #[test]
    fn rules_are_read_as_they_are_written() {
        let line = "tests|acme|--email|*@a.example|--answer|Is 1+1=2?=no|--path|$.a[?@.b=='c'].d=x";
        let told: Vec<_> =
            rules(&parsed(line)).unwrap().into_iter().map(|rule| (rule.name, rule.value)).collect();
        let told: Vec<_> = told.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(told, [("", "*@a.example"), ("Is 1+1=2?", "no"), ("$.a[?@.b=='c'].d", "x")]);
        assert!(rules(&parsed("tests|acme|--header|alone")).is_err());
        assert!(rules(&parsed("tests|acme|--none")).unwrap().is_empty());
    }
}
