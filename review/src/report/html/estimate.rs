//! Bar charts: the monthly cost by resource, and the categories of the GPU memory of training.

use std::fmt::Write as _;

use stackwright_estimate::cost::{Estimate, Money, Per};
use stackwright_estimate::memory::Stated;

use super::escaped;
use crate::card::Card;

/// One row of a chart: a name, a length and a text.
struct Bar {
    name: String,
    length: f64,
    text: String,
}

/// Draws bars whose lengths are shares of the longest.
fn chart(caption: &str, bars: &[Bar]) -> String {
    let longest = bars.iter().map(|bar| bar.length).fold(0.0, f64::max);
    if longest <= 0.0 {
        return String::new();
    }
    let mut text = format!("<table class=\"chart\"><caption>{}</caption>", escaped(caption));
    for bar in bars {
        let share = bar.length.max(0.0) / longest * 100.0;
        let _ = write!(
            text,
            "<tr><th scope=\"row\">{}</th><td><div class=\"bar\" style=\"width:{share:.1}%\"></div></td><td class=\"number\">{}</td></tr>",
            escaped(&bar.name),
            escaped(&bar.text)
        );
    }
    text.push_str("</table>\n");
    text
}

/// Returns the maximum monthly cost of each resource, the most expensive first.
pub(super) fn costs(card: &Card) -> String {
    card.estimate.as_ref().map(of_estimate).unwrap_or_default()
}

fn of_estimate(estimate: &Estimate) -> String {
    let mut resources: Vec<(String, Money, Money)> = Vec::new();
    for line in estimate.lines.iter().filter(|line| line.per == Per::Month) {
        let name = if line.stack.is_empty() {
            line.resource.clone()
        } else {
            format!("{}/{}", line.stack, line.resource)
        };
        let floor = line.floor.unwrap_or_default();
        let ceiling = line.ceiling.unwrap_or(floor);
        match resources.iter_mut().find(|(known, ..)| *known == name) {
            Some((_, least, most)) => (*least, *most) = (*least + floor, *most + ceiling),
            None => resources.push((name, floor, ceiling)),
        }
    }
    resources.retain(|(_, _, most)| *most > Money::ZERO);
    resources.sort_by(|a, b| b.2.cmp(&a.2).then_with(|| a.0.cmp(&b.0)));
    let bars: Vec<Bar> = resources
        .into_iter()
        .map(|(name, least, most)| Bar {
            name,
            length: most.exact().parse().unwrap_or(0.0),
            text: if least == most { format!("{most} USD") } else { format!("{least} to {most} USD") },
        })
        .collect();
    let unknown = estimate.monthly().unknown;
    let mut text = chart("Highest cost a month by resource, after the change", &bars);
    if unknown > 0 && !text.is_empty() {
        let _ = writeln!(text, "<p class=\"note\">{unknown} amounts are not known and not shown.</p>");
    }
    text
}

/// Returns the categories of the memory of each stated training step.
pub(super) fn memory(card: &Card) -> String {
    let mut text = String::new();
    for one in &card.memory {
        let name = &one.what;
        match &one.stated {
            // The table has them.
            None | Some(Err(_)) => {}
            Some(Ok(Stated::Training(step))) => {
                let parts = step.peak.breakdown.iter().filter(|one| one.bytes > 0);
                let bars: Vec<Bar> = parts.map(|one| bar(&one.category.to_string(), one.bytes)).collect();
                let fit = step.verdict.words();
                text.push_str(&chart(&format!("{name}: {fit}"), &bars));
            }
            Some(Ok(Stated::Inference(served))) => {
                let bars = [
                    bar("weights", served.weights_bytes),
                    bar("keys and values", served.kv_cache_bytes),
                    bar("activations", served.activation_bytes),
                ];
                text.push_str(&chart(&format!("{name}: {}", served.verdict.words()), &bars));
            }
            Some(Ok(Stated::Packing(packed))) => {
                let bars = [bar("all models", packed.bytes), bar("largest model", packed.largest_bytes)];
                text.push_str(&chart(&format!("{name}: {}", packed.verdict.words()), &bars));
            }
            Some(Ok(_)) => {}
        }
    }
    text
}

fn bar(name: &str, bytes: u64) -> Bar {
    let gib = bytes as f64 / f64::from(1 << 30);
    Bar { name: name.to_owned(), length: gib, text: format!("{gib:.2} GiB") }
}

#[cfg(test)]
mod tests {
    use stackwright_synth::Assembly;

    use crate::card::{Options, card};

    #[test]
    fn resources_have_bars_and_jobs_a_breakdown() {
        let text = format!(
            "{}{}",
            include_str!("../../../fixtures/training-memory-exceeded.bad.yaml"),
            "  Gateway: {Type: AWS::EC2::NatGateway, Properties: {SubnetId: subnet-1}}\n  Key: {Type: AWS::KMS::Key, Properties: {}}\n"
        );
        let old = Assembly::of_template("Stack.yaml", "Resources: {}".into()).unwrap();
        let new = Assembly::of_template("Stack.yaml", text).unwrap();
        let options = Options::new("main").estimate(stackwright_estimate::cost::Options::default());
        let html = super::super::html(&card(&old, &new, options), &new, |_| None);
        let (gateway, key) = (html.find("Stack/Gateway</th>").unwrap(), html.find("Stack/Key</th>").unwrap());
        assert!(gateway < key, "the most expensive is first");
        // 730 h x 0.045 is the longest bar; a key for 1 USD is 3.0 % of it.
        assert!(
            html.contains("width:100.0%") && html.contains("width:3.0%") && html.contains("32.85 USD"),
            "{html}"
        );
        assert!(
            html.contains("Stack/Launch, Train: does not fit")
                && html.contains("<th scope=\"row\">activations</th>")
        );
    }
}
