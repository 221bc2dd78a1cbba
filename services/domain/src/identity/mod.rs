//! Identity: one person, one profile. A pure function of the identifiers involved, the rules and the evidence.
//!
//! [`View`] holds what is stored of one tenant about the identifiers of a batch. [`View::resolve`] folds one event
//! after another into it, in the order of the log, and [`View::take_changes`] hands over all that has to be written.
//! Equal logs give equal rows, whatever the batches.
//!
//! # The fold
//! The event's identifiers are taken strongest first: unique, strong, weak, and within a class in the workflow's
//! order. The first selects its owner, or a *provisional* profile that exists in memory only. Each next one proposes
//! one join, which is judged on its result; see [`Rules`]. Then the event lands, and its traits with it.
//!
//! * **Provisional.** If a later identifier belongs to somebody and may join, what the event brought is attached to
//!   that profile, and no profile is made: an anonymous visitor who tells an e-mail keeps their profile. Only when
//!   nothing joined is the provisional profile created, with the id that the caller derived from the message.
//! * **A refused join stands alone.** The identifier stays whose it is and the event's other identifiers still
//!   count. The profile of the event can only grow, so what was refused once stays refused within the event.
//! * **A refused attach.** A value that nobody owns and that finds no room on the event's profile (a second value of
//!   a unique type, one strong value too many) stays unowned. The conflict then names that profile on both sides.
//!   The next event in which the value is the strongest makes it a profile of its own.
//! * **Several merges in one event** happen one after another, and each is judged on the result of those before it;
//!   so the stronger evidence takes the room that limits leave. The oldest of all of them is what remains.
//! * **What was together stays together.** A rule judges what a join would *bring* together. A profile that has more
//!   values than a limit that was lowered later keeps them, and may still be joined with one that has none of that
//!   type.
//! * **Weak evidence** joins two profiles only when no strong or unique type has values on both sides.
//! * **Never-join pairs** hold for whatever profile their sides were merged into since.
//!
//! Group identifiers take no part: belonging to one company does not make two people one.
//!
//! # Merges
//! The older profile stays: the smaller (sequence of creation, id). The younger becomes an alias of it; rows keep the
//! profile they were written for. What events bring from then on is noted for the person and for the *part* of them that
//! the event's strongest identifier is attached to, so that [`undo()`] can tell what belongs to whom. Aliases are one step deep, so the aliases of
//! the loser are pointed to the winner: those in the view at once, the others by [`Changes::repoints`].

mod carried;
mod changes;
mod decision;
mod evidence;
mod fold;
mod guard;
mod held;
pub mod identifier;
mod never_join;
mod profile;
mod review;
mod rules;
mod traits;
mod undo;
mod view;

pub use carried::Carried;
pub use changes::{Changes, Conflict, EvidenceRow, Merge, NewIdentifier, Occasion, ProfileChange, Repoint};
pub use decision::{Decision, Refusal, Step};
pub use evidence::{Earlier, Evidence};
pub use guard::{Guard, Meeting, Quarantine};
pub use held::Held;
pub use identifier::{Class, Identifier, IdentifierType};
pub use never_join::PairId;
pub use profile::{Part, ProfileState};
pub use review::{CannotDecide, ConflictState, Decided, Disputed, Verdict};
pub use rules::{RULES_VERSION, Rules};
pub use traits::{FUTURE_TOLERANCE, Trait, Traits, clamped_time, with_consents, with_test};
pub use undo::{CannotUndo, Tie, Undone, undo};
pub use view::{MissingProfile, View};
