//! Updates the shipped table of prices from AWS's bulk price lists.

use std::fs::{self, File};
use std::path::PathBuf;

use stackwright_estimate::cost::{InstancePrice, PriceBook, UnitPrice, read_offer};

use crate::{Result, root};

/// Reads price lists and replaces the rows of `schemas/facts/prices.csv` with the same instance type, component and region. New
/// rows follow those of the table. Rows of `price_table.csv` are replaced only, because the unit of an item is part of them.
pub fn update(files: &[PathBuf], regions: &[String]) -> Result<()> {
    let mut book = PriceBook::default();
    for file in files {
        for region in regions {
            match read_offer(&mut book, File::open(file)?, Some(region)) {
                Ok(count) => println!("{}: {count} new prices of {region}", file.display()),
                Err(error) => println!("{}: {region}: {error}", file.display()),
            }
        }
    }
    if book.is_empty() {
        return Err("the files have no prices of these regions".into());
    }
    let instances: Vec<(Key, Vec<String>)> = book
        .instances()
        .into_iter()
        .map(|InstancePrice { usage, instance_type, price, .. }| {
            let key = [instance_type.to_owned(), usage.component().as_str().to_owned(), price.region.clone()];
            let values = [price.usd.exact(), day(&price.date), price.source.clone(), String::new()];
            (key.clone(), key.into_iter().chain(values).collect())
        })
        .collect();
    write("prices.csv", [0, 1, 2], &instances, true)?;
    let units: Vec<(Key, Vec<String>)> = book
        .units()
        .into_iter()
        .map(|UnitPrice { item, price, .. }| {
            let key = [item.to_owned(), price.region.clone(), String::new()];
            let row =
                [item.to_owned(), String::new(), price.region.clone(), price.usd.exact(), day(&price.date)];
            (key, row.into_iter().chain([price.source.clone(), String::new()]).collect())
        })
        .collect();
    write("price_table.csv", [0, 2, usize::MAX], &units, false)
}

/// What a row is recognized by.
type Key = [String; 3];

/// The day of a date and time.
fn day(date: &str) -> String {
    date.split('T').next().unwrap_or(date).to_owned()
}

/// Replaces rows by their key; `appends` states whether other rows are added.
fn write(name: &str, columns: [usize; 3], rows: &[(Key, Vec<String>)], appends: bool) -> Result<()> {
    let path = root().join("schemas/facts").join(name);
    let text = fs::read_to_string(&path)?;
    let (merged, replaced, added) = merge(&text, columns, rows, appends)?;
    fs::write(&path, merged)?;
    println!("{name}: {replaced} rows replaced, {added} added; review `git diff schemas`");
    Ok(())
}

fn merge(
    text: &str,
    columns: [usize; 3],
    rows: &[(Key, Vec<String>)],
    appends: bool,
) -> Result<(String, usize, usize)> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut seen = vec![false; rows.len()];
    for record in reader.records() {
        let record = record?;
        let key = columns.map(|column| record.get(column).unwrap_or_default().to_owned());
        match rows.iter().position(|(known, _)| *known == key) {
            Some(at) => {
                // Empty fields keep what the table has.
                let old = record.iter().map(str::to_owned);
                let is_note = |column: usize| column + 1 == record.len();
                let merged = rows[at].1.iter().zip(old).enumerate().map(|(column, (new, old))| {
                    if new.is_empty() && !is_note(column) { old } else { new.clone() }
                });
                if !seen[at] {
                    writer.write_record(merged)?;
                }
                seen[at] = true;
            }
            None => writer.write_record(&record)?,
        }
    }
    let replaced = seen.iter().filter(|seen| **seen).count();
    let mut added = 0;
    for ((_, row), _) in rows.iter().zip(&seen).filter(|(_, seen)| !**seen && appends) {
        writer.write_record(row)?;
        added += 1;
    }
    Ok((String::from_utf8(writer.into_inner()?)?, replaced, added))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_replaced_by_their_key_and_others_added() {
        let table = "instance_type,component,region,usd_per_hour,date,source,note\n\
                     ml.a,sagemaker-training,us-east-1,1,2025,x,old\nml.b,sagemaker-training,us-east-1,2,2025,x,\n";
        let row = |name: &str, usd: &str| {
            let key = [name.to_owned(), "sagemaker-training".to_owned(), "us-east-1".to_owned()];
            let more = [usd, "2026-11-26", "AWS", ""].map(str::to_owned);
            (key.clone(), key.into_iter().chain(more).collect::<Vec<_>>())
        };
        let (text, replaced, added) =
            merge(table, [0, 1, 2], &[row("ml.a", "3"), row("ml.c", "4")], true).unwrap();
        assert_eq!((replaced, added), (1, 1));
        assert!(text.contains("ml.a,sagemaker-training,us-east-1,3,2026-11-26,AWS,\n"), "{text}");
        assert!(
            text.contains("ml.b,sagemaker-training,us-east-1,2,")
                && text.ends_with("ml.c,sagemaker-training,us-east-1,4,2026-11-26,AWS,\n")
        );
        let (same, ..) = merge(table, [0, 1, 2], &[row("ml.c", "4")], false).unwrap();
        assert_eq!(same, table);
    }
}
