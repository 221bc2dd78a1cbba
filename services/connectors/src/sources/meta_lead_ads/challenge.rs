//! `GET …?hub.mode=subscribe&hub.verify_token=…&hub.challenge=…`: whoever sets up a webhook at Meta says a verify token there,
//! and gets it through only where this server knows it. It knows the secret of the URL.

use subtle::ConstantTimeEq;
use url::form_urlencoded;

use crate::sources::{Ask, Challenge};

/// A challenge is said again as it came, so it may hold nothing that a browser could take for a page.
const LONGEST: usize = 200;

/// The answer to the question.
pub(super) fn answer(ask: &Ask<'_>) -> Option<Challenge> {
    let Ask::Get { query, token } = ask else { return None };
    let (mut mode, mut given, mut challenge) = (None, None, None);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let place = match &*name {
            "hub.mode" => &mut mode,
            "hub.verify_token" => &mut given,
            "hub.challenge" => &mut challenge,
            _ => continue,
        };
        // Said twice, it could be either.
        if place.replace(value).is_some() {
            return Some(Challenge::Refused);
        }
    }
    let is_known =
        given.is_some_and(|given| !token.is_empty() && given.as_bytes().ct_eq(token.as_bytes()).into());
    let is_plain = |text: &str| {
        (1..=LONGEST).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
    };
    match challenge {
        Some(challenge) if is_known && mode.as_deref() == Some("subscribe") && is_plain(&challenge) => {
            Some(Challenge::Answer(challenge.into_owned()))
        }
        _ => Some(Challenge::Refused),
    }
}
