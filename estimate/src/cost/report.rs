//! An estimate as text, JSON, Markdown and CSV.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::json;

use super::money::Money;
use super::{Estimate, Line, Per, Total};

fn amount(value: Option<Money>) -> String {
    value.map_or("unknown".to_owned(), |money| format!("${money}"))
}

fn per(value: Per) -> &'static str {
    match value {
        Per::Month => "month",
        Per::Run => "run",
        Per::UpdateHour => "hour of an update",
    }
}

/// Returns the stacks in their order.
fn stacks(estimate: &Estimate) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for line in &estimate.lines {
        if !names.contains(&line.stack.as_str()) {
            names.push(&line.stack);
        }
    }
    names
}

fn lines<'e>(estimate: &'e Estimate, stack: &'e str, of: Per) -> Vec<&'e Line> {
    estimate.lines.iter().filter(|line| line.stack == stack && line.per == of).collect()
}

/// Returns the cells of a line: resource and item, then the least, typical and most.
fn cells(line: &Line) -> [String; 4] {
    let name = format!("{}: {}", line.resource, line.item);
    if line.unknown.is_some() {
        return [name, "unknown".to_owned(), "unknown".to_owned(), "unknown".to_owned()];
    }
    [
        name,
        amount(line.floor),
        line.typical.map_or("not stated".to_owned(), |money| format!("${money}")),
        amount(line.ceiling),
    ]
}

fn total_cells(name: &str, total: &Total) -> [String; 4] {
    [
        name.to_owned(),
        format!("${}", total.floor),
        format!("${}", total.typical),
        format!("${}", total.ceiling),
    ]
}

/// Returns the tables of an estimate: a title, column names and rows.
fn tables(estimate: &Estimate) -> Vec<(String, Vec<[String; 4]>)> {
    let mut tables = Vec::new();
    for stack in stacks(estimate) {
        let name = if stack.is_empty() { "the template" } else { stack };
        for (of, title) in [
            (Per::Month, format!("{name}: cost a month")),
            (Per::Run, format!("{name}: cost of one run of each job")),
            (Per::UpdateHour, format!("{name}: additional cost an hour while an update lasts")),
        ] {
            let found = lines(estimate, stack, of);
            if found.is_empty() {
                continue;
            }
            let mut rows: Vec<_> = found.iter().map(|line| cells(line)).collect();
            if of == Per::Month {
                rows.push(total_cells("total of known costs", &estimate.monthly_of(stack)));
            }
            tables.push((title, rows));
        }
    }
    if stacks(estimate).len() > 1 {
        tables.push((
            "All stacks: cost a month".to_owned(),
            vec![total_cells("total of known costs", &estimate.monthly())],
        ));
    }
    tables
}

const COLUMNS: [&str; 4] = ["resource", "least", "typical", "most"];

/// Prices with their doubts, each once.
fn sources(estimate: &Estimate) -> Vec<String> {
    let prices = estimate.lines.iter().filter_map(|line| line.price.as_ref());
    let found: BTreeSet<String> = prices.map(ToString::to_string).collect();
    found.into_iter().collect()
}

fn unknown(estimate: &Estimate) -> Vec<String> {
    let name = |line: &Line| {
        format!("{} ({}): {}", line.resource, line.item, line.unknown.as_deref().unwrap_or_default())
    };
    estimate.lines.iter().filter(|line| line.unknown.is_some()).map(name).collect()
}

fn notes(estimate: &Estimate) -> Vec<String> {
    let of = |line: &Line| {
        line.notes.iter().map(|note| format!("{} ({}): {note}", line.resource, line.item)).collect::<Vec<_>>()
    };
    estimate.lines.iter().flat_map(of).collect()
}

/// Returns the sections after the tables, each with a title and its lines.
fn appendix(estimate: &Estimate) -> Vec<(&'static str, Vec<String>)> {
    let parts = [
        ("Unknown, and not in the totals", unknown(estimate)),
        ("Ignored", estimate.warnings.clone()),
        ("Notes", notes(estimate)),
        ("Assumptions", estimate.assumptions.clone()),
        ("Prices in US dollars: item, price, region, date, source", sources(estimate)),
    ];
    parts.into_iter().filter(|(_, lines)| !lines.is_empty()).collect()
}

/// Returns the estimate as text: a table for each stack, the unknown amounts, the assumptions and the sources of
/// prices.
pub fn text(estimate: &Estimate) -> String {
    let tables = tables(estimate);
    let mut text = String::new();
    if tables.is_empty() {
        text.push_str("Nothing in these stacks has a cost of its own.\n");
    }
    let rows = || tables.iter().flat_map(|(_, rows)| rows);
    let width = |column: usize| {
        rows().map(|row| row[column].chars().count()).max().unwrap_or(0).max(COLUMNS[column].len())
    };
    let widths = [width(0), width(1), width(2), width(3)];
    for (title, rows) in &tables {
        let [a, b, c, d] = COLUMNS;
        let _ = writeln!(text, "{title}");
        let _ =
            writeln!(text, "  {a:0$}  {b:>1$}  {c:>2$}  {d:>3$}", widths[0], widths[1], widths[2], widths[3]);
        for [a, b, c, d] in rows {
            let _ = writeln!(
                text,
                "  {a:0$}  {b:>1$}  {c:>2$}  {d:>3$}",
                widths[0], widths[1], widths[2], widths[3]
            );
        }
        text.push('\n');
    }
    for (title, lines) in appendix(estimate) {
        let _ = writeln!(text, "{title}:");
        for line in lines {
            let _ = writeln!(text, "  {line}");
        }
    }
    text
}

/// Returns the estimate as Markdown, for pull requests.
pub fn markdown(estimate: &Estimate) -> String {
    let mut text = String::new();
    let escaped = |cell: &String| cell.replace('|', "\\|");
    for (title, rows) in tables(estimate) {
        let _ = writeln!(text, "### {title}\n\n| {} |\n|---|---:|---:|---:|", COLUMNS.join(" | "));
        for row in rows {
            let _ = writeln!(text, "| {} |", row.iter().map(escaped).collect::<Vec<_>>().join(" | "));
        }
        text.push('\n');
    }
    for (title, lines) in appendix(estimate) {
        let _ = writeln!(text, "<details><summary>{title}</summary>\n");
        for line in lines {
            let _ = writeln!(text, "- {line}");
        }
        text.push_str("\n</details>\n\n");
    }
    text
}

/// Returns the estimate as JSON. Amounts are strings with decimals in US dollars; `null` is unknown.
pub fn json(estimate: &Estimate) -> String {
    let per_stack: serde_json::Map<_, _> = stacks(estimate)
        .into_iter()
        .map(|stack| (stack.to_owned(), json!(estimate.monthly_of(stack))))
        .collect();
    let document = json!({
        "version": 1,
        "currency": "USD",
        "region": estimate.region,
        "monthly": estimate.monthly(),
        "stacks": per_stack,
        "lines": estimate.lines,
        "assumptions": estimate.assumptions,
        "warnings": estimate.warnings,
    });
    format!("{document:#}\n")
}

/// Returns the estimate as CSV, with a row for each cost.
pub fn csv(estimate: &Estimate) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let exact = |value: Option<Money>| value.map(Money::exact).unwrap_or_default();
    let header = [
        "stack",
        "resource",
        "type",
        "item",
        "per",
        "least",
        "typical",
        "most",
        "formula",
        "price",
        "price_region",
        "price_date",
        "price_source",
        "marks",
        "unknown",
    ];
    let mut write = |row: Vec<String>| writer.write_record(row).is_ok();
    write(header.iter().map(|name| (*name).to_owned()).collect());
    for line in &estimate.lines {
        let of_price =
            |field: fn(&super::Price) -> String| line.price.as_ref().map(field).unwrap_or_default();
        write(vec![
            line.stack.clone(),
            line.resource.clone(),
            line.resource_type.clone(),
            line.item.clone(),
            per(line.per).to_owned(),
            exact(line.floor),
            exact(line.typical),
            exact(line.ceiling),
            line.formula.clone(),
            of_price(|price| price.usd.exact()),
            of_price(|price| price.region.clone()),
            of_price(|price| price.date.clone()),
            of_price(|price| price.source.clone()),
            of_price(|price| price.marks.join("; ")),
            line.unknown.clone().unwrap_or_default(),
        ]);
    }
    writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}
