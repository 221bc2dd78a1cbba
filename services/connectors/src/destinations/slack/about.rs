//! What is known of Slack's incoming webhooks.

use crate::destinations::{
    About, Facility, Field, FieldKind, FollowUps, KnownError, Limits, Rate, Trouble,
    about::no_names,
    errors::{Verdict, known},
};

const FIELDS: &[Field] = &[
    Field::setting(
        "webhook_url",
        "Webhook URL",
        "the URL of an incoming webhook, such as https://hooks.slack.com/services/…",
        FieldKind::Url,
    )
    .required()
    .hidden(),
    Field::setting(
        "text",
        "Message",
        "what is written, with places such as {{ $.data.traits.email }}; whoever reads the channel sees what stands in them",
        FieldKind::Text(4_000),
    )
    .or("*{{ $.data.name }}* from {{ $.data.source }}"),
];

const ERRORS: &[KnownError] = &[
    known("invalid_payload", Verdict::Permanent, "it does not take the message"),
    known("no_text", Verdict::Permanent, "the message is empty: write something into `text`"),
    known("too_many_attachments", Verdict::Permanent, "it does not take the message"),
    known(
        "invalid_token",
        Verdict::Hold(Trouble::Revoked),
        "the webhook URL is not valid any more: replace it",
    ),
    known("no_service", Verdict::Hold(Trouble::Revoked), "the webhook URL is not valid any more: replace it"),
    known("no_active_hooks", Verdict::Hold(Trouble::Revoked), "the webhook is switched off: switch it on"),
    known(
        "no_team",
        Verdict::Suspend,
        "the workspace is not there: replace the webhook URL, then resume the destination",
    ),
    known(
        "team_disabled",
        Verdict::Suspend,
        "the workspace is switched off: replace the webhook URL, then resume the destination",
    ),
    known(
        "channel_not_found",
        Verdict::Suspend,
        "the channel is not there: make a webhook for another one, then resume the destination",
    ),
    known(
        "channel_is_archived",
        Verdict::Suspend,
        "the channel is archived: make a webhook for another one, then resume the destination",
    ),
    known(
        "action_prohibited",
        Verdict::Suspend,
        "an administrator forbids it: ask them, then resume the destination",
    ),
    known(
        "posting_to_general_channel_denied",
        Verdict::Suspend,
        "an administrator forbids it: ask them, then resume the destination",
    ),
];

/// What is known of it.
pub(super) static ABOUT: About = About {
    name: "slack",
    display_name: "Slack",
    fields: FIELDS,
    needs: &[],
    signals: &[],
    follow_ups: FollowUps::Taken(
        "as messages of their own, such as `Schedule – cancelled`; messages that are there stay as they are",
    ),
    test_mode: "",
    facility: Facility::None,
    limits: Limits { rate: Some(Rate { per_minute: 60, burst: 5 }), concurrency: 4, ..Limits::NONE },
    oauth: None,
    errors: ERRORS,
    signatures: &[],
    standard_name: no_names,
};
