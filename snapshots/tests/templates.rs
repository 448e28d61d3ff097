//! One snapshot a template: what a change to an example or to a construct does to what is deployed.
//!
//! After an intended change: `INSTA_UPDATE=always cargo test -p snapshots`, and review the difference.

#[test]
fn templates_are_as_reviewed() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("..");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for (_, app) in snapshots::examples() {
            for (name, template) in stackwright::testing::snapshots(&app) {
                insta::assert_snapshot!(name, template);
            }
        }
    });
}
