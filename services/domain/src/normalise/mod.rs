//! Normalise, validate, compare: what a value must be to count as an identifier of a person.
//!
//! A value is brought to one form, and refused when it cannot be a person's. Two values are the same identifier
//! exactly when their normal forms are equal. Normalising is idempotent: the normal form of a normal form is itself.

pub(crate) mod blocked;
pub mod cluid;
mod email;
mod phone;
mod placeholder;
mod rejection;
mod text;

#[cfg(test)]
mod tests;

pub use phone::phone;
pub use rejection::{Rejection, rule};

use serde_json::Value;

use crate::{
    identity::{Identifier, IdentifierType},
    tenant::TenantSettings,
};

/// The version of these rules, stored with every identifier; raised when a normal form changes.
pub const VERSION: i32 = 1;

/// Makes an identifier of type `kind` of a mapped value, by the settings of its tenant.
///
/// # Errors
/// The rule that refuses the value.
pub fn identifier(
    kind: &IdentifierType,
    value: &Value,
    tenant: &TenantSettings,
) -> Result<Identifier, Rejection> {
    let raw = text::of_value(value)?;
    let cleaned = text::clean(&raw)?;
    placeholder::check(&cleaned)?;
    let normal = match kind.as_str() {
        IdentifierType::EMAIL => email::normalise(&cleaned)?,
        IdentifierType::PHONE => {
            phone(&cleaned, &tenant.default_country).ok_or(Rejection { rule: rule::NOT_A_PHONE })?
        }
        IdentifierType::CLUID => cluid::normalise(&cleaned).ok_or(Rejection { rule: rule::NOT_A_CLUID })?,
        _ => cleaned.clone(),
    };
    text::check_length(&normal)?;
    blocked::check(kind, &cleaned, &normal, tenant)?;
    let raw = (raw != normal).then_some(raw);
    Ok(Identifier { kind: kind.clone(), value: normal, raw })
}
