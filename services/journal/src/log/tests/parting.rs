//! What was committed can be given back although nothing came after it.

use tempfile::TempDir;

use super::support::{ALL, message, open_in};
use crate::Journal;
use tributary_domain::partition::PartitionSet;

fn segments(dir: &TempDir) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(dir.path())
        .expect("a folder")
        .map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".log"))
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_segment_that_is_not_full_is_given_back_once_it_is_parted_from_what_comes() {
    let dir = tempfile::tempdir().expect("a folder");
    let (journal, _) = open_in(dir.path(), 0);
    assert!(journal.part().await, "there is nothing to part");
    assert_eq!(segments(&dir).len(), 1, "an empty segment is not left for another");
    let first = journal.append(message(1, 100)).await.expect("appends");
    journal.release(first).await.expect("releases");
    let before = segments(&dir);
    assert!(journal.part().await && journal.part().await);
    assert_eq!(segments(&dir).len(), 2);
    journal.release(first).await.expect("releases");
    assert_eq!(segments(&dir).len(), 1);
    assert!(!segments(&dir).contains(&before[0]), "the first one is gone");
    assert_eq!(journal.first(), first + 1);
    let second = journal.append(message(2, 100)).await.expect("appends");
    journal.close().await;
    assert!(!journal.part().await, "nobody writes any more");
    drop(journal);
    let (journal, found) = open_in(dir.path(), first);
    assert_eq!((found.first, found.tail), (first + 1, second));
    let batch = journal.read(PartitionSet::all(), first, ALL).await.expect("reads");
    assert_eq!(batch.entries.len(), 1);
    // Nothing was written to the new segment yet.
    assert!(journal.part().await);
    drop(journal);
    let (_, found) = open_in(dir.path(), first);
    assert_eq!(found.tail, second);
}
