//! The table of an estimate of GPU memory, with its conclusion, as text and in Markdown.

/// The parts of an estimate with their values, and the sentences below them.
pub(super) struct Table<N> {
    pub rows: Vec<(N, String)>,
    pub conclusion: Vec<String>,
}

impl<N: AsRef<str>> Table<N> {
    pub(super) fn text(&self, title: &str) -> String {
        let width = self.rows.iter().map(|(name, _)| name.as_ref().len()).max().unwrap_or(0);
        let mut text = format!("{title}\n\n");
        for (name, value) in &self.rows {
            let name = name.as_ref();
            text.push_str(&format!("  {name:width$}  {value:>12}\n"));
        }
        text.push('\n');
        for line in &self.conclusion {
            text.push_str(&format!("{line}\n"));
        }
        text
    }

    pub(super) fn markdown(&self, title: &str) -> String {
        let mut text = format!("| {title} | |\n|---|---:|\n");
        for (name, value) in &self.rows {
            text.push_str(&format!("| {} | {value} |\n", name.as_ref()));
        }
        text.push('\n');
        for line in &self.conclusion {
            text.push_str(&format!("{line}\n\n"));
        }
        text
    }
}
