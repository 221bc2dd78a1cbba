//! Names as Google Analytics takes them.

/// The longest name of an event or a parameter.
const LONGEST: usize = 40;

/// Names that Google keeps for itself, for events that web streams send by themselves.
const RESERVED: [&str; 18] = [
    "ad_activeview",
    "ad_click",
    "ad_exposure",
    "ad_query",
    "ad_reward",
    "adunit_exposure",
    "app_clear_data",
    "app_exception",
    "app_install",
    "app_remove",
    "app_update",
    "error",
    "first_open",
    "first_visit",
    "in_app_purchase",
    "os_update",
    "session_start",
    "user_engagement",
];

/// What no name begins with.
const RESERVED_PREFIXES: [&str; 4] = ["ga_", "google_", "firebase_", "gtag."];

/// A name of letters, digits and underscores that begins with a letter; nothing where there is none, or it is one that
/// Google keeps for itself.
pub(super) fn of(name: &str) -> Option<String> {
    if RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        return None;
    }
    let word = |character: char| if character.is_ascii_alphanumeric() { character } else { '_' };
    let spelt: String = name.trim().chars().map(word).take(LONGEST).collect();
    let begins = spelt.starts_with(|first: char| first.is_ascii_alphabetic());
    (begins && !is_reserved(&spelt)).then_some(spelt)
}

fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name) || RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}
