//! Statuses of runs, with their reasons.

use tributary_domain::workflow::status::{Reason, RunStatus};
use tributary_proto::admin::v1 as proto;

use super::{enums::Twin, value};

/// A status as the contract has it: with its own reason, or else with what the status means in general.
pub(crate) fn run(status: RunStatus, reason: Option<&Reason>) -> proto::RunStatus {
    let general = if reason.is_none() { status.reason() } else { None };
    proto::RunStatus {
        code: status.number(),
        display_name: status.display_name().to_owned(),
        reason: reason.or(general.as_ref()).map(|reason| proto::Reason {
            message: reason.message.clone(),
            fix: reason.fix.clone(),
            node_id: reason.node_id.clone(),
            value: reason.value.as_ref().map(value::to_proto),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_the_code_of_the_contract() {
        for status in RunStatus::ALL {
            let code = proto::run_status::Code::try_from(run(status, None).code).unwrap();
            assert_eq!(code.as_str_name(), format!("CODE_{}", status.code()));
            let reason = run(status, None).reason.is_some_and(|reason| !reason.fix.is_empty());
            assert_eq!(reason, status != RunStatus::Succeeded, "{status:?}");
        }
    }
}
