//! How platforms find the person of an event: identifiers and traits in each platform's own form, hashed where it wants
//! hashes, and how well they will do.

mod hash;
mod person;
mod rules;
mod score;
mod states;

pub(super) use hash::{hashed, hashed_all};
pub(super) use person::Person;
pub(super) use rules::{
    birth_date, city, country, digits, gender, google_email, lower, name, postal_code, same, state,
};
pub(super) use score::signal;
pub use score::{Quality, Signal, quality};

/// What brings a value to a form; nothing where it has none.
pub(super) type Rule = fn(&str) -> Option<String>;

#[cfg(test)]
mod tests;
