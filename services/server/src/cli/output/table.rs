//! Tables without lines, which can be read and searched.

use comfy_table::{ContentArrangement, Table, presets::NOTHING};

use super::{
    Out,
    out::OutputError,
    text::{cut, visible},
};

/// Longer cells are cut on a terminal.
const LONGEST: usize = 80;

/// Writes rows below headers; on a terminal long cells are cut, and wrapped where it is too narrow; anywhere else they
/// are whole.
pub(crate) fn write(out: &Out, headers: &[&str], rows: Vec<Vec<String>>) -> Result<(), OutputError> {
    out.line(&render(headers, rows, out.is_terminal()))
}

fn render(headers: &[&str], rows: Vec<Vec<String>>, is_terminal: bool) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_content_arrangement(if is_terminal {
        ContentArrangement::Dynamic
    } else {
        ContentArrangement::Disabled
    });
    table.set_header(headers.iter().map(|header| header.to_uppercase()));
    let limit = if is_terminal { LONGEST } else { usize::MAX };
    let shown = |row: Vec<String>| row.iter().map(|cell| visible(&cut(cell, limit))).collect::<Vec<_>>();
    table.add_rows(rows.into_iter().map(shown));
    table.trim_fmt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_cells_are_tame() {
        let rows = vec![vec!["short".into(), "x".into()], vec!["a bit\n longer".into(), "\u{1b}[2J".into()]];
        let table = render(&["name", "value"], rows, false);
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines.len(), 3, "{table}");
        let column = lines[0].find("VALUE").unwrap();
        assert_eq!(lines[1].find(" x").map(|at| at + 1), Some(column), "{table}");
        assert!(!table.contains('\u{1b}'));
    }

    #[test]
    fn long_cells_are_cut_for_people_alone() {
        let why = "because ".repeat(20);
        let table = |is_terminal| render(&["why"], vec![vec![why.clone()]], is_terminal);
        assert!(table(false).contains(why.trim_end()));
        assert!(table(true).contains('…'));
    }
}
