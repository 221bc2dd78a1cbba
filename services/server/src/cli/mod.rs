//! The command line: one file a command. What talks to a server does so through the gRPC API and in no other way.

mod address;
mod backtest;
mod bootstrap;
mod client;
mod code;
mod completions;
mod config;
mod connect;
mod context;
mod dev;
mod doctor;
mod failure;
mod finder;
mod logs;
mod migrate;
mod output;
mod owner;
mod pages;
mod private;
mod proto;
mod quickstart;
mod reach;
mod replay;
mod resources;
mod secret;
mod send;
mod serve;
mod stats;
mod testing;
mod trace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::{
    output::{Format, Out},
    reach::Reach,
};
use crate::config::{Config, Flags, load};

/// Turns webhooks into identified events, one profile a person, and forwards them.
#[derive(Debug, Parser)]
#[command(name = "tributary", version, propagate_version = true, max_term_width = 110)]
struct Cli {
    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    reach: Reach,
    /// How results are written: for people, or as JSON (an object a line where there are many)
    #[arg(long, global = true, value_enum, default_value_t = Format::Table)]
    output: Format,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until told to stop
    Serve,
    /// Start with a demo, send one booking through it, show what became of it, and go on serving
    Quickstart,
    /// Sign a file as its sender would, and post it
    Send(send::Args),
    /// Play a provider: send scenarios of it, and show what the server made of them
    Dev(dev::Args),
    #[command(flatten)]
    Question(Question),
    /// Sign in to a server, and keep that as a context
    Login(context::login::Args),
    /// End the session of a context
    Logout,
    /// Servers that somebody signed in to
    #[command(subcommand)]
    Context(context::command::Action),
    /// Bring the database to this build's schema
    Migrate(migrate::Args),
    /// Check what has to be in order, and say what to do where it is not
    Doctor,
    /// Show the configuration in force, secrets masked
    Config,
    /// Write the descriptors of the gRPC API, for clients that read them instead of generated code
    Proto(proto::Args),
    /// Write a completion script for a shell
    Completions(completions::Args),
}

/// What a running server is asked.
#[derive(Debug, Subcommand)]
enum Question {
    /// Make an agency and its first owner
    Bootstrap(bootstrap::Args),
    /// Make a tenant's sources, workflows and destinations as files say: shows a plan, and asks before it is done
    Apply(code::apply::Args),
    /// Show what `apply` would do; the exit code is 0 when there is nothing to do, 2 when there is, 1 for an error
    Diff(code::diff::Args),
    /// Write a tenant's sources, workflows and destinations as `apply` reads them
    Export(code::export::Args),
    /// Show what came in, what workflows did with it, and where it went
    #[command(subcommand)]
    Logs(Box<logs::Log>),
    /// Show a message's whole life
    Trace(trace::Args),
    /// Process messages again, or send deliveries again
    #[command(subcommand)]
    Replay(Box<replay::Again>),
    /// Long work that goes on behind its call, such as replays
    #[command(subcommand)]
    Operations(resources::operations::Action),
    /// People who work for an agency
    #[command(subcommand)]
    Members(resources::members::Action),
    /// What services of an agency call with
    #[command(subcommand)]
    ApiKeys(resources::api_keys::Action),
    /// Client accounts
    #[command(subcommand)]
    Tenants(resources::tenants::Action),
    /// Where messages come from
    #[command(subcommand)]
    Sources(resources::sources::Action),
    /// Connect a source to an account at its provider, and have it looked after
    #[command(subcommand)]
    Connect(connect::Account),
    /// Take a source's connection to its provider away, there and here
    Disconnect(resources::Choice),
    /// What turns messages into events
    #[command(subcommand)]
    Workflows(resources::workflows::Action),
    /// Where events are forwarded
    #[command(subcommand)]
    Destinations(resources::destinations::Action),
    /// People
    #[command(subcommand)]
    Profiles(resources::profiles::Action),
    /// Accounts and companies that people belong to
    #[command(subcommand)]
    Groups(resources::groups::Action),
    /// People whom a tenant leaves alone
    #[command(subcommand)]
    Suppressions(resources::suppressions::Action),
    /// Bookings, each however often it is moved, and what was told of them
    #[command(subcommand)]
    Conversions(resources::conversions::Action),
    /// What workflows made of messages
    #[command(subcommand)]
    Events(resources::events::Action),
    /// Show what happened over time
    Stats(stats::Args),
}

/// Does what the command line says. Errors go to standard error, in one line; a reader who stopped reading is none.
pub(crate) fn main() -> ExitCode {
    match dispatch(Cli::parse()) {
        Ok(code) => code,
        Err(error) if output::is_closed(&error) => ExitCode::SUCCESS,
        Err(error) => {
            failure::tell(&error);
            ExitCode::FAILURE
        }
    }
}

fn dispatch(cli: Cli) -> anyhow::Result<ExitCode> {
    let out = Out::new(cli.output);
    let config = load(&cli.flags);
    match cli.command {
        Command::Serve => serve::run(&config?),
        Command::Quickstart => quickstart::run(config?, &out),
        Command::Send(args) => send::run(&args, &config?, &cli.reach, &out),
        Command::Dev(args) => {
            let says_folder = cli.flags.says_data_dir();
            client::runtime()?.block_on(dev::run(&args, &config?, &cli.reach, says_folder, &out))
        }
        Command::Question(question) => {
            let says_folder = cli.flags.says_data_dir();
            client::runtime()?.block_on(ask(question, &cli.reach, &config?, says_folder, &out))
        }
        Command::Login(args) => {
            client::runtime()?.block_on(context::login::run(&args, &cli.reach, &config?, &out))
        }
        Command::Logout => client::runtime()?.block_on(context::logout::run(&cli.reach, &config?, &out)),
        Command::Context(action) => {
            client::runtime()?.block_on(context::command::run(&action, &cli.reach, &config?, &out))
        }
        Command::Migrate(args) => migrate::run(&args, &config?, &out),
        // A configuration that cannot be read is a finding, not the end.
        Command::Doctor => doctor::run(config, &cli.reach, &out),
        Command::Config => config::run(&config?, &out),
        Command::Proto(args) => proto::run(&args, &out),
        Command::Completions(args) => completions::run(&args, &out),
    }
}

async fn ask(
    question: Question,
    reach: &Reach,
    config: &Config,
    says_folder: bool,
    out: &Out,
) -> anyhow::Result<ExitCode> {
    let client = context::connect(reach, config, says_folder).await?;
    match question {
        Question::Apply(args) => return code::apply::run(&args, &client, out).await,
        Question::Diff(args) => return code::diff::run(&args, &client, out).await,
        Question::Export(args) => code::export::run(&args, &client, out).await,
        Question::Bootstrap(args) => bootstrap::run(args, &client, out).await,
        Question::Members(action) => resources::members::run(action, &client, out).await,
        Question::ApiKeys(action) => resources::api_keys::run(action, &client, out).await,
        Question::Logs(log) => logs::run(*log, &client, out).await,
        Question::Trace(args) => trace::run(&args, &client, out).await,
        Question::Replay(again) => replay::run(*again, &client, out).await,
        Question::Operations(action) => resources::operations::run(action, &client, out).await,
        Question::Tenants(action) => resources::tenants::run(action, &client, out).await,
        Question::Sources(action) => resources::sources::run(action, &client, out).await,
        Question::Connect(account) => connect::connect(account, &client, out).await,
        Question::Disconnect(choice) => connect::disconnect(&choice, &client, out).await,
        Question::Workflows(action) => resources::workflows::run(action, &client, out).await,
        Question::Destinations(action) => resources::destinations::run(action, &client, out).await,
        Question::Profiles(action) => resources::profiles::run(action, &client, out).await,
        Question::Groups(action) => resources::groups::run(action, &client, out).await,
        Question::Suppressions(action) => resources::suppressions::run(action, &client, out).await,
        Question::Conversions(action) => resources::conversions::run(action, &client, out).await,
        Question::Events(action) => resources::events::run(action, &client, out).await,
        Question::Stats(args) => stats::run(&args, &client, out).await,
    }?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_command_tree_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_flags_stand_before_or_behind_the_command() {
        for line in ["tributary --output json trace msg_x", "tributary trace msg_x --output json"] {
            let cli = parse(line).unwrap();
            assert_eq!(cli.output, Format::Json);
            assert!(matches!(cli.command, Command::Question(Question::Trace(_))));
        }
    }

    #[test]
    fn commands_take_what_they_need_and_nothing_else() {
        for line in [
            "tributary serve --data-dir x",
            "tributary logs source --follow",
            "tributary logs workflow calendly_booking --tenant demo",
            "tributary send --repeat 100 --rate 50 --fresh",
            "tributary send --provider shopify --event orders/create --url http://x/in/y",
            "tributary dev --list",
            "tributary dev all --tenant demo",
            "tributary dev calendly_moved a.yaml --url http://x/in/y --key k",
            "tributary sources providers",
            "tributary profiles get email:ann@example.com",
            "tributary profiles erase email:ann@example.com --yes",
            "tributary profiles erasure opn_x",
            "tributary profiles export email:ann@example.com",
            "tributary suppressions add email:ann@example.com phone:+14045550142 --label asked --destination crm",
            "tributary suppressions add --file people.txt",
            "tributary tenants personal-data demo --from editor",
            "tributary groups list --type account_id --profile email:ann@example.com",
            "tributary groups members account_id:acme --limit 5",
            "tributary destinations consent crm --require ads --require mail --unknown allow",
            "tributary destinations consent crm --none",
            "tributary destinations test crm --event evt_x --send",
            "tributary destinations test crm --name Purchase",
            "tributary destinations quality --since 7d",
            "tributary destinations quality crm --by hour",
            "tributary tenants tests acme --email *@acme.example --header x-tributary-test=*",
            "tributary tenants tests acme --none",
            "tributary suppressions remove email:ann@example.com",
            "tributary suppressions list --erased",
            "tributary replay messages calendly --since 2h --run-status mapping-not-found --dry-run",
            "tributary replay deliveries --status failed --since 7d --yes --output json",
            "tributary operations watch opn_x",
            "tributary events list --name Schedule --profile email:ann@example.com",
            "tributary events names --source calendly",
            "tributary sources samples calendly --limit 5",
            "tributary workflows sample calendly_booking",
            "tributary workflows update calendly_booking --sample-message none",
            "tributary workflows update calendly_booking --draft a.yaml --delay 15m --order 2",
            "tributary workflows create booking --source calendly --preset calendly_booking --delay 0s",
            "tributary workflows publish booking --note first",
            "tributary workflows versions booking",
            "tributary workflows compare booking --from 1 --to 2",
            "tributary workflows rollback booking --to 1 --draft",
            "tributary sources create calendly --provider calendly --signing-key-env KEY --drafts",
            "tributary connect calendly --tenant acme --reach user --no-shows --routing-forms",
            "tributary connect calendly bookings --access-token-env TOKEN",
            "tributary disconnect calendly --tenant acme",
            "tributary sources reconcile calendly --since 2d",
            "tributary sources suggest forms --body a.json --write a.yaml",
            "tributary sources presets calendly",
            "tributary stats",
            "tributary stats calendly --by hour --since 2h",
            "tributary stats --agency acme",
            "tributary migrate --plan",
            "tributary proto",
            "tributary proto api.binpb",
            "tributary completions bash",
            "tributary apply -f a.yaml -f folder --prune --yes",
            "tributary diff -f - --context prod",
            "tributary login --server https://x --email a@example.com --password-stdin",
            "tributary context use local",
        ] {
            assert!(parse(line).is_ok(), "{line}");
        }
        for line in [
            "tributary",
            "tributary trace",
            "tributary logs",
            "tributary sources get",
            "tributary replay",
            "tributary replay messages --follow",
            "tributary stats calendly --agency acme",
            "tributary stats --by week",
            "tributary sources samples calendly --limit 6",
            "tributary workflows update calendly_booking",
            "tributary workflows update calendly_booking --delay soon",
            "tributary workflows create booking --preset a --draft b",
            "tributary workflows rollback booking --to 0",
            "tributary sources create calendly --signing-key-env KEY --signing-key-file key",
            "tributary connect",
            "tributary connect calendly --access-token-stdin --access-token-env TOKEN",
            "tributary disconnect",
            "tributary sources reconcile calendly",
            "tributary destinations consent crm",
            "tributary destinations consent crm --none --require ads",
            "tributary tenants personal-data demo",
            "tributary tenants tests acme",
            "tributary tenants tests acme --none --email a@b",
            "tributary destinations test crm --event evt_x --name Purchase",
            "tributary send --rate 0",
            "tributary send --repeat 0",
            "tributary send --provider nobody",
            "tributary dev",
            "tributary dev a --key k",
            "tributary dev a --url u --tenant t",
            "tributary serve --follow",
            "tributary completions klingon",
            "tributary apply",
            "tributary context",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
