//! Messages to map from, as a table of their values.

use tributary_proto::admin::v1::{Sample, sample::path_value::Type};

use crate::cli::output::{Out, Style, Text, json, table, time::moment};

/// Shows a message with the paths of its values; for programs, as JSON in one line.
///
/// # Errors
/// When standard output cannot be written to.
pub(in crate::cli) fn show(out: &Out, sample: &Sample) -> anyhow::Result<()> {
    if out.is_json() {
        return Ok(out.json_line(&json(sample)?)?);
    }
    let message = sample.message.clone().unwrap_or_default();
    let head = Text::new()
        .with(Style::Bold, &message.message_id)
        .with(Style::Dim, format!("  {}  {}", moment(message.receive_time.as_ref()), message.provider_event));
    out.text(&head)?;
    let rows = sample.values.iter().map(|value| {
        let kind = value.r#type().as_str_name().trim_start_matches("TYPE_").to_lowercase();
        let shown = if value.r#type() == Type::Null { String::new() } else { value.value.clone() };
        vec![value.path.clone(), kind, shown]
    });
    table::write(out, &["path", "type", "value"], rows.collect())?;
    if sample.values_truncated {
        out.line("… and more: the whole body is in --output json")?;
    }
    Ok(())
}
