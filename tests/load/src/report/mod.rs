//! What was found, and how it is shown.

mod book;
mod chart;
pub(crate) mod goals;
mod summary;
mod table;

use std::{
    fs,
    io::{self, Write},
};

use anyhow::Context;

pub(crate) use book::{Book, CeilingSample, Sample};
pub(crate) use summary::Report;

use crate::options::Options;

/// Says what is going on, on standard error: the results have standard output for themselves.
pub(crate) fn tell(text: &str) -> io::Result<()> {
    writeln!(io::stderr(), "{text}")
}

impl Report {
    /// Prints the table, and writes the files that were asked for.
    pub(crate) fn write(&self, options: &Options) -> anyhow::Result<()> {
        writeln!(io::stdout(), "{}", table::draw(self))?;
        if let Some(file) = &options.json {
            let json = serde_json::to_vec_pretty(self)?;
            fs::write(file, json).with_context(|| format!("{} cannot be written", file.display()))?;
        }
        if let Some(file) = &options.svg {
            let drawing = chart::draw(&self.lines());
            fs::write(file, drawing).with_context(|| format!("{} cannot be written", file.display()))?;
        }
        Ok(())
    }
}
