//! Searches for panics and hangs without nightly: changes templates of a corpus at random, and reads, checks and reports
//! each in every form.
//!
//! `cargo run --release -p stackwright-review --example fuzz -- SECONDS SEED FOUND CORPUS…` writes inputs that panic or take
//! more than five seconds to the directory `FOUND`, and there to `new/` the inputs with findings that no input had before.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a tool that prints")]

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use exercise::exercise;

mod exercise;

/// Above this an input counts as one that hangs.
const SLOW: Duration = Duration::from_secs(5);
/// Longer inputs are not kept: short ones are read faster.
const MAX_BYTES: usize = 6_000;

/// So many inputs are kept.
const MAX_INPUTS: usize = 5_000;

/// Parts that templates are made of, and values that are often handled wrongly.
const WORDS: &[&str] = &[
    "!Ref ",
    "!Sub ",
    "!GetAtt ",
    "!If [C, a, b]",
    "{Ref: ",
    "{'Fn::Sub': ",
    "Fn::If",
    "Fn::ForEach::X",
    "Fn::Join",
    "Fn::Select",
    "Fn::Split",
    "Fn::FindInMap",
    "Fn::Cidr",
    "Fn::GetAZs",
    "Fn::Length",
    "Fn::ToJsonString",
    "Fn::Transform",
    "Fn::ImportValue",
    "AWS::NoValue",
    "AWS::Region",
    "AWS::StackName",
    "${",
    "}",
    "${AWS::Region}",
    "${!x}",
    "[",
    "]",
    "{",
    "{}",
    "[]",
    "null",
    "~",
    "''",
    "\"",
    "'",
    ": ",
    "- ",
    "\n",
    "\t",
    "  ",
    "# ",
    "&a ",
    "*a",
    "<<: ",
    "--- ",
    "|\n",
    ">-\n",
    "0",
    "-1",
    "1e999",
    "99999999999999999999",
    "0.1",
    "true",
    "No",
    "on",
    "2012-10-17",
    "*",
    "?",
    "%YAML 1.1\n",
    "{{resolve:ssm:x}}",
    "{{resolve:secretsmanager:a:SecretString:b}}",
    "arn:aws:iam::123456789012:role/x",
    "rate(5 minutes)",
    "cron(0 12 * * ? *)",
    "$.x",
    "$$",
    "{% $x %}",
    "States.Format('{}', $.a)",
    "Transform: AWS::Serverless-2016-10-31\n",
    "Transform: AWS::LanguageExtensions\n",
    "Condition: C",
    "DependsOn: ",
    "é",
    "\u{2028}",
    "\u{0}",
    "😀",
    "ml.g5.2xlarge",
];

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, size: usize) -> usize {
        if size == 0 { 0 } else { (self.next() % size as u64) as usize }
    }

    /// A number that is mostly small.
    fn small(&mut self) -> usize {
        let most = 1 << self.below(7);
        1 + self.below(most)
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [seconds, seed, found, corpus @ ..] = arguments.as_slice() else {
        println!("usage: fuzz SECONDS SEED FOUND CORPUS…");
        return;
    };
    let end = Instant::now() + Duration::from_secs(seconds.parse().unwrap());
    let mut random = Random(seed.parse::<u64>().unwrap().wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let found = Path::new(found);
    std::fs::create_dir_all(found.join("new")).unwrap();
    let mut inputs: Vec<String> = corpus.iter().flat_map(|path| texts(Path::new(path))).collect();
    println!("{} inputs in the corpus", inputs.len());
    let mut known = HashSet::new();
    let (mut count, mut new, mut faults) = (0_u64, 0, 0);
    let mut reported = Instant::now();
    while Instant::now() < end {
        let text = if (count as usize) < inputs.len() && new == 0 {
            inputs[count as usize].clone()
        } else {
            changed(&inputs, &mut random)
        };
        count += 1;
        let start = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| kinds(&text)));
        let took = start.elapsed();
        match outcome {
            Err(_) => {
                faults += 1;
                std::fs::write(found.join(format!("panic-{seed}-{faults}.yaml")), &text).unwrap();
            }
            Ok(_) if took > SLOW => {
                faults += 1;
                std::fs::write(found.join(format!("slow-{seed}-{faults}.yaml")), &text).unwrap();
            }
            Ok(kinds) => {
                let before = known.len();
                known.extend(kinds);
                if known.len() > before && text.len() < MAX_BYTES && inputs.len() < MAX_INPUTS {
                    new += 1;
                    std::fs::write(found.join("new").join(format!("{seed}-{new}.yaml")), &text).unwrap();
                    inputs.push(text);
                }
            }
        }
        if reported.elapsed() > Duration::from_secs(60) {
            reported = Instant::now();
            println!(
                "{count} inputs, {} kinds of findings, {} inputs kept, {faults} faults",
                known.len(),
                inputs.len()
            );
        }
    }
    println!(
        "{count} inputs, {} kinds of findings, {} inputs kept, {faults} faults",
        known.len(),
        inputs.len()
    );
}

/// The texts of a file or of all files below a directory.
fn texts(path: &Path) -> Vec<String> {
    if path.is_dir() {
        let mut paths: Vec<PathBuf> =
            std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        return paths.iter().flat_map(|path| texts(path)).collect();
    }
    std::fs::read_to_string(path).ok().filter(|text| text.len() < MAX_BYTES).into_iter().collect()
}

/// An input of the corpus with some changes.
fn changed(inputs: &[String], random: &mut Random) -> String {
    let mut text = inputs[random.below(inputs.len())].clone();
    for _ in 0..random.small().min(12) {
        let at = boundary(&text, random);
        match random.below(8) {
            0 => text.insert_str(at, WORDS[random.below(WORDS.len())]),
            1 => {
                let to = boundary_after(&text, at + random.small());
                text.replace_range(at..to, WORDS[random.below(WORDS.len())]);
            }
            2 => {
                let to = boundary_after(&text, at + random.small());
                text.replace_range(at..to, "");
            }
            3 => {
                // A value becomes another one.
                let start = text[..at].rfind([':', '[', ',', '-']).map_or(at, |found| found + 1);
                let to = text[at..].find(['\n', ',', ']', '}']).map_or(text.len(), |found| at + found);
                text.replace_range(start..to, &format!(" {}", WORDS[random.below(WORDS.len())]));
            }
            4 => move_lines(&mut text, random),
            5 => {
                let other = inputs[random.below(inputs.len())].clone();
                let lines: Vec<&str> = other.lines().collect();
                let first = random.below(lines.len());
                let taken =
                    lines[first..].iter().take(random.small()).copied().collect::<Vec<_>>().join("\n");
                let line = text[..at].rfind('\n').map_or(0, |found| found + 1);
                text.insert_str(line, &format!("{taken}\n"));
            }
            6 => {
                let line = text[..at].rfind('\n').map_or(0, |found| found + 1);
                if random.below(2) == 0 {
                    text.insert_str(line, "  ");
                } else if text[line..].starts_with("  ") {
                    text.replace_range(line..line + 2, "");
                }
            }
            _ => {
                let to = boundary_after(&text, at + random.small() * 4);
                let part = text[at..to].to_owned();
                let place = boundary(&text, random);
                text.insert_str(place, &part.repeat(random.small().min(6)));
            }
        }
    }
    text.truncate(boundary_after(&text, MAX_BYTES * 2));
    text
}

fn move_lines(text: &mut String, random: &mut Random) {
    let mut lines: Vec<&str> = text.lines().collect();
    if lines.is_empty() {
        return;
    }
    let (one, other) = (random.below(lines.len()), random.below(lines.len()));
    match random.below(3) {
        0 => lines.swap(one, other),
        1 => {
            lines.remove(one);
        }
        _ => lines.insert(other, lines[one]),
    }
    *text = lines.join("\n") + "\n";
}

fn boundary(text: &str, random: &mut Random) -> usize {
    boundary_after(text, random.below(text.len() + 1))
}

fn boundary_after(text: &str, at: usize) -> usize {
    (at.min(text.len())..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

/// Returns hashes that stand for the kinds of findings of an input.
fn kinds(text: &str) -> Vec<u64> {
    let kind = |one: &stackwright_review::Diagnostic| {
        let mut hasher = DefaultHasher::new();
        one.id.hash(&mut hasher);
        // Messages differ by the values that they quote.
        one.message
            .split(|letter: char| !letter.is_ascii_lowercase())
            .take(5)
            .for_each(|word| word.hash(&mut hasher));
        hasher.finish()
    };
    exercise(text).diagnostics.iter().map(kind).collect()
}
