//! Platforms, described for people who choose one and for what draws their forms.

use tributary_connectors::destinations::{
    COMMON, Field, FieldKind, FollowUps, KnownError, Order, PLATFORMS, Platform as Connector, Quality,
    Signal, Verdict,
};
use tributary_proto::admin::v1::{
    MatchQuality, MatchSignal, Platform,
    platform::{self, field::Kind, known_error},
};

use crate::convert::value::to_span;

/// Every platform, in the order in which people are offered them.
pub(super) fn all() -> Vec<Platform> {
    PLATFORMS.iter().map(|platform| to_proto(*platform)).collect()
}

/// How well an event matches.
pub(crate) fn quality(quality: &Quality) -> MatchQuality {
    let signals = |all: &[&'static Signal]| all.iter().map(|one| signal(one)).collect();
    MatchQuality {
        score: quality.score.into(),
        present: signals(&quality.present),
        missing: signals(&quality.missing),
    }
}

fn to_proto(platform: &dyn Connector) -> Platform {
    let about = platform.about();
    let (FollowUps::Taken(follow_ups) | FollowUps::Refused(follow_ups)) = about.follow_ups;
    let need = |need: &tributary_domain::workflow::needs::Need| platform::Need {
        any_of: need.any_of.iter().map(|name| (*name).to_owned()).collect(),
        why: need.why.to_owned(),
    };
    Platform {
        id: about.name.to_owned(),
        display_name: about.display_name.to_owned(),
        fields: about.fields.iter().chain(COMMON).map(field).collect(),
        needs: about.needs.iter().map(need).collect(),
        signals: about.signals.iter().map(signal).collect(),
        takes_follow_ups: platform.takes_follow_ups(),
        follow_ups: follow_ups.to_owned(),
        test_mode: about.test_mode.to_owned(),
        max_age: about.limits.max_age.map(to_span),
        errors: about.errors.iter().map(error).collect(),
        max_batch: count(about.limits.max_batch),
        requests_per_minute: about.limits.rate.map_or(0, |rate| count(rate.per_minute)),
        burst: about.limits.rate.map_or(0, |rate| count(rate.burst)),
        concurrency: count(about.limits.concurrency),
        strict_order: about.limits.order == Order::Strict,
    }
}

fn count(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn field(field: &Field) -> platform::Field {
    let kind = match field.kind {
        FieldKind::Text(_) => Kind::Text,
        FieldKind::Word => Kind::Word,
        FieldKind::Token => Kind::Token,
        FieldKind::Url => Kind::Url,
        FieldKind::Currency => Kind::Currency,
        FieldKind::Choice(_) => Kind::Choice,
        FieldKind::Flag => Kind::Flag,
        FieldKind::Texts(_) => Kind::Texts,
        FieldKind::Json => Kind::Json,
        FieldKind::Number(_) => Kind::Number,
    };
    platform::Field {
        key: field.name.to_owned(),
        label: field.label.to_owned(),
        help: field.help.to_owned(),
        kind: kind.into(),
        required: field.required,
        default_value: field.default.to_owned(),
        secret: field.secret,
        choices: field.kind.choices().iter().map(|choice| (*choice).to_owned()).collect(),
    }
}

fn signal(signal: &Signal) -> MatchSignal {
    MatchSignal { name: signal.name.to_owned(), points: signal.points.into(), how: signal.how.to_owned() }
}

fn error(error: &KnownError) -> platform::KnownError {
    let verdict = match error.verdict {
        Verdict::Retry => known_error::Verdict::Retry,
        Verdict::Permanent => known_error::Verdict::Permanent,
        Verdict::Hold(_) => known_error::Verdict::Hold,
        Verdict::Suspend => known_error::Verdict::Suspend,
        Verdict::Disable => known_error::Verdict::Disable,
    };
    platform::KnownError {
        code: error.code.to_owned(),
        verdict: verdict.into(),
        reason: error.reason.to_owned(),
    }
}
