//! Filter: which messages pass, and which clause stopped one.

mod compare;
mod condition;
mod explain;
mod group;
mod standalone;
mod words;

pub use standalone::CompiledFilter;
pub use words::Operand;
pub(crate) use {explain::Failure, group::CompiledGroup};

#[cfg(test)]
mod tests;
