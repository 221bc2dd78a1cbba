//! Who may call: the admin token, and one tower layer that asks for it.

mod caller;
mod file;
mod layer;
mod token;

pub use caller::Caller;
pub use file::{TokenFileError, create_private, load_or_create};
pub use layer::{Auth, AuthLayer};
pub use token::{AdminToken, InvalidToken};
