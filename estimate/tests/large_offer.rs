//! A large price list is read as a stream, in little memory. `OFFER_MB=2048` reads one of 2 GB (use a release build).
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::io::Read;

use stackwright_estimate::cost::{PriceBook, Use, read_offer};

/// An offer file of EC2 with so many products, written as it is read. One of a thousand products is used.
struct Offer {
    products: usize,
    next: usize,
    buffer: Vec<u8>,
    at: usize,
}

impl Offer {
    fn line(&self, number: usize) -> String {
        let sku = |number: usize| format!("SKU{number:013}");
        let comma = |number: usize| if number + 1 < self.products { "," } else { "" };
        if number == 0 {
            return r#"{"offerCode": "AmazonEC2", "publicationDate": "2026-11-26T00:00:00Z", "products": {"#
                .to_owned();
        }
        let number = number - 1;
        if number < self.products {
            let usage = if number.is_multiple_of(1000) { "BoxUsage" } else { "DedicatedUsage" };
            return format!(
                r#""{0}": {{"sku": "{0}", "productFamily": "Compute Instance", "attributes": {{"servicecode": "AmazonEC2", "location": "US East (N. Virginia)", "regionCode": "us-east-1", "instanceType": "g5.{1}xlarge", "vcpu": "8", "physicalProcessor": "AMD EPYC 7R32", "clockSpeed": "2.8 GHz", "memory": "32 GiB", "storage": "1 x 450 NVMe SSD", "networkPerformance": "Up to 10 Gigabit", "tenancy": "Shared", "operatingSystem": "Linux", "preInstalledSw": "NA", "capacitystatus": "Used", "usagetype": "{2}:g5.{1}xlarge", "operation": "RunInstances"}}}}{3}"#,
                sku(number),
                number,
                usage,
                comma(number)
            );
        }
        let number = number - self.products;
        let before = if number == 0 { r#"}, "terms": {"OnDemand": {"# } else { "" };
        let after = if number + 1 == self.products { "}}}" } else { "" };
        format!(
            r#"{before}"{0}": {{"{0}.JRTCKXETXF": {{"offerTermCode": "JRTCKXETXF", "sku": "{0}", "effectiveDate": "2026-11-01T00:00:00Z", "priceDimensions": {{"{0}.JRTCKXETXF.6YS6EN2CT7": {{"rateCode": "{0}.JRTCKXETXF.6YS6EN2CT7", "description": "$1.212 per On Demand Linux instance hour", "beginRange": "0", "endRange": "Inf", "unit": "Hrs", "pricePerUnit": {{"USD": "1.2120000000"}}, "appliesTo": []}}}}, "termAttributes": {{}}}}}}{1}{after}"#,
            sku(number),
            comma(number)
        )
    }
}

impl Read for Offer {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.at == self.buffer.len() && self.next <= 2 * self.products {
            self.buffer = self.line(self.next).into_bytes();
            self.next += 1;
            self.at = 0;
        }
        let count = into.len().min(self.buffer.len() - self.at);
        into[..count].copy_from_slice(&self.buffer[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

/// The most memory that the process had, in KiB.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_large_price_list_is_read_within_100_mib() {
    let megabytes: usize = std::env::var("OFFER_MB").ok().and_then(|text| text.parse().ok()).unwrap_or(24);
    let mut offer = Offer { products: 1, next: 0, buffer: Vec::new(), at: 0 };
    let each = offer.line(1).len() + offer.line(2).len();
    offer.products = megabytes * 1_000_000 / each;
    let (products, start) = (offer.products, std::time::Instant::now());
    let mut book = PriceBook::shipped();
    let kept = read_offer(&mut book, offer, None).unwrap();
    assert_eq!(kept, products.div_ceil(1000));
    assert_eq!(book.instance(Use::Ec2, "g5.0xlarge", "us-east-1").unwrap().usd.exact(), "1.212");
    let memory = most_memory() / 1024;
    println!(
        "{megabytes} MB, {products} products: {:.1} s, at most {memory} MiB",
        start.elapsed().as_secs_f64()
    );
    assert!(memory < 100, "{memory} MiB");
}
