//! The table that is printed.

use comfy_table::{CellAlignment, Table, TableComponent, presets::UTF8_HORIZONTAL_ONLY};

use super::{
    goals::Unit,
    summary::{Figure, Report},
};

/// The whole report as text.
pub(super) fn draw(report: &Report) -> String {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY);
    table.remove_style(TableComponent::HorizontalLines);
    table.remove_style(TableComponent::MiddleIntersections);
    table.set_header(["#", "what", "value", "of the ceiling", "gate", "goal", "verdict"]);
    for figure in &report.figures {
        let ratio = figure.ratio.map_or_else(String::new, |ratio| format!("{ratio:.3}"));
        table.add_row([
            figure.id.to_owned(),
            figure.what.to_owned(),
            written(figure.unit, figure.value),
            ratio,
            bound(figure, figure.gate),
            bound(figure, figure.goal),
            figure.verdict.words().to_owned(),
        ]);
    }
    for column in table.column_iter_mut().skip(2).take(4) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut text = format!("{}\n{table}\n", head(report));
    for figure in report.figures.iter().filter(|figure| !figure.note.is_empty()) {
        text.push_str(&format!("{} {}: {}\n", figure.id, figure.what, figure.note));
    }
    text
}

fn head(report: &Report) -> String {
    let conditions = format!(
        "{} cores shared with the load, {} connections, {} s each",
        report.cores, report.connections, report.seconds
    );
    let Some(ceiling) = &report.ceiling else { return conditions };
    format!(
        "ceiling: {}, p50 {:.2} ms, p99 {:.2} ms, {:.1} µs of CPU each; {conditions}",
        written(Unit::PerSecond, ceiling.rate),
        ceiling.p50_millis,
        ceiling.p99_millis,
        ceiling.cpu_micros
    )
}

fn bound(figure: &Figure, value: f64) -> String {
    if figure.by_ratio { format!("{value}") } else { written(figure.unit, value) }
}

fn written(unit: Unit, value: f64) -> String {
    match unit {
        Unit::PerSecond => format!("{}/s", thousands(value)),
        Unit::Millis => format!("{value:.1} ms"),
        Unit::Seconds => format!("{value:.2} s"),
        Unit::Mebibytes => format!("{value:.0} MiB"),
        Unit::Times => format!("{value:.2} ×"),
    }
}

/// A whole number with its thousands apart.
fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::summary::tests::example;

    #[test]
    fn a_row_says_value_ratio_bounds_and_verdict() {
        let text = draw(&example());
        let row =
            |start: &str| text.lines().find(|line| line.trim().starts_with(start)).expect("a row").to_owned();
        let cells = |row: String| {
            row.split("  ")
                .map(str::trim)
                .filter(|cell| !cell.is_empty())
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let acknowledged = ["P1", "durable acknowledgement", "30,000/s", "0.400", "0.35", "0.5", "gate held"];
        assert_eq!(cells(row("P1")), acknowledged);
        let delivered =
            ["P5", "accepted to delivered, until drained", "2,000/s", "2,500/s", "4,000/s", "below gate"];
        assert_eq!(cells(row("P5")), delivered);
        assert!(text.starts_with("ceiling: 75,000/s"), "{text}");
        assert!(text.contains("memory, idle: small"), "{text}");
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([0.0, 999.4, 1_000.0, 1_234_567.0].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }
}
