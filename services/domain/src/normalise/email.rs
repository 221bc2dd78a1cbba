//! E-mail addresses: NFC, lower case, the domain by UTS-46. Dots and `+tags` stay: they are other mailboxes at
//! most providers, and two people must not become one.

use idna::{
    AsciiDenyList,
    uts46::{DnsLength, Hyphens, Uts46},
};
use unicode_normalization::UnicodeNormalization;

use super::{Rejection, rule};

/// The longest part before the `@`, in bytes (RFC 5321, 4.5.3.1.1).
const MAX_LOCAL: usize = 64;

/// The normal form of a clean text that is an e-mail address.
pub(super) fn normalise(cleaned: &str) -> Result<String, Rejection> {
    parts(cleaned).ok_or(Rejection { rule: rule::NOT_AN_EMAIL })
}

fn parts(cleaned: &str) -> Option<String> {
    let (local, domain) = cleaned.rsplit_once('@')?;
    // Lower case can leave NFC: some capitals become a letter and a mark.
    let local: String = local.to_lowercase().nfc().collect();
    if !is_dot_atom(&local) || local.len() > MAX_LOCAL {
        return None;
    }
    let domain = ascii_domain(domain)?;
    Some(format!("{local}@{domain}"))
}

/// Words of letters, digits and the signs of RFC 5322's `atext`, with single dots between them; letters of any
/// script (RFC 6531).
fn is_dot_atom(local: &str) -> bool {
    local.split('.').all(|word| !word.is_empty() && word.chars().all(is_atext))
}

fn is_atext(character: char) -> bool {
    if character.is_ascii() {
        character.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(character)
    } else {
        !character.is_whitespace()
    }
}

/// The domain in ASCII: at least two labels, the last of them not a number, so that addresses of hosts are none.
fn ascii_domain(domain: &str) -> Option<String> {
    let ascii = Uts46::new()
        .to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::Allow, DnsLength::Verify)
        .ok()?;
    let (_, top) = ascii.rsplit_once('.')?;
    (!top.bytes().all(|byte| byte.is_ascii_digit())).then(|| ascii.into_owned())
}
