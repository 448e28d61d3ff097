//! A graph as Mermaid, which GitHub and GitLab draw.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Graph, Node, colors, label};

/// Returns the graph as Mermaid, with all of its nodes: use [`super::collapse`] for a large graph.
pub fn mermaid(graph: &Graph) -> String {
    let numbers: BTreeMap<&str, usize> =
        graph.nodes.iter().enumerate().map(|(number, node)| (node.id.as_str(), number)).collect();
    let mut text = String::from("flowchart LR\n");
    let mut groups: BTreeMap<Option<&str>, Vec<&Node>> = BTreeMap::new();
    for node in &graph.nodes {
        groups.entry(node.group.as_deref()).or_default().push(node);
    }
    for (number, (group, nodes)) in groups.iter().enumerate() {
        if let Some(name) = group {
            let _ = writeln!(text, "  subgraph g{number}[\"{}\"]", escaped(name));
        }
        for node in nodes {
            let lines: Vec<String> = label(node).iter().map(|line| escaped(line)).collect();
            let at = numbers.get(node.id.as_str()).copied().unwrap_or_default();
            let _ = writeln!(text, "    n{at}[\"{}\"]", lines.join("<br/>"));
        }
        if group.is_some() {
            text.push_str("  end\n");
        }
    }
    for edge in &graph.edges {
        let (Some(from), Some(to)) = (numbers.get(edge.from.as_str()), numbers.get(edge.to.as_str())) else {
            continue;
        };
        let label = edge.label.as_ref().map(|label| format!("|\"{}\"|", escaped(label))).unwrap_or_default();
        let _ = writeln!(text, "  n{from} -->{label} n{to}");
    }
    for node in graph.nodes.iter().filter(|node| node.change.is_some()) {
        let (fill, stroke) = colors(node.change);
        let at = numbers.get(node.id.as_str()).copied().unwrap_or_default();
        let _ = writeln!(text, "  style n{at} fill:{fill},stroke:{stroke},color:#1f2328");
    }
    text
}

/// Returns a text inside of quotes of Mermaid, which reads entities with `#` for `&`.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '"' => escaped.push_str("#quot;"),
            '#' => escaped.push_str("#35;"),
            '<' => escaped.push_str("#lt;"),
            '>' => escaped.push_str("#gt;"),
            '`' => escaped.push_str("#96;"),
            letter if letter.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}
