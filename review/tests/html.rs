//! The HTML report in a browser: at two widths, light and dark, with and without JavaScript, without an error on the console.
#![allow(clippy::print_stderr, clippy::unwrap_used)]

mod pairs;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use stackwright_review::card::{CostChange, Options, card};
use stackwright_review::report;
use stackwright_synth::Assembly;

fn browser() -> Option<PathBuf> {
    let found = ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|name| {
        Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success())
    });
    if found.is_none() {
        eprintln!("skipped: a browser is needed; install Debian's package `chromium`");
    }
    found.map(PathBuf::from)
}

fn page() -> String {
    let pair = pairs::EXAMPLES.iter().find(|pair| pair.name == "bucket-rename").unwrap();
    let read = |text: String| Assembly::of_template("Stack.yaml", text).unwrap();
    let (old, new) = (read(pair.before()), read(pair.after()));
    let cost = vec![CostChange {
        what: "Stack".into(),
        before: Some("1,000 USD a month".into()),
        after: Some("1,200 USD a month".into()),
        note: None,
    }];
    let card = card(&old, &new, Options { base: "main".into(), cost, ..Options::default() });
    report::html(&card, &new, |_| Some(pair.after()))
}

/// Opens a page and returns what the browser prints on stdout and on the console.
fn open(browser: &Path, directory: &Path, page: &str, more: &[&str]) -> (String, String) {
    let file = directory.join("review.html");
    fs::write(&file, page).unwrap();
    let output = Command::new(browser)
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .args(["--enable-logging=stderr", "--v=0", "--virtual-time-budget=3000", "--hide-scrollbars"])
        .arg(format!("--user-data-dir={}", directory.join("profile").display()))
        .args(more)
        .arg(format!("file://{}", file.display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// Measures the page with a script that is added to it: what overflows, what the filter hides, what gets the focus.
const PROBE: &str = "<script>
window.addEventListener('load', function () {
  var found = [];
  if (document.documentElement.scrollWidth > window.innerWidth) {
    found.push('wide ' + document.documentElement.scrollWidth + ' of ' + window.innerWidth);
  }
  var form = document.querySelector('.filters');
  if (form.hidden) { found.push('the filters are hidden'); }
  var changes = document.querySelectorAll('.change');
  form.elements.text.value = 'EndpointConfig';
  form.dispatchEvent(new Event('input'));
  var left = Array.prototype.filter.call(changes, function (change) { return !change.hidden; }).length;
  if (left === 0 || left === changes.length) { found.push('the filter leaves ' + left + ' of ' + changes.length); }
  document.querySelectorAll('a, summary, input, .scroll').forEach(function (element) {
    if (element.offsetParent === null) { return; }
    element.focus();
    if (document.activeElement !== element) { found.push('no focus: ' + element.outerHTML.slice(0, 80)); }
  });
  document.querySelectorAll('svg').forEach(function (svg) {
    if (!svg.getAttribute('aria-label')) { found.push('a diagram has no label'); }
  });
  var ids = {};
  document.querySelectorAll('[id]').forEach(function (element) {
    if (ids[element.id] && !element.closest('svg')) { found.push('the ID ' + element.id + ' is used twice'); }
    ids[element.id] = true;
  });
  document.body.setAttribute('data-probe', found.join('; ') || 'well');
});
</script></body>";

#[test]
fn the_report_works_in_a_browser_at_two_widths() {
    let Some(browser) = browser() else { return };
    let probed = page().replace("</body>", PROBE);
    for width in [390, 1280] {
        for scheme in ["--force-dark-mode", "--disable-features=ForceDark"] {
            let directory = tempfile::tempdir().unwrap();
            let size = format!("--window-size={width},900");
            let (document, console) =
                open(&browser, directory.path(), &probed, &[&size, scheme, "--dump-dom"]);
            assert!(
                document.contains("data-probe=\"well\""),
                "{width}: {:?}",
                document.rsplit("data-probe").next().map(|it| &it[..200.min(it.len())])
            );
            assert!(!console.contains("CONSOLE"), "{console}");
        }
        let directory = tempfile::tempdir().unwrap();
        let picture = directory.path().join("page.png");
        let shot = format!("--screenshot={}", picture.display());
        open(&browser, directory.path(), &page(), &[&format!("--window-size={width},900"), &shot]);
        assert!(fs::metadata(&picture).unwrap().len() > 10_000);
        if let Some(kept) = std::env::var_os("STACKWRIGHT_SCREENSHOTS") {
            fs::copy(&picture, Path::new(&kept).join(format!("review-{width}.png"))).unwrap();
        }
    }
}

#[test]
fn the_report_is_whole_without_javascript() {
    let page = page();
    let start = page.find("<script>").unwrap();
    let end = page.find("</script>").unwrap();
    let without = format!("{}{}", &page[..start], &page[end..]);
    // The filters, which need it, are hidden; everything else is text.
    assert!(without.contains("<form class=\"filters\" hidden"));
    for text in ["needs approval", "ScorersConfig", "1,200 USD a month", "<svg", "cloudwatch:PutMetricData"] {
        assert!(without.contains(text), "{text}");
    }
}
