//! The measurements, one after the other, each on a fresh folder.

mod acknowledge;
mod backtest;
mod ceiling;
mod deliver;
mod drain;
mod first_byte;
mod ground;
mod grown;
mod logs;
mod start;
mod waiting;
mod whole_way;

use std::time::Duration;

use anyhow::Context;

use self::{ceiling::Ceilings, ground::Ground};
use crate::{
    options::{Measured, Options},
    report::{Book, Report, tell},
};

/// Everything that the options ask for.
pub(crate) async fn run(options: &Options) -> anyhow::Result<Report> {
    let ground = Ground::new(options)?;
    let mut book = Book::default();
    let mut ceilings = Ceilings::measure(&ground).await?;
    for run in 1..=options.runs {
        tell(&format!("run {run} of {}", options.runs))?;
        if options.wants(Measured::P1) {
            let found = acknowledge::measure(&ground).await.context("P1")?;
            found.note_in(&mut book, ceilings.again(&ground).await?);
        }
        if options.wants(Measured::P2) {
            let found = whole_way::measure(&ground).await.context("P2")?;
            found.note_in(&mut book, ceilings.again(&ground).await?);
        }
        if options.wants(Measured::P4) {
            first_byte::measure(&ground, &mut book).await.context("P4")?;
        }
        if options.wants(Measured::P5) {
            let found = deliver::measure(&ground).await.context("P5")?;
            found.note_in(&mut book, ceilings.again(&ground).await?);
        }
    }
    if options.wants(Measured::P5b) {
        waiting::measure(&ground, &mut book).await.context("P5b")?;
    }
    if options.wants(Measured::P6) {
        logs::measure(&ground, &mut book).await.context("P6")?;
    }
    if options.wants(Measured::P8) {
        start::measure(&ground, &mut book).await.context("P8")?;
    }
    if options.wants(Measured::P7) || options.wants(Measured::P8) {
        grown::measure(&ground, &mut book).await.context("P7 and P8")?;
    }
    if options.wants(Measured::P9) {
        backtest::measure(&ground, &mut book).await.context("P9")?;
    }
    Ok(Report::new(options, ceilings.all(), &book))
}

/// Processor time for each of `messages`, in microseconds.
fn cpu_each(cpu: Duration, messages: u64) -> f64 {
    cpu.as_secs_f64() * 1e6 / messages.max(1) as f64
}
