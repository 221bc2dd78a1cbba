//! Things that are shown one by one or as a list.

use super::{Contract, Out, Style, Text, Tree, json, table};

/// What can be a row of a table.
pub(crate) trait Listed: Contract {
    /// The columns.
    const COLUMNS: &'static [&'static str];
    /// One cell for each column.
    fn cells(&self) -> Vec<String>;
}

/// Shows things: a row each for people, an object a line for programs.
///
/// # Errors
/// When standard output cannot be written to.
pub(crate) fn list<T: Listed>(out: &Out, items: &[T]) -> anyhow::Result<()> {
    if out.is_json() {
        for item in items {
            out.json_line(&json(item)?)?;
        }
        return Ok(());
    }
    Ok(table::write(out, T::COLUMNS, items.iter().map(Listed::cells).collect())?)
}

/// Shows one thing with all that is known of it.
///
/// # Errors
/// When standard output cannot be written to.
pub(crate) fn one<T: Contract>(out: &Out, name: &str, item: &T) -> anyhow::Result<()> {
    let value = json(item)?;
    if out.is_json() {
        return Ok(out.json(&value)?);
    }
    Ok(out.tree(&Tree::of_json(Text::new().with(Style::Bold, name), &value))?)
}

/// The last part of a resource's name: its id.
pub(crate) fn id(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}
