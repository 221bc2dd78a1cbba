//! Secrets as far as they are shown.

/// A secret of at least this many characters shows its last four.
const LONG: usize = 16;
const SHOWN: usize = 4;
/// A prefix such as `whsec_` names the kind of a secret and is no part of it.
const LONGEST_PREFIX: usize = 8;

/// A secret with all but its kind and its last characters left out: `whsec_…abcd`. Clients that know a secret can tell by it
/// whether the server has another one.
pub fn masked(secret: &str) -> String {
    let prefix = secret.find('_').map_or("", |end| &secret[..=end]);
    let prefix = if prefix.len() <= LONGEST_PREFIX { prefix } else { "" };
    let length = secret.chars().count();
    if length < prefix.len() + LONG {
        return format!("{prefix}…");
    }
    let tail: String = secret.chars().skip(length - SHOWN).collect();
    format!("{prefix}…{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_is_shown_of_long_secrets_and_nothing_of_short_ones() {
        assert_eq!(masked("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), "whsec_…LaSw");
        assert_eq!(masked("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), "…LaSw");
        assert_eq!(masked("hunter2"), "…");
        assert_eq!(masked("whsec_short"), "whsec_…");
        assert_eq!(masked("my_very_secret"), "my_…");
        assert_eq!(masked("äöüäöüäöüäöüäöüäöü"), "…äöü".replace("äöü", "üäöü"));
    }
}
