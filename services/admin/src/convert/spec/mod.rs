//! Workflow specifications between the contract and the domain, both ways and complete.

mod read;
mod step;
#[cfg(test)]
mod tests;
mod write;

use tributary_domain::workflow::spec::{Group, WorkflowSpec};
use tributary_proto::admin::v1 as proto;

use crate::violations::Violations;

/// The domain's specification of one of the contract; what is wrong with it is a violation below the path `at`.
pub(crate) fn from_proto(spec: &proto::WorkflowSpec, at: &str, violations: &mut Violations) -> WorkflowSpec {
    read::Reader { violations }.spec(spec, at)
}

/// A specification as the contract has it.
pub(crate) fn to_proto(spec: &WorkflowSpec) -> proto::WorkflowSpec {
    write::spec(spec)
}

/// The domain's group of conditions of one of the contract, as for [`from_proto`].
pub(crate) fn group_from_proto(group: &proto::Group, at: &str, violations: &mut Violations) -> Group {
    read::Reader { violations }.whole_group(group, at)
}

/// A group of conditions as the contract has it.
pub(crate) fn group_to_proto(group: &Group) -> proto::Group {
    write::group(group)
}
