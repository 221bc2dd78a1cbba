//! The contract: tributary.admin.v1, compiled without protoc.

/// The encoded descriptors of the contract, comments and all: what reflection serves and the descriptor tests read.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The admin API.
pub mod admin {
    /// Version 1.
    #[allow(
        missing_docs,
        missing_debug_implementations,
        unreachable_pub,
        clippy::all,
        clippy::needless_pass_by_value,
        clippy::str_to_string,
        reason = "generated code"
    )]
    pub mod v1 {
        tonic::include_proto!("tributary.admin.v1");
    }
}
