//! The rules of each list of mappings.

use std::collections::HashSet;

use super::{CompiledIdentifier, Kind, Mapping, OnEmpty, Problems, ValueType, limits};
use crate::{
    identity::IdentifierType,
    mapping::{CompiledMapping, value},
};

/// A part that is one mapping, whose type the part decides.
pub(super) fn single(
    section: &str,
    mapping: Option<&Mapping>,
    value_type: ValueType,
    problems: &mut Problems,
) -> Option<CompiledMapping> {
    let typed = Mapping { value_type, ..mapping?.clone() };
    let compile =
        |problems: &mut Problems| CompiledMapping::compile(&without_clear(&typed, problems), problems);
    let compiled = problems.node(&typed.id, section, |problems| {
        if typed.disabled { problems.disabled(compile) } else { compile(problems) }
    });
    compiled.filter(|_| !typed.disabled)
}

/// Traits: a mapping that finds nothing may erase what is known.
pub(super) fn traits(section: &str, mappings: &[Mapping], problems: &mut Problems) -> Vec<CompiledMapping> {
    list(section, mappings, problems, |mapping, problems| {
        check_name(&mapping.target, problems);
        CompiledMapping::compile(mapping, problems)
    })
}

/// Attributes and consents.
pub(super) fn values(section: &str, mappings: &[Mapping], problems: &mut Problems) -> Vec<CompiledMapping> {
    list(section, mappings, problems, |mapping, problems| {
        check_name(&mapping.target, problems);
        CompiledMapping::compile(&without_clear(mapping, problems), problems)
    })
}

/// User identifiers, the primary one first.
pub(super) fn identifiers(
    mappings: &[Mapping],
    kind: Kind,
    problems: &mut Problems,
) -> Vec<CompiledIdentifier> {
    let live = || mappings.iter().filter(|mapping| !mapping.disabled);
    let primaries = live().filter(|mapping| mapping.primary).count();
    limits::check_count("user identifiers", live().count(), limits::IDENTIFIERS, problems);
    if kind != Kind::Group && live().count() == 0 {
        problems.error(
            "the workflow has no user identifier",
            "map one to three of email, phone, cluid or an external id, and make one of them primary",
        );
    } else if primaries > 1 || (primaries == 0 && kind != Kind::Group) {
        problems.error(
            format!("{primaries} user identifiers are primary, exactly one has to be"),
            "make one identifier primary: a person is looked for by it first",
        );
    }
    let mut compiled = list("identifiers", mappings, problems, |mapping, problems| {
        let Some(kind) = IdentifierType::parse(&mapping.target) else {
            problems.error(
                format!("`{}` is not a type of user identifier", value::cut(&mapping.target)),
                "use email, phone, cluid, fbp, ga_client_id, ttp, anonymous_id, or external_id: and a name of a-z, \
                 0-9 and _",
            );
            return None;
        };
        let compiled = CompiledMapping::compile(&without_clear(mapping, problems), problems)?;
        Some((mapping.primary, CompiledIdentifier { kind, mapping: compiled }))
    });
    compiled.sort_by_key(|(primary, _)| !primary);
    compiled.into_iter().map(|(_, identifier)| identifier).collect()
}

/// Group identities. Their values pass the rules of external ids, so their types are named as those are.
pub(super) fn groups(mappings: &[Mapping], kind: Kind, problems: &mut Problems) -> Vec<CompiledIdentifier> {
    if kind == Kind::Group && mappings.iter().all(|mapping| mapping.disabled) {
        problems.error(
            "an event of kind GROUP has no group identity",
            "map what the group is known by, such as an account id",
        );
    }
    list("group_identities", mappings, problems, |mapping, problems| {
        let Some(kind) = IdentifierType::parse(&format!("external_id:{}", mapping.target)) else {
            problems.error(
                format!("`{}` is not a type of group identity", value::cut(&mapping.target)),
                "use 1 to 40 of a-z, 0-9 and _, such as account_id",
            );
            return None;
        };
        let compiled = CompiledMapping::compile(&without_clear(mapping, problems), problems)?;
        Some(CompiledIdentifier { kind, mapping: compiled })
    })
}

/// Compiles each mapping of a list, without the disabled ones.
fn list<T>(
    section: &str,
    mappings: &[Mapping],
    problems: &mut Problems,
    compile: impl Fn(&Mapping, &mut Problems) -> Option<T>,
) -> Vec<T> {
    limits::check_count(section, mappings.len(), limits::MAPPINGS, problems);
    let mut targets = HashSet::new();
    let mut compiled = Vec::new();
    for mapping in mappings.iter().take(limits::MAPPINGS) {
        problems.node(&mapping.id, section, |problems| {
            if mapping.disabled {
                problems.disabled(|problems| compile(mapping, problems));
                return;
            }
            if !targets.insert(mapping.target.as_str()) {
                problems.error(
                    format!("`{}` is mapped twice in {section}", value::cut(&mapping.target)),
                    "put both places into one mapping as its inputs: the first that is not empty wins",
                );
            }
            compiled.extend(compile(mapping, problems));
        });
    }
    compiled
}

fn check_name(name: &str, problems: &mut Problems) {
    let is_clean = !name.is_empty() && name.trim() == name && !name.contains(char::is_control);
    if !is_clean || name.len() > limits::TARGET_BYTES {
        problems.error(
            format!(
                "`{}` is not a name: 1 to {} bytes without white space at the ends",
                value::cut(name),
                limits::TARGET_BYTES
            ),
            "choose a standard name, or write one of your own such as company_size",
        );
    }
}

/// A mapping outside the traits: there is nothing that could be erased.
fn without_clear(mapping: &Mapping, problems: &mut Problems) -> Mapping {
    if mapping.on_empty != OnEmpty::Clear {
        return mapping.clone();
    }
    problems.warn(
        "only traits can be cleared; the value is left out",
        "choose SKIP or FAIL for when it is empty",
    );
    Mapping { on_empty: OnEmpty::Skip, ..mapping.clone() }
}
