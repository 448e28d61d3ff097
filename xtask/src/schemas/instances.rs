//! Instance types: the hardware that EC2 describes, and the SageMaker services that offer each type.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Files, Package};
use crate::Result;

/// A column for each service, with the enumeration of the service model that lists its instance types.
const SERVICES: [(&str, &str); 7] = [
    ("training", "TrainingInstanceType"),
    ("hosting", "ProductionVariantInstanceType"),
    ("transform", "TransformInstanceType"),
    ("processing", "ProcessingInstanceType"),
    ("cluster", "ClusterInstanceType"),
    ("training_plan", "ReservedCapacityInstanceType"),
    ("optimization", "OptimizationJobDeploymentInstanceType"),
];

pub fn table(moto: &mut Package, model: &Value, files: &mut Files) -> Result<()> {
    let hardware = moto.json("moto/ec2/resources/instance_types.json.gz")?;
    let mut services: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (column, shape) in SERVICES {
        let values =
            model["shapes"][shape]["enum"].as_array().ok_or_else(|| format!("no enumeration {shape}"))?;
        services.insert(column, values.iter().filter_map(Value::as_str).collect());
    }
    let every: BTreeSet<&str> =
        services.values().flatten().copied().filter(|name| name.starts_with("ml.")).collect();

    let mut csv = csv::Writer::from_writer(Vec::new());
    let mut header = vec![
        "instance_type",
        "vcpu",
        "memory_mib",
        "accelerator",
        "accelerator_count",
        "accelerator_memory_mib",
        "efa_interfaces",
        "network_performance",
        "local_nvme_gb",
    ];
    header.extend(SERVICES.map(|(column, _)| column));
    csv.write_record(&header)?;
    for name in every {
        let described = &hardware[name.trim_start_matches("ml.")];
        let number = |value: &Value| value.as_f64().map(|number| number.to_string()).unwrap_or_default();
        // Each kind of accelerator has its own key with a list of one element.
        let accelerator = [
            ("GpuInfo", "Gpus"),
            ("NeuronInfo", "NeuronDevices"),
            ("InferenceAcceleratorInfo", "Accelerators"),
        ]
        .map(|(kind, list)| &described[kind][list][0])
        .into_iter()
        .find(|value| value.is_object())
        .unwrap_or(&Value::Null);
        let known = described.is_object();
        let mut row = vec![
            name.to_owned(),
            number(&described["VCpuInfo"]["DefaultVCpus"]),
            number(&described["MemoryInfo"]["SizeInMiB"]),
            accelerator["Name"].as_str().unwrap_or_default().to_owned(),
            if known && accelerator.is_null() { "0".into() } else { number(&accelerator["Count"]) },
            number(&accelerator["MemoryInfo"]["SizeInMiB"]),
            match (known, &described["NetworkInfo"]["EfaInfo"]["MaximumEfaInterfaces"]) {
                (true, Value::Null) => "0".into(),
                (_, interfaces) => number(interfaces),
            },
            described["NetworkInfo"]["NetworkPerformance"].as_str().unwrap_or_default().to_owned(),
            match (known, &described["InstanceStorageInfo"]["TotalSizeInGB"]) {
                (true, Value::Null) => "0".into(),
                (_, size) => number(size),
            },
        ];
        row.extend(SERVICES.map(|(column, _)| services[column].contains(name).to_string()));
        csv.write_record(&row)?;
    }
    let text = String::from_utf8(csv.into_inner()?)?;
    files.insert("schemas/data/instances.csv".into(), text);
    Ok(())
}
