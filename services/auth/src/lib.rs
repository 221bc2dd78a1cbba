//! Who calls: the admin token, access tokens, passwords, identity providers, and one tower layer that asks for a token.

mod caller;
mod file;
mod jwt;
mod layer;
mod password;
mod provider;
mod secret;
mod throttle;
mod token;

pub use caller::Caller;
pub use file::{TokenFileError, create_private, load_or_create};
pub use jwt::{ACCESS_LIFETIME, Identified, KeyError, SigningKey, TokenRefused, key_of};
pub use layer::{Auth, AuthLayer, Authenticate};
pub use password::{HashError, LONGEST_PASSWORD, SHORTEST_PASSWORD, hash_password, is_password};
pub use provider::{ExternalIdentity, IdentityRefused, NoKeys, ProviderKeys, ProviderRules, issuer_of};
pub use secret::{SecretKind, shown};
pub use throttle::Throttle;
pub use token::{AdminToken, InvalidToken};
