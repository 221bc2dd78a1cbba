//! What holds for every provider.

mod presets;
mod requests;
mod seats;
