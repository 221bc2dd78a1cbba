//! The workflows to start from.

use tributary_domain::workflow::spec::{Mapping, WorkflowSpec};

use crate::sources::{
    Preset,
    build::{attribute, identifier, only, path, primary, track, user_trait},
};

/// Every preset of GitHub, the one to begin with first.
pub(super) fn all() -> Vec<Preset> {
    vec![
        Preset {
            key: "github_star",
            display_name: "GitHub star",
            help: "Somebody starred a repository: the event StarRepository, of the id of their account.",
            provider_event: "star.created",
            spec: star(),
        },
        Preset {
            key: "github_issue",
            display_name: "GitHub issue",
            help: "Somebody opened an issue: the event OpenIssue, of the id of their account.",
            provider_event: "issues.opened",
            spec: issue(),
        },
    ]
}

fn identifiers() -> Vec<Mapping> {
    vec![primary(identifier("external_id:github", vec![path("$.sender.id")]))]
}

fn user_traits() -> Vec<Mapping> {
    vec![user_trait("github_login", vec![path("$.sender.login")])]
}

fn star() -> WorkflowSpec {
    WorkflowSpec {
        identifiers: identifiers(),
        user_traits: user_traits(),
        event_attributes: vec![attribute("repository", "$.repository.full_name")],
        ..track("StarRepository", only("star.created"), &["$.starred_at"], &[])
    }
}

fn issue() -> WorkflowSpec {
    WorkflowSpec {
        identifiers: identifiers(),
        user_traits: user_traits(),
        event_attributes: vec![
            attribute("repository", "$.repository.full_name"),
            attribute("issue_number", "$.issue.number"),
        ],
        ..track("OpenIssue", only("issues.opened"), &["$.issue.created_at"], &["$.issue.node_id"])
    }
}
