//! Passwords: how they are kept, and checked.
//!
//! Argon2id with the parameters that OWASP's password storage cheat sheet has as its first choice (19 MiB, two passes,
//! one lane). The hash is a PHC string, which names its parameters: they can be raised without a migration.

use std::sync::LazyLock;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};

/// The fewest characters of a password (NIST SP 800-63B asks for at least eight, and for no rules on what they are).
pub const SHORTEST_PASSWORD: usize = 12;
/// The most characters of a password: so that hashing takes the same for all.
pub const LONGEST_PASSWORD: usize = 200;

/// No password has this hash: checking against it takes as long as against another.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash_password("", 0).unwrap_or_default());

/// A password that could not be hashed: a defect, because its length was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the password cannot be hashed")]
pub struct HashError;

/// The hash of a password, as a PHC string, with a salt of 128 random bits. It takes some 20 ms of a core and 19 MiB:
/// not on a thread that answers calls.
///
/// # Errors
/// When the library refuses.
pub fn hash_password(password: &str, salt: u128) -> Result<String, HashError> {
    let hashed: Result<argon2::PasswordHash, _> =
        Argon2::default().hash_password_with_salt(password.as_bytes(), &salt.to_be_bytes());
    hashed.map(|hash| hash.to_string()).map_err(|_| HashError)
}

/// Whether `password` is the one with this hash. Without a hash (nobody is known by that name) it is not, and the
/// answer takes as long. It takes what [`hash_password`] does.
pub fn is_password(password: &str, hash: Option<&str>) -> bool {
    let against = hash.unwrap_or(NOBODY.as_str());
    let fits = PasswordHash::new(against)
        .is_ok_and(|against| Argon2::default().verify_password(password.as_bytes(), &against).is_ok());
    fits && hash.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_by_its_hash() {
        let hash = hash_password("correct horse", 7).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(is_password("correct horse", Some(&hash)));
        assert!(!is_password("correct horsf", Some(&hash)) && !is_password("", Some(&hash)));
        assert_ne!(hash, hash_password("correct horse", 8).unwrap(), "salted");
    }

    #[test]
    fn nobody_has_no_password() {
        assert!(!is_password("", None) && !is_password("x", None) && !is_password("x", Some("$argon2id$")));
    }
}
