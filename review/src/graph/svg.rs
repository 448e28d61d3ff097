//! A graph as SVG. The crate `layout-rs` places nodes and edges.

use std::collections::BTreeMap;

use layout::backends::svg::SVGWriter;
use layout::core::base::Orientation;
use layout::core::color::Color;
use layout::core::geometry::Point;
use layout::core::style::StyleAttr;
use layout::std_shapes::shapes::{Arrow, Element, ShapeKind};
use layout::topo::layout::VisualGraph;

use super::{Graph, Node, colors, label};

const FONT_SIZE: usize = 13;
/// The width of a character and the height of a line, in pixels.
const CHARACTER: f64 = 8.0;
const LINE: f64 = 18.0;

/// Returns the graph as SVG, with all of its nodes: use [`super::collapse`] for a large graph. The label of a node contains
/// its group.
pub fn svg(graph: &Graph) -> String {
    if graph.nodes.is_empty() {
        return "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1\" height=\"1\"/>\n".into();
    }
    let mut picture = VisualGraph::new(Orientation::LeftToRight);
    let handles: BTreeMap<&str, _> =
        graph.nodes.iter().map(|node| (node.id.as_str(), picture.add_node(element(node)))).collect();
    for edge in &graph.edges {
        if let (Some(from), Some(to)) = (handles.get(edge.from.as_str()), handles.get(edge.to.as_str())) {
            let label = safe(edge.label.as_deref().unwrap_or_default());
            let mut arrow = Arrow::simple(&label);
            arrow.look.font_size = FONT_SIZE;
            picture.add_edge(arrow, *from, *to);
        }
    }
    let mut writer = SVGWriter::new();
    picture.do_it(false, false, false, &mut writer);
    titled(&writer.finalize(), graph)
}

fn element(node: &Node) -> Element {
    let lines: Vec<String> = label(node).iter().map(|line| safe(line)).collect();
    let (fill, stroke) = colors(node.change);
    let mut style = StyleAttr::simple();
    style.line_color = Color::fast(stroke);
    style.fill_color = Some(Color::fast(fill));
    style.line_width = if node.change.is_some() { 2 } else { 1 };
    style.font_size = FONT_SIZE;
    style.rounded = 6;
    #[expect(clippy::cast_precision_loss, reason = "labels are short")]
    let size = Point::new(
        lines.iter().map(|line| line.chars().count()).max().unwrap_or_default() as f64 * CHARACTER + 24.0,
        lines.len() as f64 * LINE + 16.0,
    );
    Element::create(ShapeKind::new_box(&lines.join("\n")), style, Orientation::LeftToRight, size)
}

/// Returns a text without characters that XML cannot hold.
fn safe(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control() && !matches!(letter, '\u{FFFE}' | '\u{FFFF}')).collect()
}

/// Returns the picture with a title, and a description for those who do not see it.
fn titled(svg: &str, graph: &Graph) -> String {
    let escaped = |text: &str| safe(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let edges: Vec<String> = graph.edges.iter().map(|edge| format!("{} to {}", edge.from, edge.to)).collect();
    let description = format!("{} nodes and {} edges: {}", graph.nodes.len(), edges.len(), edges.join(", "));
    match svg.find("<svg").and_then(|start| svg[start..].find('>').map(|end| (start, start + end))) {
        Some((start, end)) => format!(
            "{} role=\"img\" aria-label=\"{}\"><title>{}</title><desc>{}</desc>{}",
            &svg[start..end],
            escaped(&graph.title).replace('"', "&quot;"),
            escaped(&graph.title),
            escaped(&description),
            &svg[end + 1..]
        ),
        None => svg.to_owned(),
    }
}
