//! `deskbell history`: closed and expired tickets, also as CSV for a spreadsheet.

use std::borrow::Cow;
use std::io::{self, Write as _};

use clap::Args;
use deskbell_proto::v1;
use jiff::civil::Date;

use crate::commands::ticket_filter::Filter;
use crate::commands::ticket_show::{Pages, group, operator, requester};
use crate::failure::Failure;
use crate::moments;
use crate::output::aside;
use crate::session::Setting;
use crate::table::Table;
use crate::words;

/// How many tickets people are shown unless they ask for more. Exports have them all.
const USUAL_LIMIT: u32 = 100;

/// See `deskbell history --help`.
#[derive(Debug, Args)]
#[command(after_help = "\
Newest first. People are shown 100 unless --limit says otherwise; --csv and --json have all. \
Operators see what they handled or what \
belonged to their groups, admins see everything. In the CSV, a cell that a spreadsheet would take \
for a formula begins with an \
apostrophe.

Example:
  deskbell history --contains printer
  deskbell history --since 2026-11-01 --until 2026-11-30
  deskbell history --csv > history.csv
  deskbell history --csv --excel > history.csv")]
pub struct History {
    #[command(flatten)]
    filter: Filter,
    /// Only what ended on this day or later, such as 2026-11-01
    #[arg(long, value_name = "DATE")]
    since: Option<Date>,
    /// Only what ended on this day or earlier
    #[arg(long, value_name = "DATE")]
    until: Option<Date>,
    /// Print CSV (RFC 4180)
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// Begin the CSV with a byte order mark, which Excel needs to read it as UTF-8
    #[arg(long, requires = "csv")]
    excel: bool,
}

const COLUMNS: [&str; 15] = [
    "number",
    "state",
    "priority",
    "requester",
    "requester_verified",
    "group",
    "operator",
    "profile",
    "submit_time",
    "end_time",
    "title",
    "description",
    "facts",
    "organization",
    "tags",
];

impl History {
    /// Lists history.
    pub async fn run(self, setting: &Setting) -> Result<(), Failure> {
        let client = setting.client().await?;
        let output = setting.output;
        let for_people = !self.csv && !output.is_json();
        let limit = self.filter.limit.or(for_people.then_some(USUAL_LIMIT));
        let request = v1::ListTicketsRequest {
            ended_since: self.since.map(moments::day_begins).transpose()?,
            ended_before: self.until.map(moments::day_ends).transpose()?,
            ..self.filter.request(&client, true, for_people).await?
        };
        let mut pages = Pages::new(&client, request, limit);
        let mut table =
            Table::new(["NUMBER", "STATE", "ENDED", "OPERATOR", "GROUP", "REQUESTER", "TITLE"]);
        if self.excel {
            // Without it, Excel takes UTF-8 for the alphabet of its country.
            io::stdout().write_all("\u{feff}".as_bytes())?;
        }
        let mut csv = writer(io::stdout());
        if self.csv {
            csv.write_record(COLUMNS).map_err(written)?;
        }
        let mut shown: usize = 0;
        while let Some(tickets) = pages.next().await? {
            shown += tickets.len();
            for ticket in &tickets {
                if self.csv {
                    csv.write_record(record(ticket).map(|text| cell(&text))).map_err(written)?;
                } else if output.is_json() {
                    output.message(ticket)?;
                } else {
                    table.row([
                        ticket.number.to_string(),
                        words::state(ticket.state).to_owned(),
                        moments::local(ticket.end_time.as_ref()),
                        operator(ticket).to_owned(),
                        group(ticket).to_owned(),
                        requester(ticket),
                        ticket.title.clone(),
                    ]);
                }
            }
            csv.flush()?;
        }
        if for_people {
            output.table(&table, "Nothing in the history.")?;
            if self.filter.limit.is_none()
                && u32::try_from(shown).is_ok_and(|shown| shown == USUAL_LIMIT)
            {
                aside("There may be more: --limit NUMBER, --csv or --json show them.");
            }
        }
        Ok(())
    }
}

fn record(ticket: &v1::Ticket) -> [String; COLUMNS.len()] {
    let mut facts: Vec<String> =
        ticket.facts.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    facts.sort();
    [
        ticket.number.to_string(),
        words::state(ticket.state).to_owned(),
        words::priority(ticket.priority).to_owned(),
        ticket.requester.clone(),
        ticket.requester_verified.to_string(),
        group(ticket).to_owned(),
        operator(ticket).to_owned(),
        ticket.profile_name.clone(),
        moments::exact(ticket.submit_time.as_ref()),
        moments::exact(ticket.end_time.as_ref()),
        ticket.title.clone(),
        ticket.description.clone(),
        facts.join("; "),
        ticket.organization.as_ref().map_or_else(String::new, |of| of.name.clone()),
        ticket.tags.join("; "),
    ]
}

/// RFC 4180. What needs quotes gets them from [`cell`].
fn writer<W: io::Write>(to: W) -> csv::Writer<W> {
    csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .quote_style(csv::QuoteStyle::Never)
        .from_writer(to)
}

/// A text as a cell: no formula, and in quotes if anything is in it that some spreadsheet separates
/// at. Many take semicolons or tabs, by their country.
fn cell(text: &str) -> String {
    let text = unformula(text);
    if text.contains([',', ';', '\t', '|', '"', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.into_owned()
    }
}

/// A cell that no spreadsheet takes for a formula, whatever white space or quotes hide its
/// beginning, and that is inert when a terminal shows it.
fn unformula(cell: &str) -> Cow<'_, str> {
    let cell = crate::inert::block(cell);
    let first = cell.trim_start().chars().next();
    let formula = matches!(first, Some('=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠'))
        || cell.starts_with(['\t', '\r', '\n']);
    if formula { Cow::Owned(format!("'{cell}")) } else { cell }
}

fn written(problem: csv::Error) -> Failure {
    match problem.into_kind() {
        csv::ErrorKind::Io(problem) => problem.into(),
        other => Failure::other(format!("Cannot write CSV: {other:?}.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_inert() {
        for cell in ["=1+1", "+49", "-2", "@SUM(A1)", " =1", "\t=1", "\n=1", "＝1"] {
            assert!(unformula(cell).starts_with('\''), "{cell:?}");
        }
        for cell in ["", "plain", "a=b", "5", "don't"] {
            assert_eq!(unformula(cell), cell);
        }
        assert_eq!(unformula("\x1b[2J"), "␛[2J");
    }

    #[test]
    fn every_text_survives_the_round_trip() {
        let ticket = v1::Ticket {
            number: 1,
            title: "says \"help\", now; please".to_owned(),
            description: "one\ntwo,\"three\"\n\n".to_owned(),
            requester: "x@y".to_owned(),
            ..Default::default()
        };
        let mut writer = writer(Vec::new());
        writer.write_record(record(&ticket).map(|text| cell(&text))).unwrap();
        let written = writer.into_inner().unwrap();
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).from_reader(written.as_slice());
        let read = reader.records().next().unwrap().unwrap();
        assert_eq!(read.iter().collect::<Vec<_>>(), record(&ticket));
    }

    #[test]
    fn a_cell_stays_a_cell_whatever_separates() {
        for separator in [b',', b';', b'\t', b'|'] {
            let text = format!("a{}=1+1", char::from(separator));
            for line in ["one line", "two\nlines"] {
                let ticket = v1::Ticket {
                    title: text.clone(),
                    description: format!("{line}{text}"),
                    ..Default::default()
                };
                let mut writer = writer(Vec::new());
                writer.write_record(record(&ticket).map(|text| cell(&text))).unwrap();
                let written = writer.into_inner().unwrap();
                // In quotes, it reads as one cell: no program sees a formula after the separator.
                let mut inside = false;
                for (at, &byte) in written.iter().enumerate() {
                    match byte {
                        b'"' => inside = !inside,
                        b'=' => assert!(inside, "byte {at} of {written:?}"),
                        byte if byte == separator && byte != b',' => assert!(inside),
                        _ => {}
                    }
                }
            }
        }
    }
}
