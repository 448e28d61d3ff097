//! `accounting-database-without-name`

use crate::check::findings::Findings;
use crate::check::rules::hyperpod::CLUSTER;
use crate::check::rules::rule;
use crate::check::value::{is_set, is_unresolved};
use crate::check::view::View;

rule! {
    /// A HyperPod cluster stores Slurm accounting in a database, but does not set the name of the schema.
    ///
    /// # Why it matters
    ///
    /// CloudFormation sends the default `slurm_acct_db`, whereas the API would choose a name for each cluster. Two
    /// clusters that use the same database then share one schema.
    ///
    /// # How to fix
    ///
    /// Set `AccountingDatabase.Name` to a name that no other cluster uses.
    Warning "accounting-database-without-name",
    source: "AWS CloudFormation registry schema of AWS::SageMaker::Cluster; botocore 1.44.5 sagemaker/2017-07-24/service-2.json ClusterAccountingDatabase.Name",
    applies_to: ["AWS::SageMaker::Cluster"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for cluster in view.of_type(CLUSTER) {
        let database = &cluster.properties["Orchestrator"]["Slurm"]["AccountingDatabase"];
        if is_set(database) && !is_unresolved(database) && !is_set(&database["Name"]) {
            findings.add(
                cluster,
                database,
                "the schema is `slurm_acct_db`, as for every other cluster without `Name`",
                "set `Name` to a name that no other cluster uses",
            );
        }
    }
}
