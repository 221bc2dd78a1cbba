//! Reading lists page by page.

use tonic::Status;

use super::client::refused;

/// The largest page that a server gives.
const PAGE: usize = 200;

/// Up to `limit` items; `ask` is handed the size and the token of each page and gives its items and the next token.
///
/// # Errors
/// When the server refuses.
pub(super) async fn all<T>(
    limit: usize,
    ask: impl AsyncFn(i32, String) -> Result<(Vec<T>, String), Status>,
) -> anyhow::Result<Vec<T>> {
    let mut items = Vec::new();
    let mut token = String::new();
    while items.len() < limit {
        let size = i32::try_from((limit - items.len()).min(PAGE))?;
        let (page, next) = ask(size, token).await.map_err(refused)?;
        items.extend(page);
        if next.is_empty() {
            break;
        }
        token = next;
    }
    items.truncate(limit);
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pages of a list of 450 numbers.
    async fn ask(size: i32, token: String) -> Result<(Vec<usize>, String), Status> {
        let start: usize = token.parse().unwrap_or_default();
        let end = (start + usize::try_from(size).unwrap()).min(450);
        Ok(((start..end).collect(), if end < 450 { end.to_string() } else { String::new() }))
    }

    #[tokio::test]
    async fn pages_are_read_until_the_end_or_the_limit() {
        assert_eq!(all(usize::MAX, ask).await.unwrap(), (0..450).collect::<Vec<_>>());
        assert_eq!(all(201, ask).await.unwrap(), (0..201).collect::<Vec<_>>());
        assert!(all(0, ask).await.unwrap().is_empty());
    }
}
