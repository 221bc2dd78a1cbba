//! The door over a real socket, with a real journal in a folder of its own.

mod answers;
mod hostile;
mod operations;
mod overload;
mod secrets;
mod shutdown;
mod support;
