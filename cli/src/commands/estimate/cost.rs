//! `estimate`: the cost of stacks.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use stackwright_estimate::cost::{self, Estimate, Money, Options, PriceBook, Rate, Usage};

use super::refused;
use crate::failure::Failure;
use crate::input;
use crate::origin::Origin;
use crate::safe_text;

#[derive(Args)]
pub(super) struct CostArguments {
    /// Templates (JSON or YAML), assemblies (directories), or `-` for standard input. Default: the stacks of the program
    paths: Vec<PathBuf>,
    /// Set the output format
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
    /// Use the prices of this region for stacks that are not bound to one
    #[arg(long, default_value = "us-east-1")]
    region: String,
    /// Read an AWS bulk price list (an offer file of AmazonSageMaker or AmazonEC2, JSON or CSV), whose prices replace the
    /// built-in ones; may be repeated. Default: the built-in prices
    #[arg(long, value_name = "FILE")]
    prices: Vec<PathBuf>,
    /// Write the prices of --prices to a CSV file, which --prices reads faster than the price list. Requires --prices
    #[arg(long, value_name = "FILE", requires = "prices")]
    save_prices: Option<PathBuf>,
    /// Read the usage of resources from a JSON file; docs/estimating.md describes its format. Default: the usage that the program
    /// sets; other costs by usage are unknown. Example: {"resources": {"LogicalId": {"requests_per_month": 30000, "duration_ms":
    /// 120}}}
    #[arg(long, value_name = "FILE")]
    usage: Option<PathBuf>,
    /// Set where the typical capacity is between the minimum capacity (0) and the maximum capacity (1), such as 0.3
    #[arg(long, value_name = "SHARE", default_value = "0.5", value_parser = rate)]
    utilization: Rate,
    /// Set the share of the price that a SageMaker savings plan saves, from 0 to 1, such as 0.30. AWS documents savings of up to
    /// 0.64. Default: no savings plan
    #[arg(long, value_name = "SHARE", value_parser = rate)]
    savings_plan: Option<Rate>,
    /// Set the share of the price that managed spot training saves, from 0 to 1, such as 0.60. AWS documents savings of up to
    /// 0.90. Default: no saving
    #[arg(long, value_name = "SHARE", value_parser = rate)]
    spot_saving: Option<Rate>,
    /// Exit with code 4 if the maximum monthly cost of all stacks exceeds this number of US dollars, such as 5000. Default: no
    /// limit
    #[arg(long, value_name = "USD", value_parser = money)]
    max_monthly: Option<Money>,
    /// Exit with code 4 if the maximum cost of a single run of a job exceeds this number of US dollars. Default: no limit
    #[arg(long, value_name = "USD", value_parser = money)]
    max_run: Option<Money>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Tables as text
    Text,
    /// One JSON document
    Json,
    /// Markdown for pull requests
    Markdown,
    /// CSV with one row for each cost
    Csv,
}

pub(super) fn rate(text: &str) -> Result<Rate, String> {
    Rate::parse(text).ok_or_else(|| "write a share from 0 to 1 such as 0.30".to_owned())
}

fn money(text: &str) -> Result<Money, String> {
    Money::parse(text.trim_start_matches('$'))
        .ok_or_else(|| "write an amount in US dollars such as 5000".to_owned())
}

pub(super) fn run(arguments: &CostArguments, origin: &Origin) -> Result<(), Failure> {
    let options = options(arguments)?;
    origin.refuse_with_files(!arguments.paths.is_empty())?;
    let read = if arguments.paths.is_empty() { origin.input()? } else { input::read(&arguments.paths) };
    read.readable()?;
    let estimate = cost::of_assembly(&read.assembly, &options);
    let text = match arguments.format {
        Form::Text => cost::text(&estimate),
        Form::Json => cost::json(&estimate),
        Form::Markdown => cost::markdown(&estimate),
        Form::Csv => cost::csv(&estimate),
    };
    for warning in &estimate.warnings {
        anstream::eprintln!("{}", safe_text::line(&format!("warning: {warning}")));
    }
    std::io::stdout().write_all(text.as_bytes())?;
    limits(arguments, &estimate)
}

fn options(arguments: &CostArguments) -> Result<Options, Failure> {
    let mut options = Options::default();
    options.region.clone_from(&arguments.region);
    options.utilization = arguments.utilization;
    options.savings_plan = arguments.savings_plan;
    options.spot_saving = arguments.spot_saving;
    options.prices = prices(&arguments.prices)?;
    if let Some(path) = &arguments.save_prices {
        std::fs::write(path, options.prices.to_csv())
            .map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    }
    if let Some(path) = &arguments.usage {
        let name = path.display();
        let text =
            std::fs::read_to_string(path).map_err(|error| Failure::usage(format!("{name}: {error}")))?;
        options.usage =
            Usage::from_json(&text).map_err(|error| Failure::usage(format!("{name}: {error}")))?;
    }
    Ok(options)
}

/// Returns the built-in prices, and those of price lists.
pub(super) fn prices(paths: &[PathBuf]) -> Result<PriceBook, Failure> {
    let mut book = PriceBook::shipped();
    for path in paths {
        let name = path.display();
        let file = File::open(path).map_err(|error| Failure::usage(format!("{name}: {error}")))?;
        cost::read_offer(&mut book, file, None).map_err(|error| Failure::new(format!("{name}: {error}")))?;
    }
    Ok(book)
}

/// Returns a failure if a cost exceeds its limit.
fn limits(arguments: &CostArguments, estimate: &Estimate) -> Result<(), Failure> {
    let monthly = estimate.monthly();
    if let Some(limit) = arguments.max_monthly.filter(|limit| monthly.ceiling > *limit) {
        let most = monthly.ceiling;
        return Err(refused(format!(
            "the stacks cost up to ${most} a month, more than --max-monthly {limit}"
        ))
        .hint("reduce the maximum capacity, or raise the limit"));
    }
    let run = estimate.most_expensive_run();
    if let (Some(limit), Some(run)) = (arguments.max_run, run.filter(|run| Some(*run) > arguments.max_run)) {
        return Err(refused(format!("one run of a job costs up to ${run}, more than --max-run {limit}"))
            .hint("reduce `MaxRuntimeInSeconds` or the number of instances, or raise the limit"));
    }
    if arguments.max_monthly.is_some() && monthly.unknown > 0 {
        anstream::eprintln!(
            "warning: {} costs are unknown and not counted against --max-monthly",
            monthly.unknown
        );
    }
    Ok(())
}
