//! The tenant's own list of values that are never a person.

use std::borrow::Cow;

use super::{Rejection, phone::phone, placeholder::unquoted, rule, text};
use crate::{identity::IdentifierType, tenant::TenantSettings};

/// So many digits at the end are the same in every notation of one phone number.
const LAST_DIGITS: usize = 4;

/// Refuses a value that the tenant blocks, as it came or in its normal form, whatever its case or quotes; a phone
/// number also when it is blocked in another notation.
pub(crate) fn check(
    kind: &IdentifierType,
    cleaned: &str,
    normal: &str,
    tenant: &TenantSettings,
) -> Result<(), Rejection> {
    if tenant.blocked_values.is_empty() {
        return Ok(());
    }
    let (cleaned, folded) = (text::fold(unquoted(cleaned)), text::fold(normal));
    let is_phone = kind.as_str() == IdentifierType::PHONE;
    let is_blocked = tenant.blocked_values.iter().filter_map(|value| clean(value)).any(|blocked| {
        let listed = unquoted(&blocked);
        is_same(listed, &cleaned)
            || is_same(listed, &folded)
            || is_phone
                && may_be_number(&blocked, normal)
                && phone(&blocked, &tenant.default_country).as_deref() == Some(normal)
    });
    if is_blocked { Err(Rejection { rule: rule::BLOCKED_VALUE }) } else { Ok(()) }
}

/// The list is gone through for every identifier: ASCII, nearly all of it, is one Unicode form already, and what
/// is too long or invisible in it equals nothing that was let through.
fn clean(listed: &str) -> Option<Cow<'_, str>> {
    if listed.is_ascii() {
        let trimmed = listed.trim();
        (!trimmed.is_empty()).then_some(Cow::Borrowed(trimmed))
    } else {
        text::clean(listed).ok().map(Cow::Owned)
    }
}

/// Whether `listed` folds to `folded`.
fn is_same(listed: &str, folded: &str) -> bool {
    if listed.is_ascii() { listed.eq_ignore_ascii_case(folded) } else { text::fold(listed) == folded }
}

/// Whether it is worth to read `listed` by the rules for phone numbers.
fn may_be_number(listed: &str, normal: &str) -> bool {
    let last = |number: &str| {
        let digits = number.bytes().rev().filter(u8::is_ascii_digit);
        digits.take(LAST_DIGITS).collect::<Vec<_>>()
    };
    !listed.is_ascii() || last(listed) == last(normal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_only_where_its_last_digits_are_the_same() {
        assert!(may_be_number("(404) 555-0142", "+14045550142"));
        assert!(!may_be_number("(404) 555-0143", "+14045550142"));
        assert!(may_be_number("٤٠٤٥٥٥٠١٤٣", "+14045550142"), "other digits are left to the rules");
    }
}
