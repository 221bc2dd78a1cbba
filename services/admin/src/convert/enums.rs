//! Enumerations that have the same values in the contract and in the domain.

use tributary_domain::{
    access::{AgencyRole, TenantRole},
    identity::{ConflictState, Verdict},
    test_rule::TestRuleKind,
    workflow::{
        compare::Change,
        compile::Severity,
        evaluate::NodeOutcome,
        spec::{CaseTo, Kind, Logic, Match, MessageField, NamePart, OnEmpty, Operator, Pick, ValueType},
        status::RunStatus,
        suggest::Confidence,
    },
};
use tributary_proto::admin::v1::{
    self as proto, answer, condition, conflict, decide_conflict_request, group, input, mapping,
    mapping_suggestion, node_trace, path, problem, run_status, step, test_rule, workflow_difference,
    workflow_spec,
};

/// A domain enumeration with its twin in the contract, which has one more value: *not set*.
pub(crate) trait Twin: Sized {
    /// The twin.
    type Proto: TryFrom<i32> + Into<i32>;

    /// The value of the contract.
    fn to_proto(self) -> Self::Proto;

    /// The domain's value; nothing for *not set*.
    fn from_proto(value: Self::Proto) -> Option<Self>;

    /// The contract's value as a message's field has it.
    fn number(self) -> i32 {
        self.to_proto().into()
    }

    /// The domain's value of a message's field.
    ///
    /// # Errors
    /// The number, when the contract has no such value.
    fn of_number(number: i32) -> Result<Option<Self>, i32> {
        Self::Proto::try_from(number).map(Self::from_proto).map_err(|_| number)
    }
}

macro_rules! twins {
    ($($domain:ty = $proto:ty { $($variant:ident),+ })+) => {
        $(impl Twin for $domain {
            type Proto = $proto;

            fn to_proto(self) -> $proto {
                match self { $(Self::$variant => <$proto>::$variant),+ }
            }

            fn from_proto(value: $proto) -> Option<Self> {
                match value {
                    <$proto>::Unspecified => None,
                    $(<$proto>::$variant => Some(Self::$variant)),+
                }
            }
        })+
    };
}

twins! {
    TenantRole = proto::TenantRole { Viewer, Editor, Admin }
    AgencyRole = proto::AgencyRole { Member, Admin, Owner }
    Kind = workflow_spec::Kind { Track, Identify, Group }
    ValueType = mapping::ValueType { Any, String, Number, Bool, Time }
    OnEmpty = mapping::OnEmpty { Skip, Clear, Fail }
    Pick = path::Pick { First, Last, Only, All }
    Match = answer::Match { Exact, Prefix, Contains }
    MessageField = input::MessageField { MessageId, ReceivedAt, ProviderEvent, Cluid, SourceName, BookingStage, BookingKey, BookingPreviousKey }
    CaseTo = step::case::To { Lower, Upper, Title }
    NamePart = step::split_name::Part { First, Last }
    Logic = group::Logic { All, Any, None }
    Operator = condition::Operator {
        Equals, NotEquals, Contains, NotContains, StartsWith, EndsWith, Matches, In, NotIn, Exists, NotExists, Empty,
        NotEmpty, LessThan, AtMost, GreaterThan, AtLeast, Before, After
    }
    ConflictState = conflict::State { Open, Accepted, Refused, NeverJoin }
    Verdict = decide_conflict_request::Verdict { Accept, Refuse, NeverAgain }
    RunStatus = run_status::Code {
        Succeeded, MappingNotFound, FilterConditionFailed, UserIdMissing, AccountIdMissing, DataNotFound,
        EventNameMissing, Failed, Parked, Held, Suppressed, Duplicate
    }
    NodeOutcome = node_trace::Outcome {
        Holds, DoesNotHold, NotReached, Mapped, Empty, Skipped, Cleared, Rejected, Failed
    }
    Severity = problem::Severity { Warning, Error }
    Confidence = mapping_suggestion::Confidence { Low, Medium, High }
    TestRuleKind = test_rule::Kind { Email, Header, Answer, Path }
    Change = workflow_difference::Change { Added, Removed, Changed }
}
