//! Pages: how long they are, and the tokens that lead from one to the next.
//!
//! A token holds the position after which the next page begins, signed together with the list that it belongs to (which
//! call, which parent, which filter). So it cannot be used with another list, and nobody makes one up.

use std::str::FromStr;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tonic::Status;
use tributary_store::Page;

use crate::violations::invalid;

/// The length of a page when none is asked for.
const DEFAULT_SIZE: u32 = 50;
/// The length of the longest page.
const MAX_SIZE: u32 = 200;
/// How many bytes of a token are its signature.
const SIGNATURE: usize = 16;
/// No position is longer.
const MAX_TOKEN: usize = 1_024;

/// Which list a page belongs to.
#[derive(Clone)]
pub(crate) struct List {
    /// HMAC-SHA256 that has read the list's parts, and not yet a position.
    signer: Hmac<Sha256>,
}

impl List {
    /// The list that `call` makes of these `parts`: its parent, its filter and whatever else decides what is in it.
    pub(crate) fn new(key: [u8; 64], call: &str, parts: &[&str]) -> Self {
        let mut signer = Hmac::new(&key.into());
        for part in [call].iter().chain(parts) {
            signer.update(&(part.len() as u64).to_be_bytes());
            signer.update(part.as_bytes());
        }
        Self { signer }
    }

    /// The token of the page after `position`.
    fn token(&self, position: &str) -> String {
        let signature = self.signer.clone().chain_update(position).finalize().into_bytes();
        URL_SAFE_NO_PAD.encode([&signature[..SIGNATURE], position.as_bytes()].concat())
    }

    /// The position that `token` holds; nothing for the first page.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for a token that was not made for this list.
    fn position<T: FromStr>(&self, token: &str) -> Result<Option<T>, Status> {
        if token.is_empty() {
            return Ok(None);
        }
        let position = self.signed(token).and_then(|position| String::from_utf8(position).ok());
        position.and_then(|position| position.parse().ok()).map(Some).ok_or_else(|| {
            invalid("page_token", "not a token of this list: send the same parent and filter, or none")
        })
    }

    /// What a token holds, if its signature is ours.
    fn signed(&self, token: &str) -> Option<Vec<u8>> {
        if token.len() > MAX_TOKEN {
            return None;
        }
        let mut signature = URL_SAFE_NO_PAD.decode(token).ok()?;
        let position = (signature.len() >= SIGNATURE).then(|| signature.split_off(SIGNATURE))?;
        self.signer.clone().chain_update(&position).verify_truncated_left(&signature).ok()?;
        Some(position)
    }

    /// The store's page that a request asks for.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for a negative size or a token of another list.
    pub(crate) fn page<K: FromStr>(&self, page_size: i32, token: &str) -> Result<Page<K>, Status> {
        Ok(Page { after: self.position(token)?, limit: size(page_size)? })
    }

    /// The token of the page after `next`; empty when there is none.
    pub(crate) fn next<K: ToString>(&self, next: Option<K>) -> String {
        next.map(|position| self.token(&position.to_string())).unwrap_or_default()
    }
}

/// How many items a page has, of a request's `page_size`.
///
/// # Errors
/// INVALID_ARGUMENT when it is negative.
fn size(page_size: i32) -> Result<u32, Status> {
    match u32::try_from(page_size) {
        Ok(0) => Ok(DEFAULT_SIZE),
        Ok(size) => Ok(size.min(MAX_SIZE)),
        Err(_) => Err(invalid("page_size", "must not be negative")),
    }
}

/// A page of a list that is known as a whole, by the place of its items.
///
/// # Errors
/// INVALID_ARGUMENT for a negative size or a token of another list.
pub(crate) fn of_all<T>(
    list: &List,
    all: Vec<T>,
    page_size: i32,
    token: &str,
) -> Result<(Vec<T>, String), Status> {
    let (size, start) = (size(page_size)?, list.position::<usize>(token)?.unwrap_or(0));
    let size = size as usize;
    let end = start.saturating_add(size);
    let next = if end < all.len() { list.token(&end.to_string()) } else { String::new() };
    Ok((all.into_iter().skip(start).take(size).collect(), next))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 64] = [1; 64];

    #[test]
    fn a_token_leads_on_in_its_own_list_only() {
        let list = List::new(KEY, "ListRuns", &["parent", "status = \"FAILED\""]);
        let token = list.token("msg_1");
        assert_eq!(list.position::<String>(&token).unwrap().as_deref(), Some("msg_1"));
        assert_eq!(list.position::<String>("").unwrap(), None);
        for other in [
            List::new([2; 64], "ListRuns", &["parent", "status = \"FAILED\""]),
            List::new(KEY, "ListRuns", &["parent", ""]),
            List::new(KEY, "ListRuns", &["paren", "tstatus = \"FAILED\""]),
            List::new(KEY, "ListMessages", &["parent", "status = \"FAILED\""]),
        ] {
            assert!(other.position::<String>(&token).is_err());
        }
        let mut forged = URL_SAFE_NO_PAD.decode(&token).unwrap();
        *forged.last_mut().unwrap() = b'2';
        assert!(
            list.position::<String>(&URL_SAFE_NO_PAD.encode(forged)).is_err(),
            "a position of the caller's own"
        );
        assert!(list.position::<String>("AAAA").is_err() && list.position::<String>("%").is_err());
        assert!(list.position::<u32>(&token).is_err(), "a position of another kind");
    }

    #[test]
    fn pages_of_a_known_list_are_complete_and_do_not_overlap() {
        let (mut seen, mut token) = (Vec::new(), String::new());
        loop {
            let (page, next) = of_all(&List::new(KEY, "ListX", &[]), (0..7).collect(), 3, &token).unwrap();
            seen.extend(page);
            if next.is_empty() {
                break;
            }
            token = next;
        }
        assert_eq!(seen, (0..7).collect::<Vec<_>>());
    }

    #[test]
    fn sizes_are_coerced() {
        assert_eq!(size(0).unwrap(), 50);
        assert_eq!(size(1_000).unwrap(), 200);
        assert!(size(-1).is_err());
    }
}
