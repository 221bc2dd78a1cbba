//! Google: the Data Manager API, and the token server that gives access to it.

mod events;
mod tokens;

use std::sync::{Arc, Mutex, MutexGuard};

pub(super) use events::answer as events;
pub(super) use tokens::answer as tokens;
pub use tokens::service_account;

/// The OAuth client that is there; its secret and what it may refresh are [`super::CREDENTIAL`].
pub const CLIENT_ID: &str = "1-test.apps.googleusercontent.com";
/// What a token has to be for.
const SCOPE: &str = "https://www.googleapis.com/auth/datamanager";

/// What the token server does from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Grants {
    /// It grants access to whoever has the right credential.
    #[default]
    Granted,
    /// It says that the credential is not valid any more.
    Revoked,
    /// It answers 503.
    Broken,
    /// It grants access that is not for this API, and says so.
    Unscoped,
    /// It grants access and gives another refresh token with it: the one before is not taken any more.
    Rotating,
    /// It grants access with a credential that ends in five days.
    Ending,
}

/// Google, as far as it is played. A clone is the same.
#[derive(Debug, Clone, Default)]
pub struct Google(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    grants: Grants,
    /// The refresh token that is taken; none: the one that everybody has.
    refresh: Option<String>,
    /// Every token that was given, and whether it is taken.
    tokens: Vec<(String, Taken)>,
    exchanges: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// It is.
    Yes,
    /// Its time is over.
    Over,
    /// It is not for this API.
    Unscoped,
}

impl Google {
    /// Has the token server do this from now on.
    pub fn set(&self, grants: Grants) {
        self.state().grants = grants;
    }

    /// Ends the time of all tokens that were given.
    pub fn end_tokens(&self) {
        self.state().tokens.iter_mut().for_each(|(_, taken)| *taken = Taken::Over);
    }

    /// How often access was asked for.
    pub fn exchanges(&self) -> usize {
        self.state().exchanges
    }

    /// Every token that was given, the refresh tokens too.
    pub fn given(&self) -> Vec<String> {
        let state = self.state();
        state.tokens.iter().map(|(token, _)| token.clone()).chain(state.refresh.clone()).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("whole")
    }
}
