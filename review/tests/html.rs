//! The HTML report in a browser: at two widths, light and dark, with and without JavaScript, without an error on the console.
#![allow(clippy::print_stderr, clippy::unwrap_used)]

mod pairs;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value as Json, json};
use stackwright_review::card::{Card, CostChange, GITHUB_LIMIT, Options, card, markdown};
use stackwright_review::report;
use stackwright_synth::Assembly;

fn browser() -> Option<PathBuf> {
    let found = ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|name| {
        Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success())
    });
    if found.is_none() {
        eprintln!("skipped: a browser is needed; `cargo xtask tools` installs `chromium`");
    }
    found.map(PathBuf::from)
}

fn page() -> String {
    let pair = pairs::EXAMPLES.iter().find(|pair| pair.name == "bucket-rename").unwrap();
    let read = |text: String| Assembly::of_template("Stack.yaml", text).unwrap();
    let (old, new) = (read(pair.before()), read(pair.after()));
    let cost = [CostChange::of("Stack").before("1,000 USD a month").after("1,200 USD a month")];
    let card = card(&old, &new, Options::new("main").cost(cost));
    report::html(&card, &new, |_| Some(pair.after()))
}

/// The change that the pictures of the documentation show.
fn shown() -> (Card, Assembly, String) {
    let find = |name: &str| pairs::EXAMPLES.iter().find(|pair| pair.name == name).unwrap();
    let (old, widened) = (find("instance-type").before(), find("policy-widened").after());
    let new = widened.replace("InstanceType: ml.g5.2xlarge", "InstanceType: ml.g6.xlarge");
    let read = |text: &str| Assembly::of_template("Production.yaml", text.to_owned()).unwrap();
    let options = Options::new("main").estimate(stackwright_estimate::cost::Options::default());
    let assembly = read(&new);
    (card(&read(&old), &assembly, options), assembly, new)
}

/// Writes the pictures of the documentation; `cargo xtask pictures` sets the directory.
#[test]
fn pictures_of_a_review_are_taken_on_request() {
    let Some(directory) = std::env::var_os("STACKWRIGHT_PICTURES").map(PathBuf::from) else { return };
    let browser = browser().unwrap();
    let (card, assembly, source) = shown();
    let temporary = tempfile::tempdir().unwrap();
    let take = |page: &str, name: &str, size: &str| {
        let shot = format!("--screenshot={}", directory.join(name).display());
        open(&browser, temporary.path(), page, &[&format!("--window-size={size}"), &shot]);
    };
    let report = report::html(&card, &assembly, |_| Some(source.clone()));
    take(&report, "report.png", "1000,1100");
    take(&report, "report-narrow.png", "390,844");
    // A renderer of Markdown, with the styles that code hosts have.
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/python/bin/python");
    let script = "import sys, markdown_it\n\
        print(markdown_it.MarkdownIt('commonmark', {'html': True}).enable('table').render(sys.stdin.read()))";
    let mut child = Command::new(python)
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(markdown(&card, GITHUB_LIMIT).as_bytes()).unwrap();
    let rendered = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let style = "body { font: 15px/1.5 system-ui, sans-serif; margin: 1.5rem; color: #1f2328; } \
        table { border-collapse: collapse; } td, th { border: 1px solid #d0d7de; padding: .3rem .6rem; vertical-align: top; } \
        code { background: #eff1f3; padding: .1em .3em; border-radius: 4px; font-size: 85%; }";
    let page = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>card</title><style>{style}</style></head>\
         <body>{rendered}</body></html>"
    );
    take(&page, "card.png", "1000,1000");
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
    }
}

/// Keys, color schemes and paper, over the protocol of the browser's developer tools.
#[test]
fn the_report_is_used_with_the_keyboard_in_both_color_schemes_and_printed() {
    let Some(browser) = browser() else { return };
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("review.html");
    fs::write(&file, page()).unwrap();
    for width in ["390", "1280"] {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser.py");
        let Ok(output) = Command::new("python3").arg(script).arg(&browser).arg(&file).arg(width).output()
        else {
            eprintln!(
                "skipped: `python3` is needed, with which `cargo xtask tools` installs the other tools"
            );
            return;
        };
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        let found: Json = serde_json::from_slice(&output.stdout).unwrap();
        assert!(found["reachable"].as_u64().unwrap() > 10, "{found}");
        assert_eq!(found["visited"], found["reachable"], "{found}");
        assert_eq!(found["unmarked"], json!([]), "each control shows that it has the focus");
        assert_eq!((&found["opened"], &found["filtered"]), (&json!(true), &json!(true)), "{found}");
        assert_eq!(found["skipped"], "#overview");
        for scheme in ["light", "dark"] {
            // The level AA of the Web Content Accessibility Guidelines 2.2.
            assert!(found[scheme]["contrast"].as_f64().unwrap() >= 4.5, "{found}");
        }
        assert_ne!(found["light"]["page"], found["dark"]["page"]);
        assert_eq!(
            (&found["print"]["folded"], &found["print"]["controls"]),
            (&json!([]), &json!(0)),
            "{found}"
        );
        assert!(found["print"]["bytes"].as_u64().unwrap() > 20_000, "{found}");
        assert_eq!((&found["wide"], &found["errors"]), (&json!(false), &json!([])), "{found}");
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
