//! What a name stands for whose source or workflow is left open.

use tonic::Status;
use tributary_domain::id::{SourceId, WorkflowId};
use tributary_store::{LARGEST_PAGE, Page, Show};

use crate::{call::Located, error::from_store};

/// All sources of the tenant; deleted ones too, as long as they can come back.
pub(super) async fn sources(located: &Located<'_>) -> Result<Vec<SourceId>, Status> {
    let (mut sources, mut page) = (Vec::new(), Page::first(LARGEST_PAGE));
    loop {
        let found = located.scope.sources(Show::All, page).await.map_err(from_store)?;
        sources.extend(found.items.iter().map(|source| source.id));
        let Some(next) = found.next else { return Ok(sources) };
        page = Page::after(next, LARGEST_PAGE);
    }
}

/// All workflows of the source, or of all sources; deleted ones too, as long as they can come back.
pub(super) async fn workflows(
    located: &Located<'_>,
    source: Option<SourceId>,
) -> Result<Vec<WorkflowId>, Status> {
    let (mut workflows, mut page) = (Vec::new(), Page::first(LARGEST_PAGE));
    loop {
        let found = located.scope.workflows(source, Show::All, page).await.map_err(from_store)?;
        workflows.extend(found.items.iter().map(|workflow| workflow.id));
        let Some(next) = found.next else { return Ok(workflows) };
        page = Page::after(next, LARGEST_PAGE);
    }
}
