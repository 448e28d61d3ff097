//! Images have the URIs that the SageMaker SDK's `image_uris.retrieve` gives, for every family, version and processor, in three
//! regions.
#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;

use stackwright_schemas::images;

#[test]
fn every_image_has_the_uri_that_the_sdk_retrieves() {
    snapshots::needs!("python/bin/python");
    let mut lines = String::new();
    for (family, version, processor) in images::all() {
        let image = images::image(family, version, processor).unwrap();
        // Three regions of each, because the SDK takes its time: accounts are the table's own in all of them.
        let regions: Vec<_> = image.accounts.iter().collect();
        for index in [0, regions.len() / 2, regions.len() - 1] {
            let (region, account) = regions[index];
            writeln!(
                lines,
                "{family}\t{version}\t{processor:?}\t{region}\t{account}\t{}:{}",
                image.repository, image.tag
            )
            .unwrap();
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let list = directory.path().join("images.tsv");
    std::fs::write(&list, lines).unwrap();
    let judged = snapshots::judged_by("images.py", &list);
    assert!(judged.contains("families: 5"), "{judged}");
}
