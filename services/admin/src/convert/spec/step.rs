//! Steps, both ways.

use tributary_domain::workflow::spec::{CaseTo, DateFormat, NamePart, Op, Step};
use tributary_proto::admin::v1::{Step as ProtoStep, step as proto};

use super::read::Reader;
use crate::convert::{enums::Twin, value};

/// The domain's step of a step of the contract; nothing when it is not valid, which is a violation at `at`.
pub(super) fn read(reader: &mut Reader<'_>, step: &ProtoStep, at: &str) -> Option<Step> {
    let Some(op) = &step.op else {
        reader.violations.add(at, "one of the operations has to be set");
        return None;
    };
    let op = match op {
        proto::Op::Trim(_) => Op::Trim,
        proto::Op::Case(case) => Op::Case(reader.required::<CaseTo>(case.to, &format!("{at}.case.to"))?),
        proto::Op::SplitName(name) => {
            Op::SplitName(reader.required::<NamePart>(name.part, &format!("{at}.split_name.part"))?)
        }
        proto::Op::Split(split) => Op::Split { separator: split.separator.clone(), index: split.index },
        proto::Op::Join(join) => Op::Join { separator: join.separator.clone() },
        proto::Op::Replace(replace) => {
            Op::Replace { pattern: replace.pattern.clone(), with: replace.with.clone() }
        }
        proto::Op::Lookup(lookup) => read_lookup(reader, lookup, &format!("{at}.lookup"))?,
        proto::Op::ToNumber(_) => Op::ToNumber,
        proto::Op::ToBool(_) => Op::ToBool,
        proto::Op::ToDate(date) => Op::ToDate(read_date(reader, date, &format!("{at}.to_date"))?),
        proto::Op::ToPhone(phone) => Op::ToPhone { country: phone.country.clone() },
        proto::Op::Default(default) => {
            let at = format!("{at}.default.value");
            let given = default.value.as_ref().ok_or("has to be set");
            Op::Default(reader.violations.take(&at, given.and_then(value::from_proto))?)
        }
    };
    Some(Step { id: step.id.clone(), op })
}

fn read_lookup(reader: &mut Reader<'_>, lookup: &proto::Lookup, at: &str) -> Option<Op> {
    let mut entries: Vec<_> = lookup.table.iter().collect();
    entries.sort_by_key(|(key, _)| *key);
    let table = entries.into_iter().filter_map(|(key, entry)| {
        let entry = reader.violations.take(&format!("{at}.table[\"{key}\"]"), value::from_proto(entry))?;
        Some((key.clone(), entry))
    });
    let table = table.collect();
    let otherwise = match &lookup.otherwise {
        Some(otherwise) => {
            Some(reader.violations.take(&format!("{at}.otherwise"), value::from_proto(otherwise))?)
        }
        None => None,
    };
    Some(Op::Lookup { table, otherwise })
}

fn read_date(reader: &mut Reader<'_>, date: &proto::ToDate, at: &str) -> Option<DateFormat> {
    use proto::to_date::Format;
    let format = Format::try_from(date.format).map_err(|_| "is not a value of this enumeration");
    let format = reader.violations.take(&format!("{at}.format"), format)?;
    let by_name = match format {
        Format::Pattern => return Some(DateFormat::Pattern(date.pattern.clone())),
        Format::Unspecified if !date.pattern.is_empty() => {
            return Some(DateFormat::Pattern(date.pattern.clone()));
        }
        Format::Unspecified | Format::Auto => DateFormat::Auto,
        Format::UnixSeconds => DateFormat::UnixSeconds,
        Format::UnixMillis => DateFormat::UnixMillis,
    };
    if !date.pattern.is_empty() {
        reader.violations.add(format!("{at}.pattern"), "only with FORMAT_PATTERN");
        return None;
    }
    Some(by_name)
}

/// A step as the contract has it.
pub(super) fn write(step: &Step) -> ProtoStep {
    let op = match &step.op {
        Op::Trim => proto::Op::Trim(proto::Trim {}),
        Op::Case(to) => proto::Op::Case(proto::Case { to: to.number() }),
        Op::SplitName(part) => proto::Op::SplitName(proto::SplitName { part: part.number() }),
        Op::Split { separator, index } => {
            proto::Op::Split(proto::Split { separator: separator.clone(), index: *index })
        }
        Op::Join { separator } => proto::Op::Join(proto::Join { separator: separator.clone() }),
        Op::Replace { pattern, with } => {
            proto::Op::Replace(proto::Replace { pattern: pattern.clone(), with: with.clone() })
        }
        Op::Lookup { table, otherwise } => proto::Op::Lookup(proto::Lookup {
            table: table.iter().map(|(key, entry)| (key.clone(), value::to_proto(entry))).collect(),
            otherwise: otherwise.as_ref().map(value::to_proto),
        }),
        Op::ToNumber => proto::Op::ToNumber(proto::ToNumber {}),
        Op::ToBool => proto::Op::ToBool(proto::ToBool {}),
        Op::ToDate(format) => proto::Op::ToDate(write_date(format)),
        Op::ToPhone { country } => proto::Op::ToPhone(proto::ToPhone { country: country.clone() }),
        Op::Default(default) => proto::Op::Default(proto::Default { value: Some(value::to_proto(default)) }),
    };
    ProtoStep { id: step.id.clone(), op: Some(op) }
}

fn write_date(format: &DateFormat) -> proto::ToDate {
    use proto::to_date::Format;
    let (format, pattern) = match format {
        DateFormat::Auto => (Format::Auto, ""),
        DateFormat::UnixSeconds => (Format::UnixSeconds, ""),
        DateFormat::UnixMillis => (Format::UnixMillis, ""),
        DateFormat::Pattern(pattern) => (Format::Pattern, pattern.as_str()),
    };
    proto::ToDate { format: format.into(), pattern: pattern.to_owned() }
}
