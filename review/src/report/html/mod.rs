//! The review of a change as one HTML file without network: overview, diagram, findings, changes with filters, cost,
//! permissions.
//!
//! It is readable without JavaScript; the script only filters the changes. Colors follow the reader's system, and each
//! color is written in words as well.

mod estimate;

use std::fmt::Write as _;

use stackwright_estimate::cost::{Money, MoneyRange};
use stackwright_synth::Assembly;

use crate::card::{Card, Verdict, summary_of, with_marks};
use crate::diagnostic::Diagnostic;
use crate::diff::{self, Diff, Effect, Line, PropertyChange, ResourceAction, ResourceChange, StackDiff};
use crate::graph;
use crate::visible::is_unsafe_character;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// The number of source lines that are shown around a finding.
const SOURCE_LINES: usize = 2;

/// Returns a card as one HTML file. `new` is the assembly as it will be; `source` gives the text of a source file where it can be
/// had.
pub fn html(card: &Card, new: &Assembly, source: impl Fn(&str) -> Option<String>) -> String {
    let sections = [
        ("overview", "Overview", overview(card)),
        ("changes", "Changes", changes(&card.diff)),
        ("security", "Security", security(&card.diff)),
        ("findings", "Findings", findings(card, &source)),
        ("cost", "Cost", cost(card) + &estimate::costs(card)),
        ("capacity", "Quotas and memory", capacity(card) + &estimate::memory(card)),
        ("diagrams", "Diagrams", diagrams(card, new)),
        ("permissions", "Permissions", permissions(new)),
    ];
    page(&format!("Review: {}", verdict(card.verdict)), sections)
}

/// Returns a comparison as one HTML file, with the changes and the security changes.
pub fn diff_html(diff: &Diff) -> String {
    let summary = diff::summary(diff);
    let overview = format!("<p>{}.</p>\n", escaped(&summary));
    let sections = [
        ("overview", "Overview", overview),
        ("changes", "Changes", changes(diff)),
        ("security", "Security", security(diff)),
    ];
    page(&format!("Differences: {summary}"), sections)
}

/// Returns a page of sections: ID, title and content. Those without content are left out.
fn page<const N: usize>(title: &str, sections: [(&str, &str, String); N]) -> String {
    let sections: Vec<_> = sections.into_iter().filter(|(_, _, content)| !content.is_empty()).collect();
    let mut body = String::from("<nav aria-label=\"Sections\"><ul>");
    for (id, title, _) in &sections {
        let _ = write!(body, "<li><a href=\"#{id}\">{title}</a></li>");
    }
    body.push_str("</ul></nav>\n<main>\n");
    for (id, title, content) in &sections {
        let _ = writeln!(
            body,
            "<section id=\"{id}\" aria-labelledby=\"{id}-title\"><h2 id=\"{id}-title\">{title}</h2>\n{content}</section>"
        );
    }
    body.push_str("</main>\n");
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
         <link rel=\"icon\" href=\"data:,\">\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#overview\">Skip to the overview</a>\n<header><h1>{title}</h1></header>\n\
         {body}<script>{SCRIPT}</script>\n</body>\n</html>\n",
        title = escaped(title),
    )
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Nothing => "no change of the infrastructure",
        Verdict::Safe => "no approval needed",
        Verdict::NeedsApproval => "needs approval",
        Verdict::Refused => "would fail",
    }
}

/// Returns a text inside of HTML, in an attribute too.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(letter),
            letter if is_unsafe_character(letter) => escaped.push('\u{FFFD}'),
            other => escaped.push(other),
        }
    }
    escaped
}

fn overview(card: &Card) -> String {
    let mut text = format!(
        "<p class=\"verdict {}\">{}</p>\n<p>{}",
        card.verdict.name(),
        escaped(verdict(card.verdict)),
        escaped(&diff::summary(&card.diff))
    );
    if !card.base.is_empty() {
        let _ = write!(text, ", compared with <code>{}</code>", escaped(&card.base));
    }
    text.push_str(".</p>\n");
    if !card.approvals.is_empty() {
        text.push_str("<h3>Approvals that <code>deploy</code> will ask for</h3>\n<ul>");
        for one in &card.approvals {
            let class = if one.is_dangerous { " class=\"danger\"" } else { "" };
            let _ = write!(
                text,
                "<li{class}><code>{}</code> ({}): {}</li>",
                escaped(&one.words()),
                escaped(&one.stack),
                escaped(&one.reason)
            );
        }
        text.push_str("</ul>\n");
    }
    text
}

fn changes(diff: &Diff) -> String {
    if diff.is_empty() {
        return String::new();
    }
    let mut names: Vec<&str> = diff.resources().map(|change| change.consequence.name()).collect();
    names.sort_unstable();
    names.dedup();
    // Shown by the script: without it there is nothing to filter with.
    let mut text = String::from("<form class=\"filters\" hidden aria-label=\"Filter the changes\">");
    for name in names {
        let _ = write!(
            text,
            "<label><input type=\"checkbox\" name=\"consequence\" value=\"{name}\" checked> {name}</label> "
        );
    }
    text.push_str(
        "<label>Contains <input type=\"search\" name=\"text\"></label> <output aria-live=\"polite\"></output></form>\n",
    );
    for stack in &diff.stacks {
        text.push_str(&stack_changes(stack));
    }
    text
}

fn stack_changes(stack: &StackDiff) -> String {
    let mut text = format!("<h3>{}</h3>\n", escaped(&stack.id));
    for note in &stack.notes {
        let _ = writeln!(text, "<p class=\"note\">{}</p>", escaped(note));
    }
    for change in &stack.resources {
        text.push_str(&resource(change));
    }
    let others: Vec<&PropertyChange> = stack.settings.iter().chain(&stack.sections).collect();
    if !others.is_empty() {
        let _ = write!(text, "<details><summary>Outside of resources ({})</summary>", others.len());
        text.push_str(&list(others.into_iter()));
        text.push_str("</details>\n");
    }
    if !stack.assets.is_empty() {
        let _ = write!(text, "<details><summary>Assets ({})</summary><ul>", stack.assets.len());
        for asset in &stack.assets {
            let key = |key: &Option<String>| key.as_deref().map_or("nothing".to_owned(), escaped);
            let _ =
                write!(text, "<li><code>{}</code> → <code>{}</code>", key(&asset.before), key(&asset.after));
            if let Some(files) = &asset.files {
                text.push_str("<ul>");
                for file in files {
                    let _ = write!(text, "<li>{} <code>{}</code></li>", file.sign(), escaped(file.name()));
                }
                text.push_str("</ul>");
            }
            text.push_str("</li>");
        }
        text.push_str("</ul></details>\n");
    }
    text
}

fn resource(change: &ResourceChange) -> String {
    let is_open = matches!(change.action, ResourceAction::Modified | ResourceAction::Moved);
    let mut text = format!(
        "<details class=\"change {class}\" data-consequence=\"{class}\"{open}><summary><span class=\"sign\" \
         aria-hidden=\"true\">{sign}</span> <strong>{name}</strong> <span class=\"type\">{kind}</span> {fate}</summary>\n",
        class = change.consequence.name(),
        open = if is_open { " open" } else { "" },
        sign = change.consequence.sign(),
        name = escaped(&change.name()),
        kind = escaped(&change.resource_type),
        fate = escaped(&diff::fate(change)),
    );
    text.push_str(&list(change.properties.iter().chain(&change.attributes)));
    if !change.written.is_empty() {
        text.push_str("<p>As written, without an effect with the default of every parameter:</p>");
        text.push_str(&list(change.written.iter()));
    }
    for failure in &change.failures {
        let _ = writeln!(text, "<p class=\"danger\">Will fail: {}</p>", escaped(failure));
    }
    for note in &change.notes {
        let _ = writeln!(text, "<p class=\"note\">{}</p>", escaped(note));
    }
    if let Some(location) = &change.location {
        let _ = writeln!(text, "<p class=\"location\">{}:{}</p>", escaped(&location.file), location.line);
    }
    text.push_str("</details>\n");
    text
}

fn list<'a>(changes: impl Iterator<Item = &'a PropertyChange>) -> String {
    let lines = diff::grouped(changes);
    if lines.is_empty() {
        return String::new();
    }
    let mut text = String::from("<ul class=\"properties\">");
    for line in lines {
        match line {
            Line::One(line) => _ = write!(text, "<li><code>{}</code></li>", escaped(&line)),
            Line::Several(path, lines) => {
                let _ = write!(text, "<li><code>{}</code><pre>", escaped(&path));
                for (sign, number, line) in lines {
                    let element = if sign == '+' { "ins" } else { "del" };
                    let _ = writeln!(text, "<{element}>{sign}{number:>4} {}</{element}>", escaped(&line));
                }
                text.push_str("</pre></li>");
            }
        }
    }
    text.push_str("</ul>\n");
    text
}

fn security(diff: &Diff) -> String {
    let all: Vec<_> =
        diff.stacks.iter().flat_map(|stack| stack.security.iter().map(move |one| (stack, one))).collect();
    if all.is_empty() {
        return String::new();
    }
    let mut text = table("Security changes", &["Effect", "About", "Resource", "What"]);
    for (stack, one) in all {
        let class = match one.effect {
            Effect::Broadened => "danger",
            Effect::Changed => "warning",
            Effect::Narrowed => "good",
        };
        let _ = writeln!(
            text,
            "<tr><td class=\"{class}\">{}</td><td>{}</td><td>{}/{}</td><td><code>{}</code></td></tr>",
            one.effect.name(),
            one.subject.name(),
            escaped(&stack.id),
            escaped(&one.logical_id),
            escaped(&one.what)
        );
    }
    text.push_str("</tbody></table></div>\n");
    text
}

fn table(caption: &str, columns: &[&str]) -> String {
    let columns: String = columns.iter().map(|column| format!("<th scope=\"col\">{column}</th>")).collect();
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{caption}\"><table><caption>{caption}</caption>\
         <thead><tr>{columns}</tr></thead><tbody>\n"
    )
}

fn findings(card: &Card, source: &impl Fn(&str) -> Option<String>) -> String {
    if card.new_findings.len() + card.known_findings + card.fixed_findings == 0 {
        return String::new();
    }
    let mut text = format!(
        "<p>{} new, {} known, {} fixed.</p>\n",
        card.new_findings.len(),
        card.known_findings,
        card.fixed_findings
    );
    for one in &card.new_findings {
        text.push_str(&finding(one, source));
    }
    text
}

fn finding(one: &Diagnostic, source: &impl Fn(&str) -> Option<String>) -> String {
    let mut text = format!(
        "<article class=\"finding {severity}\"><h3>{severity}: {message}</h3>\n<p><code>{id}</code> at {subject}</p>\n",
        severity = one.severity.name(),
        message = escaped(&one.message),
        id = escaped(&one.id),
        subject = escaped(&one.subject()),
    );
    if let Some(location) = &one.location {
        let _ = writeln!(text, "<p class=\"location\">{}:{}</p>", escaped(&location.file), location.line);
        if let Some(source) = source(&location.file) {
            let at = location.line as usize;
            text.push_str("<pre>");
            let from = at.saturating_sub(SOURCE_LINES + 1);
            for (number, line) in source.lines().enumerate().skip(from).take(2 * SOURCE_LINES + 1) {
                let line = format!("{:>5} {}", number + 1, escaped(line));
                let _ = if number + 1 == at {
                    writeln!(text, "<mark>{line}</mark>")
                } else {
                    writeln!(text, "{line}")
                };
            }
            text.push_str("</pre>\n");
        }
    }
    if let Some(help) = &one.help {
        let _ = writeln!(text, "<p class=\"note\">{}</p>", escaped(help));
    }
    text.push_str("</article>\n");
    text
}

fn cost(card: &Card) -> String {
    if card.cost.is_empty() {
        return String::new();
    }
    let mut text = table("Cost before and after", &["What", "Before", "After", "Note"]);
    for one in &card.cost {
        let amount = |amount: &Option<String>| amount.as_deref().map_or("—".to_owned(), escaped);
        let _ = writeln!(
            text,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escaped(&one.what),
            amount(&one.before),
            amount(&one.after),
            one.note.as_deref().map(escaped).unwrap_or_default()
        );
    }
    text.push_str("</tbody></table></div>\n");
    text + &prices(card) + &cost_chart(card)
}

/// Returns the prices on which the cost rests.
fn prices(card: &Card) -> String {
    if card.prices.is_empty() {
        return String::new();
    }
    let mut text = format!("<details><summary>{}</summary>", escaped(&summary_of(&card.prices)));
    text.push_str(&table("Prices in US dollars", &["Item", "USD", "Region", "Date", "Source"]));
    for one in &card.prices {
        let _ = writeln!(
            text,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escaped(&one.item),
            one.usd.exact(),
            escaped(&one.region),
            escaped(&one.date),
            escaped(&with_marks(one))
        );
    }
    text.push_str("</tbody></table></div></details>\n");
    text
}

/// Returns the minimum and the maximum amount as numbers.
fn dollars(range: MoneyRange) -> (f64, f64) {
    let one = |money: Money| money.exact().parse().unwrap_or_default();
    (one(range.least), one(range.most))
}

/// Returns the monthly amounts as bars: the minimum in a full color, and the difference to the maximum in a light color.
fn cost_chart(card: &Card) -> String {
    const ROW: usize = 26;
    const WIDTH: f64 = 360.0;
    let rows: Vec<(&str, &str, (f64, f64))> = card
        .cost
        .iter()
        .filter_map(|one| one.ranges.map(|ranges| (one, ranges)))
        .flat_map(|(one, ranges)| {
            let what = one.what.as_str();
            [(what, "before", dollars(ranges.before)), (what, "after", dollars(ranges.after))]
        })
        .collect();
    let most = rows.iter().map(|(.., (_, ceiling))| *ceiling).fold(0.0, f64::max);
    if most <= 0.0 {
        return String::new();
    }
    let height = rows.len() * ROW;
    let mut text = format!(
        "<div class=\"scroll diagram\" tabindex=\"0\" role=\"region\" aria-label=\"Chart of the cost a month\">\
         <svg role=\"img\" aria-label=\"The cost a month before and after; the table has the numbers\" width=\"760\" \
         height=\"{height}\" viewBox=\"0 0 760 {height}\" font-family=\"system-ui, sans-serif\" font-size=\"13\">\n"
    );
    for (number, (what, when, (floor, ceiling))) in rows.into_iter().enumerate() {
        let y = number * ROW;
        let width = |amount: f64| WIDTH * amount / most;
        let color = if when == "before" { "#8c959f" } else { "#0969da" };
        let _ = writeln!(
            text,
            "<text x=\"300\" y=\"{baseline}\" text-anchor=\"end\" fill=\"#1f2328\">{what} {when}</text>\
             <rect x=\"308\" y=\"{top}\" width=\"{most:.1}\" height=\"16\" fill=\"{color}\" fill-opacity=\"0.35\"/>\
             <rect x=\"308\" y=\"{top}\" width=\"{least:.1}\" height=\"16\" fill=\"{color}\"/>\
             <text x=\"{end:.1}\" y=\"{baseline}\" fill=\"#1f2328\">{ceiling:.0} USD</text>",
            baseline = y + 17,
            top = y + 5,
            what = escaped(what.split(", ").next().unwrap_or_default()),
            most = width(ceiling),
            least = width(floor),
            end = 314.0 + width(ceiling),
        );
    }
    text.push_str("</svg></div>\n");
    text
}

/// Returns the quotas and the GPU memory that change.
fn capacity(card: &Card) -> String {
    let mut text = String::new();
    if !card.quotas.is_empty() {
        text.push_str(&table(
            "Service quotas that all stacks need during an update",
            &["Quota", "Code", "Before", "After", "Default of AWS"],
        ));
        for one in &card.quotas {
            let number = |number: Option<u64>| {
                number.map_or("unknown".to_owned(), |number| format!("{number} {}", one.unit))
            };
            let class = if one.exceeds_default() { " class=\"danger\"" } else { "" };
            let more = if one.exceeds_default() { ", more than the default" } else { "" };
            let _ = writeln!(
                text,
                "<tr><td>{}</td><td>{}</td><td>{}</td><td{class}>{}{more}</td><td>{}</td></tr>",
                escaped(&one.name),
                escaped(one.code.as_deref().unwrap_or("unknown")),
                number(one.before),
                number(one.after),
                number(one.default)
            );
        }
        text.push_str("</tbody></table></div>\n");
    }
    let shown: Vec<_> = card.memory.iter().filter(|one| one.is_shown()).collect();
    if !shown.is_empty() {
        text.push_str(&table("GPU memory", &["Resource", "Before", "After"]));
        for one in shown {
            let gpus = |gpus: &Option<String>| gpus.as_deref().map_or("no GPU".to_owned(), escaped);
            let before = if one.before.is_none() && one.stated.is_some() {
                "not there".into()
            } else {
                gpus(&one.before)
            };
            let class = if one.is_risk() { " class=\"danger\"" } else { "" };
            let less = if one.shrinks { ", less than before" } else { "" };
            let _ = writeln!(
                text,
                "<tr><td>{}</td><td>{before}</td><td{class}>{}{less}</td></tr>",
                escaped(&one.what),
                gpus(&one.after)
            );
        }
        text.push_str("</tbody></table></div>\n");
    }
    text
}

fn diagrams(card: &Card, new: &Assembly) -> String {
    let mut text = String::new();
    let mut add = |title: &str, graph: &graph::Graph, is_open: bool| {
        let open = if is_open { " open" } else { "" };
        let _ = writeln!(
            text,
            "<details class=\"diagram\"{open}><summary>{}</summary><div class=\"scroll\" tabindex=\"0\" role=\"region\" \
             aria-label=\"Diagram of {}\">{}</div></details>",
            escaped(title),
            escaped(title),
            graph::svg(&graph::collapse(graph.clone(), graph::MAX_NODES))
        );
    };
    for stack in &new.stacks {
        match card.graphs.iter().find(|one| one.stack == stack.id) {
            Some(one) => add(&one.stack, &one.graph, true),
            None => add(&stack.id, &graph::of_stack(stack), false),
        }
        for graph in graph::documents(stack) {
            add(&graph.title, &graph, false);
        }
    }
    if new.stacks.len() > 1 {
        add("All stacks", &graph::of_app(new), false);
    }
    text
}

fn permissions(new: &Assembly) -> String {
    let mut rows = String::new();
    for stack in &new.stacks {
        for one in diff::permissions(stack) {
            let _ = writeln!(
                rows,
                "<tr><td>{}/{}</td><td>{}</td><td>{}</td><td><code>{}</code></td><td><code>{}</code></td><td>{}</td></tr>",
                escaped(&stack.id),
                escaped(&one.logical_id),
                if one.allows { "allows" } else { "denies" },
                escaped(&one.principals.join(", ")),
                escaped(&one.actions.join(", ")),
                escaped(&one.resources.join(", ")),
                escaped(&one.conditions.join(", "))
            );
        }
    }
    if rows.is_empty() {
        return rows;
    }
    let head = table(
        "Statements of all policies after the change",
        &["Policy", "Effect", "Principals", "Actions", "Resources", "Conditions"],
    );
    format!("{head}{rows}</tbody></table></div>\n")
}

#[cfg(test)]
mod tests {
    use crate::card::{Options, card};

    use super::*;

    #[test]
    fn is_one_file_without_network_and_escapes_what_others_write() {
        let read = |text: &str| Assembly::of_template("s.yaml", text.to_owned()).unwrap();
        let old = read("Resources: {T: {Type: AWS::SNS::Topic}}");
        let new = read(
            "Resources: {T: {Type: AWS::SNS::Topic, Properties: {DisplayName: '<script>alert(1)</script>', Wrong: '</style>'}}}",
        );
        let card = card(&old, &new, Options::new("<b>"));
        let page = html(&card, &new, |_| Some("<img src=x>\n".into()));
        assert!(
            !page.contains("<script>alert") && !page.contains("<b>") && !page.contains("<img src=x"),
            "{page}"
        );
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
        let outside = ["http://", "https://"].iter().flat_map(|scheme| page.match_indices(scheme));
        for (at, _) in outside {
            let around = &page[at.saturating_sub(20)..(at + 30).min(page.len())];
            assert!(around.contains("www.w3.org"), "{around}");
        }
        assert_eq!(page.matches("<section").count(), page.matches("</section>").count());
        assert!(page.contains("<html lang=\"en\">") && page.contains("<main>"));
    }

    /// The page of a comparison has the same parts as the report of a review.
    #[test]
    fn a_comparison_is_the_part_of_the_report() {
        let read = |text: &str| Assembly::of_template("s.yaml", text.to_owned()).unwrap();
        let group = |address: &str| {
            read(&format!(
                "Resources: {{G: {{Type: AWS::EC2::SecurityGroup, Properties: {{GroupDescription: '<b>', SecurityGroupIngress: \
                 [{{IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: {address}}}]}}}}}}"
            ))
        };
        let (old, new) = (group("10.0.0.0/8"), group("0.0.0.0/0"));
        let card = card(&old, &new, Options::default());
        let (report, page) = (html(&card, &new, |_| None), diff_html(&card.diff));
        for id in ["changes", "security"] {
            let part = |page: &str| {
                let start = page.find(&format!("<section id=\"{id}\"")).unwrap();
                page[start..start + page[start..].find("</section>").unwrap()].to_owned()
            };
            assert_eq!(part(&report), part(&page));
            assert!(part(&page).contains("0.0.0.0/0"), "{page}");
        }
        assert!(page.contains("data-consequence=\"updated\"") && !page.contains("id=\"findings\""));
        assert!(!diff_html(&Diff::default()).contains("id=\"changes\""));
    }
}
