//! Mapping: where a value comes from, and what is done to it.

pub(crate) mod answer;
mod compiled;
#[cfg(test)]
pub(crate) mod fixture;
mod input;
mod loss;
pub(crate) mod moment;
pub(crate) mod number;
mod path;
mod scope;
mod step;
mod template;
pub(crate) mod value;

pub(crate) use {
    compiled::{CompiledMapping, Mapped},
    input::CompiledInput,
    loss::Loss,
    path::CompiledPath,
    scope::{Budget, Scope},
};
pub use {
    path::{PathFault, json_path},
    scope::MessageView,
};
