//! AWS's bulk price lists (`AmazonSageMaker`, `AmazonEC2`), as AWS publishes them in JSON and CSV.
//!
//! The files are large, so they are read as a stream, and only the members of a product that are used are kept.

use std::collections::HashMap;
use std::fmt;
use std::io::{BufRead, Read};

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::money::Money;
use super::prices::{Price, PriceBook, SAVED_COLUMNS, Use};

/// The reason why a price list cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OfferError {
    /// The file cannot be read.
    #[error("the price list cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// The file is not JSON as AWS publishes it.
    #[error("the price list is not valid: {0}")]
    Json(#[from] serde_json::Error),
    /// The file is not CSV as AWS publishes it.
    #[error("the price list is not valid: {0}")]
    Csv(#[from] csv::Error),
    /// The file has no prices that are used.
    #[error(
        "the price list has no price of SageMaker or EC2 instances; give an offer file of AmazonSageMaker or AmazonEC2"
    )]
    Empty,
    /// A column is missing. The variant contains its name.
    #[error("the price list has no column `{0}`")]
    Column(&'static str),
}

/// The item that a product prices, if it is one that is used.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    Instance(Use, String),
    Unit(String),
}

/// The data about the file itself.
#[derive(Default)]
struct Origin {
    offer: String,
    date: String,
}

/// Adds the prices of an AWS bulk price list (an offer file in JSON or CSV) to `book`. If a region is passed, only its
/// prices are kept. Returns the number of prices that were kept.
///
/// # Errors
///
/// Returns an error if the file cannot be read, is not a price list, or has no price that is used.
pub fn read_offer(
    book: &mut PriceBook,
    source: impl Read,
    region: Option<&str>,
) -> Result<usize, OfferError> {
    let mut reader = std::io::BufReader::with_capacity(1 << 16, source);
    let before = book.len();
    let first = reader.fill_buf()?.iter().copied().find(|byte| !byte.is_ascii_whitespace() && *byte < 0x80);
    if first == Some(b'{') {
        let mut list = List { book, region, origin: Origin::default(), products: HashMap::new() };
        let mut deserializer = serde_json::Deserializer::from_reader(reader);
        TopLevel(&mut list).deserialize(&mut deserializer)?;
    } else {
        read_csv(book, reader, region)?;
    }
    if book.len() == before { Err(OfferError::Empty) } else { Ok(book.len() - before) }
}

/// Returns the part of a usage type after the region's prefix.
fn item_of(usage_type: &str, operation: &str, attributes: impl Fn(&str) -> Option<String>) -> Option<Item> {
    let (prefix, rest) = usage_type.split_once(':')?;
    let word = prefix.rsplit('-').next().unwrap_or(prefix);
    let usage = match word {
        "Host" if rest == "VolumeUsage.gp2" => {
            return Some(Item::Unit("SageMaker endpoint storage (General Purpose-Hosting gp2)".to_owned()));
        }
        "Host" => Use::Hosting,
        "AsyncInf" => Use::Asynchronous,
        "Train" => Use::Training,
        "Processing" => Use::Processing,
        "Tsform" => Use::Transform,
        "Notebk" => Use::Notebook,
        "Cluster" => Use::Cluster,
        "Studio" => {
            let (_, name) = rest.split_once("-ml.")?;
            return Some(Item::Instance(Use::Studio, format!("ml.{name}")));
        }
        "ServerlessInf" => {
            let gigabytes = rest.strip_prefix("Mem-")?.strip_suffix("GB")?;
            return Some(Item::Unit(format!("SageMaker serverless {gigabytes} GB")));
        }
        "ProvisionedConcurrency" if rest == "Usage-1GB" => {
            return Some(Item::Unit("SageMaker serverless provisioned concurrency".to_owned()));
        }
        "BoxUsage" => {
            let is = |name: &str, wanted: &str| attributes(name).is_none_or(|value| value == wanted);
            let is_linux =
                is("operatingSystem", "Linux") && is("preInstalledSw", "NA") && is("tenancy", "Shared");
            let is_plain = is("capacitystatus", "Used") && matches!(operation, "" | "RunInstances");
            return (is_linux && is_plain).then(|| Item::Instance(Use::Ec2, rest.to_owned()));
        }
        _ => return None,
    };
    rest.starts_with("ml.").then(|| Item::Instance(usage, rest.to_owned()))
}

struct List<'a> {
    book: &'a mut PriceBook,
    region: Option<&'a str>,
    origin: Origin,
    /// The products that are used, by SKU, with their region.
    products: HashMap<String, (Item, String)>,
}

impl List<'_> {
    fn insert(&mut self, item: Item, region: &str, usd: Money) {
        insert(self.book, &self.origin, item, region, usd);
    }
}

fn insert(book: &mut PriceBook, origin: &Origin, item: Item, region: &str, usd: Money) {
    // A row of the free tier has the usage type of the row with the price.
    if usd == Money::default() {
        return;
    }
    let price = |item: String| Price {
        usd,
        item,
        region: region.to_owned(),
        date: origin.date.clone(),
        source: format!("AWS offer file {}", origin.offer),
        marks: Vec::new(),
    };
    match item {
        Item::Instance(usage, name) => {
            book.insert_instance(usage, &name, region, price(format!("{name} an hour")))
        }
        Item::Unit(name) => book.insert_unit(&name, region, price(name.clone())),
    }
}

#[derive(Deserialize)]
struct Product {
    #[serde(default)]
    attributes: HashMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Term {
    #[serde(default)]
    price_dimensions: HashMap<String, Dimension>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dimension {
    #[serde(default)]
    begin_range: Option<String>,
    #[serde(default)]
    price_per_unit: HashMap<String, String>,
}

/// Visits an object, and calls a function for each member, which has to read its value.
struct Members<F>(F);

impl<'de, F> Visitor<'de> for Members<F>
where
    F: for<'m> FnMut(String, &mut dyn Member<'de>) -> Result<(), String>,
{
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of a price list")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            let mut value = Access { map: &mut map, is_read: false, error: None };
            let outcome = (self.0)(name, &mut value);
            let (is_read, error) = (value.is_read, value.error.take());
            if let Some(error) = error {
                return Err(error);
            }
            outcome.map_err(serde::de::Error::custom)?;
            if !is_read {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// The value of a member that can be read once.
trait Member<'de> {
    fn product(&mut self) -> Option<Product>;
    fn text(&mut self) -> Option<String>;
    fn terms(&mut self) -> Option<HashMap<String, Term>>;
    fn walk(&mut self, list: &mut List<'_>, level: Level);
}

struct Access<'a, 'de, A: MapAccess<'de>> {
    map: &'a mut A,
    is_read: bool,
    error: Option<A::Error>,
}

impl<'de, A: MapAccess<'de>> Access<'_, 'de, A> {
    fn read<T: Deserialize<'de>>(&mut self) -> Option<T> {
        self.is_read = true;
        self.map.next_value::<T>().map_err(|error| self.error = Some(error)).ok()
    }
}

impl<'de, A: MapAccess<'de>> Member<'de> for Access<'_, 'de, A> {
    fn product(&mut self) -> Option<Product> {
        self.read()
    }

    fn text(&mut self) -> Option<String> {
        self.read()
    }

    fn terms(&mut self) -> Option<HashMap<String, Term>> {
        self.read()
    }

    fn walk(&mut self, list: &mut List<'_>, level: Level) {
        self.is_read = true;
        if let Err(error) = self.map.next_value_seed(Walk { list, level }) {
            self.error = Some(error);
        }
    }
}

#[derive(Clone, Copy)]
enum Level {
    Top,
    Products,
    Terms,
    OnDemand,
}

struct Walk<'a, 'b> {
    list: &'a mut List<'b>,
    level: Level,
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let Self { list, level } = self;
        deserializer.deserialize_map(Members(|name: String, value: &mut dyn Member<'de>| {
            member(list, level, name, value);
            Ok(())
        }))
    }
}

struct TopLevel<'a, 'b>(&'a mut List<'b>);

impl<'de> DeserializeSeed<'de> for TopLevel<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        Walk { list: self.0, level: Level::Top }.deserialize(deserializer)
    }
}

fn member<'de>(list: &mut List<'_>, level: Level, name: String, value: &mut dyn Member<'de>) {
    match (level, name.as_str()) {
        (Level::Top, "offerCode") => list.origin.offer = value.text().unwrap_or_default(),
        (Level::Top, "publicationDate") => list.origin.date = value.text().unwrap_or_default(),
        (Level::Top, "products") => value.walk(list, Level::Products),
        (Level::Top, "terms") => value.walk(list, Level::Terms),
        (Level::Products, _) => {
            if let Some(found) = value.product().and_then(|product| used(&product, list.region)) {
                list.products.insert(name, found);
            }
        }
        (Level::Terms, "OnDemand") => value.walk(list, Level::OnDemand),
        (Level::OnDemand, sku) => {
            let Some((item, region)) = list.products.get(sku).cloned() else { return };
            if let Some(usd) = value.terms().and_then(|terms| first_tier(&terms)) {
                list.insert(item, &region, usd);
            }
        }
        _ => {}
    }
}

fn used(product: &Product, region: Option<&str>) -> Option<(Item, String)> {
    let attribute = |name: &str| product.attributes.get(name).cloned();
    let code = attribute("regionCode")?;
    // Older files have further rows for the free tier and for geospatial jobs.
    if matches!(attribute("platoinstancetype").as_deref(), Some("Free" | "Processing_Geo")) {
        return None;
    }
    if region.is_some_and(|region| region != code) {
        return None;
    }
    let item = item_of(&attribute("usagetype")?, &attribute("operation").unwrap_or_default(), attribute)?;
    Some((item, code))
}

/// Returns the price of the first units.
fn first_tier(terms: &HashMap<String, Term>) -> Option<Money> {
    let dimensions = terms.values().flat_map(|term| term.price_dimensions.values());
    let first = dimensions.filter(|dimension| matches!(dimension.begin_range.as_deref(), None | Some("0")));
    first.filter_map(|dimension| Money::parse(dimension.price_per_unit.get("USD")?)).max()
}

/// Reads prices that [`PriceBook::to_csv`] wrote.
fn read_saved(
    book: &mut PriceBook,
    mut csv: csv::Reader<impl Read>,
    region: Option<&str>,
) -> Result<(), OfferError> {
    let mut record = csv::StringRecord::new();
    while csv.read_record(&mut record)? {
        let field = |at: usize| record.get(at).unwrap_or_default();
        let (name, row_region) = (field(1), field(2));
        if region.is_some_and(|region| region != row_region) {
            continue;
        }
        let usd = Money::parse(field(3)).ok_or(OfferError::Column("usd"))?;
        let price = |item: String| Price {
            usd,
            item,
            region: row_region.to_owned(),
            date: field(4).to_owned(),
            source: field(5).to_owned(),
            marks: Vec::new(),
        };
        match Use::named(field(0)) {
            Some(usage) => book.insert_instance(usage, name, row_region, price(format!("{name} an hour"))),
            None if field(0) == "unit" => book.insert_unit(name, row_region, price(name.to_owned())),
            None => return Err(OfferError::Column("stackwright_use")),
        }
    }
    Ok(())
}

/// Returns a column by its name without spaces, in lower case.
fn column(header: &csv::StringRecord, name: &'static str) -> Option<usize> {
    header.iter().position(|field| field.replace([' ', '\u{feff}'], "").eq_ignore_ascii_case(name))
}

fn read_csv(book: &mut PriceBook, reader: impl Read, region: Option<&str>) -> Result<(), OfferError> {
    let mut csv = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(reader);
    let mut origin = Origin::default();
    let mut record = csv::StringRecord::new();
    // Lines about the file come before the header.
    let header = loop {
        if !csv.read_record(&mut record)? {
            return Err(OfferError::Column("SKU"));
        }
        match (record.get(0).map(|field| field.trim_start_matches('\u{feff}')), record.get(1)) {
            (Some("Publication Date"), Some(date)) => origin.date = date.to_owned(),
            (Some("OfferCode"), Some(offer)) => origin.offer = offer.to_owned(),
            (Some("SKU"), _) => break record.clone(),
            (Some(first), _) if first == SAVED_COLUMNS[0] => return read_saved(book, csv, region),
            _ => {}
        }
    };
    let need = |name: &'static str| column(&header, name).ok_or(OfferError::Column(name));
    let (term, price, usage) = (need("TermType")?, need("PricePerUnit")?, need("usageType")?);
    let code = need("RegionCode")?;
    let (start, operation, currency) =
        (column(&header, "StartingRange"), column(&header, "operation"), column(&header, "Currency"));
    let named = [
        ("operatingSystem", column(&header, "OperatingSystem")),
        ("preInstalledSw", column(&header, "PreInstalledS/W")),
        ("tenancy", column(&header, "Tenancy")),
        ("capacitystatus", column(&header, "CapacityStatus")),
    ];
    while csv.read_record(&mut record)? {
        let field = |at: Option<usize>| at.and_then(|at| record.get(at)).unwrap_or_default();
        let row_region = field(Some(code));
        let is_wanted = field(Some(term)) == "OnDemand"
            && matches!(field(start), "" | "0")
            && matches!(field(currency), "" | "USD")
            && region.is_none_or(|region| region == row_region);
        if !is_wanted {
            continue;
        }
        let attribute = |name: &str| {
            let at = named.iter().find(|(known, _)| *known == name)?.1?;
            Some(field(Some(at)).to_owned()).filter(|value| !value.is_empty())
        };
        let item = item_of(field(Some(usage)), field(operation), attribute);
        if let (Some(item), Some(usd)) = (item, Money::parse(field(Some(price)))) {
            insert(book, &origin, item, row_region, usd);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saved_prices_are_read_again() {
        let mut book = PriceBook::shipped();
        read_offer(&mut book, JSON.as_bytes(), None).unwrap();
        let mut again = PriceBook::shipped();
        let count = read_offer(&mut again, book.to_csv().as_bytes(), None).unwrap();
        assert_eq!((count, again.to_csv()), (book.len(), book.to_csv()));
        let price = again.instance(Use::Training, "ml.m5.large", "us-east-1").unwrap();
        assert_eq!(
            (price.usd.exact().as_str(), price.source.as_str()),
            ("0.115", "AWS offer file AmazonSageMaker")
        );
        let one = read_offer(&mut PriceBook::shipped(), book.to_csv().as_bytes(), Some("ap-northeast-1"));
        assert_eq!(one.unwrap(), 1);
        let wrong = "stackwright_use,item,region,usd,date,source\nhosting,ml.m5.large,us-east-1,cheap,,\n";
        assert!(read_offer(&mut PriceBook::shipped(), wrong.as_bytes(), None).is_err());
    }

    /// Products and prices as AWS publishes them: the real figures of `schemas/facts/price_table.csv` and `prices.csv`.
    const JSON: &str = r#"{
      "formatVersion": "v1.0", "disclaimer": "This pricing list is for informational purposes only.",
      "offerCode": "AmazonSageMaker", "version": "20260920025606", "publicationDate": "2026-09-20T02:56:06Z",
      "products": {
        "JMCWJEAPVJNFJ5P4": {"sku": "JMCWJEAPVJNFJ5P4", "productFamily": "ML Instance", "attributes": {
          "servicecode": "AmazonSageMaker", "location": "US East (N. Virginia)", "regionCode": "us-east-1",
          "instanceName": "ml.m5.large", "component": "Training", "usagetype": "USE1-Train:ml.m5.large",
          "operation": "RunInstance"}},
        "G6E": {"sku": "G6E", "productFamily": "ML Instance", "attributes": {
          "regionCode": "us-east-1", "usagetype": "USE1-Host:ml.g6e.2xlarge", "operation": "RunInstance"}},
        "TOKYO": {"sku": "TOKYO", "productFamily": "ML Instance", "attributes": {
          "regionCode": "ap-northeast-1", "usagetype": "APN1-Train:ml.g6.xlarge"}},
        "MEM": {"sku": "MEM", "productFamily": "ML Serverless", "attributes": {
          "regionCode": "us-east-1", "usagetype": "USE1-ServerlessInf:Mem-6GB"}},
        "OTHER": {"sku": "OTHER", "productFamily": "Data Transfer", "attributes": {"regionCode": "us-east-1"}}
      },
      "terms": {
        "OnDemand": {
          "JMCWJEAPVJNFJ5P4": {"JMCWJEAPVJNFJ5P4.JRTCKXETXF": {"sku": "JMCWJEAPVJNFJ5P4", "effectiveDate":
            "2026-08-01T00:00:00Z", "priceDimensions": {"JMCWJEAPVJNFJ5P4.JRTCKXETXF.6YS6EN2CT7": {"unit": "Hrs",
            "beginRange": "0", "endRange": "Inf", "pricePerUnit": {"USD": "0.1150000000"}}}}},
          "G6E": {"G6E.JRTCKXETXF": {"priceDimensions": {"x": {"beginRange": "0", "pricePerUnit": {"USD": "2.8026"}}}}},
          "TOKYO": {"T": {"priceDimensions": {"x": {"pricePerUnit": {"USD": "1.634"}}}}},
          "MEM": {"M": {"priceDimensions": {"x": {"unit": "Seconds", "pricePerUnit": {"USD": "0.0001200000"}}}}},
          "OTHER": {"O": {"priceDimensions": {"x": {"pricePerUnit": {"USD": "0.09"}}}}}
        },
        "Reserved": {"X": {"Y": {"anything": [1, 2, {"deep": null}]}}}
      }
    }"#;

    #[test]
    fn prices_of_a_json_list_come_before_the_shipped_table() {
        let mut book = PriceBook::shipped();
        assert_eq!(read_offer(&mut book, JSON.as_bytes(), None).unwrap(), 4);
        let price = book.instance(Use::Hosting, "ml.g6e.2xlarge", "us-east-1").unwrap();
        assert_eq!((price.usd.exact(), price.date.as_str()), ("2.8026".to_owned(), "2026-09-20T02:56:06Z"));
        assert_eq!(price.source, "AWS offer file AmazonSageMaker");
        let tokyo = book.instance(Use::Training, "ml.g6.xlarge", "ap-northeast-1").unwrap();
        assert_eq!(tokyo.usd.exact(), "1.634");
        assert_eq!(book.unit("SageMaker serverless 6 GB", "us-east-1").unwrap().usd.exact(), "0.00012");
    }

    /// Rows with the attributes that AWS writes; the prices are examples.
    #[test]
    fn every_kind_of_row_is_read_and_none_is_mixed_with_another() {
        let rows = [
            ("USE1-Host:ml.m5.xlarge", "Hosting", "RunInstance", "0.2300000000"),
            ("USE1-AsyncInf:ml.g6.xlarge", "AsyncInference", "RunInstance", "1.1267000000"),
            ("USE1-Processing:ml.m5.xlarge", "Processing", "RunInstance", "0.2300000000"),
            ("USE1-Notebk:ml.m5.xlarge", "Notebook", "RunInstance", "0.2300000000"),
            ("USE1-Cluster:ml.g5.8xlarge", "Cluster", "RunInstance", "3.0600000000"),
            ("USE1-ReservedCluster:ml.g5.8xlarge", "ReservedCluster", "RunInstance", "1.0000000000"),
            ("USE1-Host:VolumeUsage.gp2", "Hosting", "CreateVolume-Gp2", "0.1400000000"),
            ("USE1-Hst:Data-Bytes-Out", "Hosting", "Invoke-Endpoint", "0.0160000000"),
            ("USE1-Train:ml.m5.large", "Training", "RunInstance", "0.1150000000"),
        ];
        let mut products = serde_json::Map::new();
        let mut terms = serde_json::Map::new();
        let mut add = |sku: String, attributes: serde_json::Value, usd: &str, begin: &str| {
            let code = format!("{sku}.JRTCKXETXF");
            products.insert(
                sku.clone(),
                serde_json::json!({"sku": sku, "productFamily": "ML Instance", "attributes": attributes}),
            );
            terms.insert(
                sku.clone(),
                serde_json::json!({code.clone(): {"offerTermCode": "JRTCKXETXF", "sku": sku, "effectiveDate": "2026-09-01T00:00:00Z",
                    "priceDimensions": {format!("{code}.6YS6EN2CT7"): {"rateCode": format!("{code}.6YS6EN2CT7"), "description": "x",
                        "beginRange": begin, "endRange": "Inf", "unit": "Hrs", "pricePerUnit": {"USD": usd}, "appliesTo": []}},
                    "termAttributes": {}}}),
            );
        };
        for (number, (usage, component, operation, usd)) in rows.into_iter().enumerate() {
            let name = usage.split(':').nth(1).unwrap_or_default();
            let attributes = serde_json::json!({
                "servicecode": "AmazonSageMaker", "location": "US East (N. Virginia)", "locationType": "AWS Region",
                "instanceType": format!("{name}-{component}"), "instanceName": name, "currentGeneration": "Yes",
                "vCpu": "4", "memory": "16 GiB", "gpu": "0", "networkPerformance": "Up to 10 Gigabit",
                "component": component, "usagetype": usage, "operation": operation, "regionCode": "us-east-1",
                "servicename": "Amazon SageMaker", "platoinstancename": "m5", "platoinstancetype": component,
            });
            add(format!("SKU{number}"), attributes, usd, "0");
        }
        let free = |kind: &str| {
            serde_json::json!({"usagetype": "USE1-Train:ml.m5.large", "operation": "RunInstance",
                "regionCode": "us-east-1", "platoinstancetype": kind})
        };
        add("ZFREE".into(), free("Free"), "0.0100000000", "0");
        add("ZZERO".into(), free("Training"), "0.0000000000", "0");
        let list = serde_json::json!({"formatVersion": "v1.0", "offerCode": "AmazonSageMaker", "version": "20260920025606",
            "publicationDate": "2026-09-20T02:56:06Z", "products": products, "terms": {"OnDemand": terms}});
        let mut book = PriceBook::shipped();
        assert_eq!(read_offer(&mut book, list.to_string().as_bytes(), None).unwrap(), 7);
        let price = |usage, name| {
            let found = book.instance(usage, name, "us-east-1").unwrap();
            assert_eq!(found.source, "AWS offer file AmazonSageMaker");
            found.usd.exact()
        };
        assert_eq!(price(Use::Hosting, "ml.m5.xlarge"), "0.23");
        assert_eq!(price(Use::Asynchronous, "ml.g6.xlarge"), "1.1267");
        assert_eq!(price(Use::Processing, "ml.m5.xlarge"), "0.23");
        assert_eq!(price(Use::Notebook, "ml.m5.xlarge"), "0.23");
        assert_eq!(price(Use::Cluster, "ml.g5.8xlarge"), "3.06");
        assert_eq!(price(Use::Training, "ml.m5.large"), "0.115");
        let volume =
            book.unit("SageMaker endpoint storage (General Purpose-Hosting gp2)", "us-east-1").unwrap();
        assert_eq!(volume.usd.exact(), "0.14");
    }

    /// A host that is dedicated, and other operating systems, have no price of an on-demand instance.
    #[test]
    fn other_products_of_ec2_are_not_instances() {
        let product = |sku: &str, usage: &str, tenancy: &str, system: &str, operation: &str| {
            format!(
                r#""{sku}": {{"sku": "{sku}", "productFamily": "Compute Instance", "attributes": {{"servicecode": "AmazonEC2",
                "location": "US East (N. Virginia)", "locationType": "AWS Region", "instanceType": "g5.2xlarge", "memory": "32 GiB",
                "vcpu": "8", "tenancy": "{tenancy}", "operatingSystem": "{system}", "licenseModel": "No License required",
                "usagetype": "{usage}", "operation": "{operation}", "preInstalledSw": "NA", "capacitystatus": "Used",
                "regionCode": "us-east-1"}}}}"#
            )
        };
        let products = [
            product("A", "BoxUsage:g5.2xlarge", "Shared", "Linux", "RunInstances"),
            product("B", "BoxUsage:g5.2xlarge", "Shared", "Windows", "RunInstances:0002"),
            product("C", "DedicatedUsage:g5.2xlarge", "Dedicated", "Linux", "RunInstances"),
            product("D", "ReservedHostUsage:m5d", "Reserved", "Linux", "RunInstances"),
        ];
        let term = |sku: &str, usd: &str| {
            format!(
                r#""{sku}": {{"{sku}.J": {{"sku": "{sku}", "priceDimensions": {{"{sku}.J.6": {{"unit": "Hrs", "beginRange": "0",
                "endRange": "Inf", "pricePerUnit": {{"USD": "{usd}"}}}}}}}}}}"#
            )
        };
        let terms = [term("A", "1.212"), term("B", "1.58"), term("C", "1.3"), term("D", "5.9")];
        let list = format!(
            r#"{{"offerCode": "AmazonEC2", "publicationDate": "2026-09-25T00:00:00Z", "products": {{{}}}, "terms": {{"OnDemand": {{{}}}}}}}"#,
            products.join(","),
            terms.join(",")
        );
        let mut book = PriceBook::shipped();
        assert_eq!(read_offer(&mut book, list.as_bytes(), None).unwrap(), 1);
        assert_eq!(book.instance(Use::Ec2, "g5.2xlarge", "us-east-1").unwrap().usd.exact(), "1.212");
    }

    #[test]
    fn only_one_region_is_kept_if_one_is_named() {
        let mut book = PriceBook::shipped();
        assert_eq!(read_offer(&mut book, JSON.as_bytes(), Some("ap-northeast-1")).unwrap(), 1);
    }

    #[test]
    fn prices_of_a_csv_list() {
        let text = "\"FormatVersion\",\"v1.0\"\n\"Disclaimer\",\"This pricing list\"\n\"Publication Date\",\"2026-09-25\"\n\
                    \"Version\",\"20260925\"\n\"OfferCode\",\"AmazonEC2\"\n\
                    \"SKU\",\"OfferTermCode\",\"RateCode\",\"TermType\",\"PriceDescription\",\"EffectiveDate\",\"StartingRange\",\"EndingRange\",\"Unit\",\"PricePerUnit\",\"Currency\",\"Location\",\"Tenancy\",\"Operating System\",\"usageType\",\"operation\",\"CapacityStatus\",\"Pre Installed S/W\",\"Region Code\"\n\
                    \"A\",\"J\",\"A.J\",\"OnDemand\",\"$1.212 per On Demand Linux\",\"2026-09-01\",\"0\",\"Inf\",\"Hrs\",\"1.2120000000\",\"USD\",\"US East (N. Virginia)\",\"Shared\",\"Linux\",\"BoxUsage:g5.2xlarge\",\"RunInstances\",\"Used\",\"NA\",\"us-east-1\"\n\
                    \"B\",\"J\",\"B.J\",\"OnDemand\",\"Windows\",\"2026-09-01\",\"0\",\"Inf\",\"Hrs\",\"1.58\",\"USD\",\"US East (N. Virginia)\",\"Shared\",\"Windows\",\"BoxUsage:g5.2xlarge\",\"RunInstances:0002\",\"Used\",\"NA\",\"us-east-1\"\n\
                    \"C\",\"J\",\"C.J\",\"Reserved\",\"Linux\",\"2026-09-01\",\"0\",\"Inf\",\"Hrs\",\"0.7\",\"USD\",\"US East (N. Virginia)\",\"Shared\",\"Linux\",\"BoxUsage:g5.2xlarge\",\"RunInstances\",\"Used\",\"NA\",\"us-east-1\"\n";
        let mut book = PriceBook::shipped();
        assert_eq!(read_offer(&mut book, text.as_bytes(), None).unwrap(), 1);
        let price = book.instance(Use::Ec2, "g5.2xlarge", "us-east-1").unwrap();
        assert_eq!((price.usd.exact(), price.date.as_str()), ("1.212".to_owned(), "2026-09-25"));
    }

    #[test]
    fn a_file_that_is_not_a_price_list_is_an_error() {
        let mut book = PriceBook::shipped();
        for wrong in ["", "{}", "{\"products\": 5}", "a,b\n1,2\n", "[1]"] {
            assert!(read_offer(&mut book, wrong.as_bytes(), None).is_err(), "{wrong}");
        }
        assert!(book.is_empty());
    }
}
