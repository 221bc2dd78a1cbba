//! Between the contract and the domain.

pub(crate) mod enums;
pub(crate) mod grant;
pub(crate) mod identifier;
pub(crate) mod spec;
pub(crate) mod status;
pub(crate) mod value;
