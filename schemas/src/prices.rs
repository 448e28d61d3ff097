//! Prices, each with its date and source. Items without a published price are not listed.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::Value;

use crate::api::embedded;
use crate::instances::rows;

/// The type of use that the price of an instance type is for.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[non_exhaustive]
pub enum PriceComponent {
    /// Asynchronous endpoints.
    #[serde(rename = "sagemaker-async")]
    Asynchronous,
    /// Capacity blocks of EC2.
    #[serde(rename = "ec2-capacity-block")]
    CapacityBlock,
    /// On-Demand Instances of EC2.
    #[serde(rename = "ec2-on-demand")]
    Ec2OnDemand,
    /// Spot Instances of EC2: the median of the Availability Zones.
    #[serde(rename = "ec2-spot-median-of-AZs")]
    Ec2SpotMedian,
    /// Spot Instances of EC2: the cheapest Availability Zone.
    #[serde(rename = "ec2-spot-min-AZ")]
    Ec2SpotMinimum,
    /// An estimate for SageMaker, without a published price.
    #[serde(rename = "sagemaker-ESTIMATE")]
    Estimate,
    /// Endpoints.
    #[serde(rename = "sagemaker-hosting")]
    Hosting,
    /// Endpoints, of which the source does not state the kind.
    #[serde(rename = "sagemaker (hosting/async use)")]
    HostingOrAsynchronous,
    /// Nodes of HyperPod clusters.
    #[serde(rename = "sagemaker-hyperpod-cluster")]
    HyperpodCluster,
    /// Notebook instances.
    #[serde(rename = "sagemaker-notebook")]
    Notebook,
    /// Inference optimization jobs.
    #[serde(rename = "sagemaker-optimization")]
    Optimization,
    /// Processing jobs.
    #[serde(rename = "sagemaker-processing")]
    Processing,
    /// Applications of SageMaker Studio.
    #[serde(rename = "sagemaker-studio (same $ as training where both known)")]
    Studio,
    /// Training jobs.
    #[serde(rename = "sagemaker-training")]
    Training,
    /// Batch transform jobs.
    #[serde(rename = "sagemaker-transform")]
    Transform,
}

impl PriceComponent {
    /// Returns the name in the table, such as `sagemaker-hosting`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asynchronous => "sagemaker-async",
            Self::CapacityBlock => "ec2-capacity-block",
            Self::Ec2OnDemand => "ec2-on-demand",
            Self::Ec2SpotMedian => "ec2-spot-median-of-AZs",
            Self::Ec2SpotMinimum => "ec2-spot-min-AZ",
            Self::Estimate => "sagemaker-ESTIMATE",
            Self::Hosting => "sagemaker-hosting",
            Self::HostingOrAsynchronous => "sagemaker (hosting/async use)",
            Self::HyperpodCluster => "sagemaker-hyperpod-cluster",
            Self::Notebook => "sagemaker-notebook",
            Self::Optimization => "sagemaker-optimization",
            Self::Processing => "sagemaker-processing",
            Self::Studio => "sagemaker-studio (same $ as training where both known)",
            Self::Training => "sagemaker-training",
            Self::Transform => "sagemaker-transform",
        }
    }
}

/// The hourly price of an instance type for one type of use.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[non_exhaustive]
pub struct Price {
    /// The instance type, such as `ml.g5.2xlarge`; without the prefix `ml.` for a price of EC2.
    pub instance_type: String,
    /// The type of use.
    pub component: PriceComponent,
    /// The region code, such as `us-east-1`, or the name of the region in the source.
    pub region: String,
    /// The price in US dollars per hour, exactly as published.
    pub usd_per_hour: String,
    /// The date on which the price was read.
    pub date: String,
    /// The source of the price.
    pub source: String,
    /// A note that is to be shown with the price, such as `ESTIMATE` or that the price is superseded.
    pub note: String,
}

/// Returns all prices of an instance type, in the order of the table.
pub fn prices(instance_type: &str) -> impl Iterator<Item = &'static Price> {
    static TABLE: OnceLock<HashMap<String, Vec<Price>>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let mut table: HashMap<String, Vec<Price>> = HashMap::new();
        for price in rows::<Price>(include_str!("../facts/prices.csv")) {
            table.entry(price.instance_type.clone()).or_default().push(price);
        }
        table
    });
    table.get(instance_type).into_iter().flatten()
}

/// The price of an item that is not an instance, such as storage, data transfer or a gateway.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[non_exhaustive]
pub struct UnitPrice {
    /// The item, for example `EBS gp3 storage`.
    pub item: String,
    /// The unit: `usd_per_gb_month`, `usd_per_hour`, `usd_per_gb`, `usd_per_month` and others.
    pub unit: String,
    /// The region code, such as `us-east-1`.
    pub region: String,
    /// The price in US dollars, exactly as published.
    pub usd: String,
    /// The date on which the price was read.
    pub date: String,
    /// The source of the price.
    pub source: String,
    /// A note that is to be shown with the price.
    pub note: String,
}

/// Returns all prices of an item, in the order of the table.
pub fn unit_prices(item: &str) -> impl Iterator<Item = &'static UnitPrice> {
    static TABLE: OnceLock<Vec<UnitPrice>> = OnceLock::new();
    let table = TABLE.get_or_init(|| rows(include_str!("../facts/price_table.csv")));
    table.iter().filter(move |price| price.item == item)
}

/// Returns the document with prices that are not per instance hour: serverless inference, managed spot training, savings plans.
pub fn terms() -> &'static Value {
    static TERMS: OnceLock<Value> = OnceLock::new();
    TERMS.get_or_init(|| embedded(include_str!("../facts/price_terms.json")))
}

/// Returns why a resource type has no charge of its own, such as `AWS::IAM::Role`; `None` if it is not listed as free. The table
/// has the page of AWS for each reason, and states of some reasons that no page confirms them.
pub fn free_type(resource_type: &str) -> Option<&'static str> {
    static TYPES: OnceLock<HashMap<&'static str, &'static str>> = OnceLock::new();
    let types = TYPES.get_or_init(|| {
        static FACTS: OnceLock<Value> = OnceLock::new();
        let facts = FACTS.get_or_init(|| embedded(include_str!("../facts/free_resource_types.json")));
        let groups = facts["groups"].as_array().into_iter().flatten();
        let rows = groups.flat_map(|group| {
            let names = group["types"].as_array().into_iter().flatten();
            names.filter_map(|name| Some((name.as_str()?, group["reason"].as_str()?)))
        });
        rows.collect()
    });
    types.get(resource_type).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_types_have_a_date_a_reason_and_a_source() {
        let facts: Value = embedded(include_str!("../facts/free_resource_types.json"));
        assert!(facts["date"].as_str().is_some());
        for group in facts["groups"].as_array().unwrap() {
            let source = group["source"].as_str().unwrap();
            let hosts = ["aws.amazon.com", "docs.aws.amazon.com", "pricing.us-east-1.amazonaws.com"];
            assert!(hosts.iter().any(|host| source.starts_with(&format!("https://{host}/"))), "{source}");
            assert!(!group["reason"].as_str().unwrap().is_empty());
            assert!(!group["title"].as_str().unwrap().is_empty());
            // A group that no page confirms states that.
            let is_marked = group["note"].as_str().is_some_and(|note| note.starts_with("Not confirmed: "));
            assert_ne!(group["confirmed"].is_string(), is_marked, "{source}");
        }
        assert!(free_type("AWS::IAM::Role").is_some());
        for with_charge in
            ["AWS::Lambda::Function", "AWS::SageMaker::MonitoringSchedule", "AWS::SageMaker::Project"]
        {
            assert_eq!(free_type(with_charge), None);
        }
    }

    #[test]
    fn every_price_is_a_number_with_a_date_and_a_source() {
        let all: Vec<Price> = rows(include_str!("../facts/prices.csv"));
        assert!(all.len() > 100);
        for price in &all {
            assert!(price.usd_per_hour.parse::<f64>().is_ok_and(|usd| usd > 0.0), "{price:?}");
            assert!(!price.date.is_empty() && !price.source.is_empty(), "{price:?}");
        }
        assert!(prices("ml.g5.2xlarge").any(|price| price.usd_per_hour == "1.515"));
        assert_eq!(terms()["serverless"]["per_second_by_memory_mb"]["6144"], 0.00012);
    }
}
