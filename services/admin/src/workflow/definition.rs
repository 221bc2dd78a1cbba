//! What the names of events and of traits can be chosen from: the standard ones, then those that a tenant had besides.

use std::{fmt, str::FromStr};

use tonic::Status;
use tributary_domain::workflow::{catalogue, spec::Kind};
use tributary_proto::admin::v1::{
    EventDefinition, ListEventDefinitionsRequest, ListEventDefinitionsResponse, ListTraitDefinitionsRequest,
    ListTraitDefinitionsResponse, TraitDefinition, mapping,
};
use tributary_store::{Page, event::EventNameKey};

use super::language;
use crate::{
    call::{Call, Located},
    error::from_store,
    name::TenantPath,
};

/// The last one of a page: a standard one by its number, or one of the tenant's own by its name.
#[derive(Debug, Clone)]
enum Last {
    Standard(usize),
    Own(String),
}

impl fmt::Display for Last {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard(number) => write!(f, "#{number}"),
            Self::Own(name) => write!(f, "={name}"),
        }
    }
}

impl FromStr for Last {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.strip_prefix('#') {
            Some(number) => number.parse().map(Self::Standard).map_err(|_| ()),
            None => text.strip_prefix('=').map(|name| Self::Own(name.to_owned())).ok_or(()),
        }
    }
}

/// Which names.
#[derive(Debug, Clone, Copy)]
enum Names {
    OfEvents,
    OfTraits,
}

impl Names {
    fn is_standard(self, name: &str) -> bool {
        match self {
            Self::OfEvents => catalogue::EVENTS.iter().any(|known| known.name == name),
            Self::OfTraits => catalogue::TRAITS.iter().any(|known| known.name == name),
        }
    }

    /// At least `limit` of the names that a tenant had and that are no standard ones, those after `after`; fewer when there
    /// are no more. Whether there are more.
    async fn own(
        self,
        located: &Located<'_>,
        mut after: Option<String>,
        limit: u32,
    ) -> Result<(Vec<String>, bool), Status> {
        let mut names = Vec::new();
        // There are few standard ones, so that few pages have nothing else.
        loop {
            let (found, next) = self.had(located, after, limit).await?;
            // Events that are no actions have no name.
            names.extend(found.into_iter().filter(|name| !name.is_empty() && !self.is_standard(name)));
            match next {
                Some(next) if names.len() < limit as usize => after = Some(next),
                next => return Ok((names, next.is_some())),
            }
        }
    }

    async fn had(
        self,
        located: &Located<'_>,
        after: Option<String>,
        limit: u32,
    ) -> Result<(Vec<String>, Option<String>), Status> {
        match self {
            Self::OfEvents => {
                // Only such events have names, and they come last of those with the same name.
                let after = after.map(|name| EventNameKey { name, kind: Kind::Track });
                let found =
                    located.scope.event_names(None, Page { after, limit }).await.map_err(from_store)?;
                let names = found.items.into_iter().map(|record| record.key.name).collect();
                Ok((names, found.next.map(|next| next.name)))
            }
            Self::OfTraits => {
                let found = located.scope.trait_names(Page { after, limit }).await.map_err(from_store)?;
                Ok((found.items, found.next))
            }
        }
    }
}

/// Answers ListEventDefinitions.
pub(super) async fn events(
    call: &Call<'_>,
    request: ListEventDefinitionsRequest,
) -> Result<ListEventDefinitionsResponse, Status> {
    let list = call.list("ListEventDefinitions", &[&request.parent]);
    let page = list.page(request.page_size, &request.page_token)?;
    let located = tenant(call, &request.parent).await?;
    let standard = catalogue::EVENTS.iter().map(language::event).collect();
    let custom = |name: &String| EventDefinition {
        event_name: name.clone(),
        label: name.clone(),
        custom: true,
        ..EventDefinition::default()
    };
    let (event_definitions, last) = chosen(page, standard, located.as_ref(), Names::OfEvents, custom).await?;
    Ok(ListEventDefinitionsResponse { event_definitions, next_page_token: list.next(last) })
}

/// Answers ListTraitDefinitions.
pub(super) async fn traits(
    call: &Call<'_>,
    request: ListTraitDefinitionsRequest,
) -> Result<ListTraitDefinitionsResponse, Status> {
    let list = call.list("ListTraitDefinitions", &[&request.parent]);
    let page = list.page(request.page_size, &request.page_token)?;
    let located = tenant(call, &request.parent).await?;
    let standard = catalogue::TRAITS.iter().map(language::user_trait).collect();
    let custom = |name: &String| TraitDefinition {
        target: name.clone(),
        label: name.clone(),
        value_type: mapping::ValueType::Any.into(),
        custom: true,
        ..TraitDefinition::default()
    };
    let (trait_definitions, last) = chosen(page, standard, located.as_ref(), Names::OfTraits, custom).await?;
    Ok(ListTraitDefinitionsResponse { trait_definitions, next_page_token: list.next(last) })
}

/// The tenant whose own names are wanted too.
async fn tenant<'a>(call: &Call<'a>, parent: &str) -> Result<Option<Located<'a>>, Status> {
    if parent.is_empty() {
        return Ok(None);
    }
    call.locate(TenantPath::parse("parent", parent)?).await.map(Some)
}

/// One page of the standard ones, and of the tenant's own after them; and the last of it, where there are more.
async fn chosen<T>(
    page: Page<Last>,
    standard: Vec<T>,
    located: Option<&Located<'_>>,
    names: Names,
    custom: impl Fn(&String) -> T,
) -> Result<(Vec<T>, Option<Last>), Status> {
    let (size, count) = (page.limit as usize, standard.len());
    let (skipped, after) = match page.after {
        Some(Last::Standard(number)) => (number.saturating_add(1), None),
        Some(Last::Own(name)) => (count, Some(name)),
        None => (0, None),
    };
    let mut items: Vec<T> = standard.into_iter().skip(skipped).take(size).collect();
    let (end, left) = (skipped + items.len(), size - items.len());
    let (mut own, mut more) = match located {
        Some(located) => names.own(located, after, u32::try_from(left.max(1)).unwrap_or(u32::MAX)).await?,
        None => (Vec::new(), false),
    };
    more |= own.len() > left || end < count;
    own.truncate(left);
    items.extend(own.iter().map(custom));
    let last = own.pop().map_or(Last::Standard(end.saturating_sub(1)), Last::Own);
    Ok((items, more.then_some(last)))
}
