//! End-to-end tests over the real process: each file is a resource or a promise.
//!
//! | what has to be right | where |
//! |---|---|
//! | one visitor at once over several workflows and sources | `one_person` |
//! | the examples of identity | `identity` |
//! | merges, conflicts, pairs, values, groups and suppressions, decided with the command line alone | `people` |
//! | 64 writers on 100 identifiers, while people undo and decide | `hot` |
//! | reschedules, routing forms, old and odd bodies | `payloads` |
//! | a booking that is moved, given up and paid for is counted once, in every order | `bookings` |
//! | what pages send, and what of it a later booking leaves with | `collect` |
//! | every status with its reason | `statuses` |
//! | the same webhook a thousand times, and after a restart | `duplicates` |
//! | what is refused, the same on both databases | `refusals` |
//! | `kill -9` under load | `kill` |
//! | panics, redrive, publishing in between | `parked`, `publishing` |
//! | what failed is replayed once a workflow is mended, and is delivered once | `replay` |
//! | a journal that is gone or old | `journal` |
//! | destinations that misbehave, deliveries that are postponed | `deliveries` |
//! | batches and their halves, deadlines, limits, the breaker, strict order | `engine` |
//! | 100 destinations on a bad day: no delivery is lost, none gets a second id, one that hangs holds up nobody | `storm` |
//! | every platform takes an event, keeps it while a credential is not valid, and is told what became of it | `platforms` |
//! | of one booking, every platform hears what the booking knows and what the browser session knew | `session` |
//! | access is got once, what is not taken holds everything, and costs no tries | `credentials` |
//! | a suspended tenant's messages wait, and keep their order | `held` |
//! | what is deleted, and brought back | `deletion` |
//! | a source that is connected to Calendly loses nothing that is booked | `calendly` |
//! | of who is erased nothing is left, and nothing brings them back | `erasure` |
//! | what is a test goes to test facilities, and is counted by nobody | `trials` |
//! | the rate and the size at the door, the messages of a month | `quotas` |
//! | what is counted for charts is what the logs say, whatever crashes | `stats` |
//! | the commands of a person, as the binary | `cli` |
//! | the README's tour, command by command | `tour` |
//! | the guide that people come with, by the letter | `guide` |
//! | whole stories of providers, each as it is meant to end | `lab` |
//! | no secret and no personal data in telemetry; one span tree | `telemetry` |
//! | the clients of `examples/`, in other languages | `examples` |
//! | the demo, at its first start and at its second | `quickstart` |
//! | starting, stopping, the admin token | `lifecycle` |
//! | a database of an earlier build | `upgrade` |
//! | the browser tag, in a real browser | `tag` |
//! | TLS at the door and at the admin API, with certificates that change | `tls` |
//! | the invariants of the architecture, one by one | `invariants` |
//! | layers, lengths of files, words | `house` |
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests say at once what fails"
)]

mod backtest;
mod bookings;
mod calendly;
mod cli;
mod code;
mod collect;
mod credentials;
mod deletion;
mod deliveries;
mod duplicates;
mod engine;
mod erasure;
mod examples;
mod guide;
mod held;
mod hot;
mod house;
mod identity;
mod invariants;
mod journal;
mod kill;
mod lab;
mod lifecycle;
mod login;
mod one_person;
mod order;
mod parked;
mod payloads;
mod people;
mod platforms;
mod providers;
mod publishing;
mod quickstart;
mod quotas;
mod refusals;
mod replay;
mod retention;
mod session;
mod stats;
mod statuses;
mod storm;
mod tag;
mod telemetry;
mod tls;
mod tour;
mod trials;
mod upgrade;
