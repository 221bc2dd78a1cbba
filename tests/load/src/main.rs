//! The benchmark: what the house reaches, as ratios to a bare ceiling that is measured in the same run.
//!
//! `cargo run --release -p tributary-load -- --help` says what can be measured. The real binary is started on a
//! fresh folder for each measurement, and shares the machine with the load: so only ratios mean something elsewhere.

mod bench;
mod booking;
mod charts;
mod client;
mod measure;
mod multiply;
mod options;
mod process;
mod report;
mod sink;
mod wire;

use std::process::ExitCode;

use clap::Parser;
use options::Options;

/// The bare ceiling runs in this binary too, with the allocator that the house has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    if options.bare {
        process::ceiling::serve()?;
        return Ok(ExitCode::SUCCESS);
    }
    // One thread: the load needs little, and a second one would only take the house's turn.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(bench::run(&options))?;
    report.write(&options)?;
    Ok(if options.gate && !report.gates_hold() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
