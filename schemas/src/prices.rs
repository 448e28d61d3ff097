//! Prices, each with its date and source. What has no published price has none here.

use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::Value;

use crate::api::embedded;
use crate::instances::rows;

/// The price of an hour of an instance type for one component of the bill.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Price {
    /// `ml.g5.2xlarge`, or without `ml.` for a price of EC2.
    pub instance_type: String,
    /// `sagemaker-hosting`, `sagemaker-training`, `ec2-on-demand` and so on.
    pub component: String,
    /// The region, in the words of the source.
    pub region: String,
    /// US dollars an hour, exactly as published.
    pub usd_per_hour: String,
    /// When it was read.
    pub date: String,
    /// Where it was read.
    pub source: String,
    /// `ESTIMATE`, superseded, or other doubts, to be shown with the price.
    pub note: String,
}

/// Every price row of a type, in the order of the table.
pub fn prices(instance_type: &str) -> impl Iterator<Item = &'static Price> {
    static TABLE: OnceLock<Vec<Price>> = OnceLock::new();
    let table = TABLE.get_or_init(|| rows(include_str!("../facts/prices.csv")));
    table.iter().filter(move |price| price.instance_type == instance_type)
}

/// The price of something that is not an instance: storage, data, a gateway.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct UnitPrice {
    /// What is priced, for example `EBS gp3 storage`.
    pub item: String,
    /// `usd_per_gb_month`, `usd_per_hour`, `usd_per_gb`, `usd_per_month` and so on.
    pub unit: String,
    /// The region.
    pub region: String,
    /// US dollars, as the source has them.
    pub usd: String,
    /// When it was read.
    pub date: String,
    /// Where it was read.
    pub source: String,
    /// Doubts, to be shown with the price.
    pub note: String,
}

/// Every price row of an item, in the order of the table.
pub fn unit_prices(item: &str) -> impl Iterator<Item = &'static UnitPrice> {
    static TABLE: OnceLock<Vec<UnitPrice>> = OnceLock::new();
    let table = TABLE.get_or_init(|| rows(include_str!("../facts/price_table.csv")));
    table.iter().filter(move |price| price.item == item)
}

/// Prices that are not by the instance hour: serverless inference, managed spot, savings plans.
pub fn terms() -> &'static Value {
    static TERMS: OnceLock<Value> = OnceLock::new();
    TERMS.get_or_init(|| embedded(include_str!("../facts/price_terms.json")))
}

#[cfg(test)]
mod tests {
    use super::*;

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
