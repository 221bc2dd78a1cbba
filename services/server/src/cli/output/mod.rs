//! How results are written: as tables and trees for people, as JSON for programs.

mod contract;
mod listed;
mod out;
pub(super) mod table;
mod text;
pub(super) mod time;
mod tree;
pub(super) mod value;

pub(super) use contract::{Contract, descriptor, dynamic, json};
pub(super) use listed::{Listed, id, list, one};
pub(super) use out::{Format, Out, is_closed};
pub(super) use text::{Style, Text, cut};
pub(super) use tree::Tree;
