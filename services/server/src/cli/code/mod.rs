//! Configuration as code: `tributary apply`, `diff` and `export`. Files say what a tenant's sources, workflows and
//! destinations shall be; a plan is worked out from them and from what is there, shown, and carried out.

mod actual;
pub(super) mod apply;
mod carry;
pub(super) mod diff;
mod difference;
pub(super) mod export;
mod fault;
mod file;
mod form;
mod path;
mod plan;
mod resource;
mod secret;
mod section;
mod show;
pub(super) mod spec;
mod target;
mod tree;
pub(super) mod yaml;
