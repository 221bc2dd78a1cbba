//! The tenant's own list of values that are never a person.

use super::{Rejection, phone::phone, placeholder::unquoted, rule, text};
use crate::{identity::IdentifierType, tenant::TenantSettings};

/// Refuses a value that the tenant blocks, as it came or in its normal form, whatever its case or quotes; a phone
/// number also when it is blocked in another notation.
pub(super) fn check(
    kind: &IdentifierType,
    cleaned: &str,
    normal: &str,
    tenant: &TenantSettings,
) -> Result<(), Rejection> {
    if tenant.blocked_values.is_empty() {
        return Ok(());
    }
    let (cleaned, folded) = (text::fold(unquoted(cleaned)), text::fold(normal));
    let is_blocked =
        tenant.blocked_values.iter().filter_map(|value| text::clean(value).ok()).any(|blocked| {
            let listed = text::fold(unquoted(&blocked));
            listed == cleaned
                || listed == folded
                || kind.as_str() == IdentifierType::PHONE
                    && phone(&blocked, &tenant.default_country).as_deref() == Some(normal)
        });
    if is_blocked { Err(Rejection { rule: rule::BLOCKED_VALUE }) } else { Ok(()) }
}
