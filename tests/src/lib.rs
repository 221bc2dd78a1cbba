//! What the end-to-end tests are written with. Nothing here shares code with the house but the contract: the tests
//! start the real binary, and look at it from outside.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "part of the tests: what fails has to say so at once"
)]

mod api;
mod binary;
mod booking;
mod browser;
mod calendly;
mod clock;
mod collector;
mod database;
mod eventually;
mod examples;
mod front;
mod json;
mod listen;
mod load;
mod logs;
mod platforms;
mod post;
mod raw;
mod scheduler;
mod server;
mod setup;
mod sign;
mod sink;
mod site;
mod spec;
mod web;

pub use api::{Api, Caller};
pub use binary::binary;
pub use booking::{Booking, cluid};
pub use browser::{Browser, Page, Visitor};
pub use calendly::{Calendly, Role};
pub use clock::{now_micros, now_seconds, to_micros};
pub use collector::Collector;
pub use database::{Database, databases};
pub use eventually::{PATIENCE, eventually, eventually_within};
pub use examples::Language;
pub use front::{Collected, Front};
pub use json::{from_value, to_struct, to_value};
pub use load::{Load, Posted};
pub use platforms::{
    ACCOUNT, CLIENT_ID, CREDENTIAL, Call, Fault, Google, Grants, Platforms, RENEWED, Seen, Storm, Told,
    service_account,
};
pub use post::Answer;
pub use raw::{raw_post, slow_body};
pub use scheduler::{CALENDLY, Scheduler};
pub use server::{Server, ServerBuilder};
pub use setup::{Destination, Source, Tenant, Workflow};
pub use sign::{calendly_signature, hmac_sha256};
pub use sink::{Received, Reply, Sink};
pub use site::{SHOP, Site};
pub use spec::{Spec, condition, constant, path};
