//! The contract: tributary.admin.v1, compiled without protoc.

pub mod personal;

/// The encoded descriptors of the contract, comments and all: what reflection serves and the descriptor tests read.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// Every call by its path, and the number of the least role it takes; sorted by path.
const LEAST_ROLES: &[(&str, i32)] = include!(concat!(env!("OUT_DIR"), "/least_roles.rs"));

/// The least that somebody has to be to make the call with this path, such as
/// `/tributary.admin.v1.TenantService/GetTenant`; nothing for paths that are no call of the contract.
pub fn least_role(path: &str) -> Option<admin::v1::LeastRole> {
    let index = LEAST_ROLES.binary_search_by_key(&path, |(path, _)| path).ok()?;
    admin::v1::LeastRole::try_from(LEAST_ROLES[index].1).ok()
}

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
