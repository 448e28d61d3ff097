//! `missing-definition`

use crate::check::findings::Findings;
use crate::check::rules::pipeline::definitions;
use crate::check::rules::rule;
use crate::check::value::{is_set, is_unresolved, string};
use crate::check::view::View;

rule! {
    /// A pipeline has a definition with neither a body nor a location in S3, or a body of another version than
    /// 2020-12-01.
    ///
    /// # Why it matters
    ///
    /// SageMaker refuses the pipeline.
    ///
    /// # How to fix
    ///
    /// Set `PipelineDefinitionBody` or `PipelineDefinitionS3Location`, and the version 2020-12-01.
    Error "missing-definition",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json CreatePipelineRequest; CloudFormation reference, pipelinedefinition",
    applies_to: ["AWS::SageMaker::Pipeline"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for pipeline in view.of_type("AWS::SageMaker::Pipeline") {
        let definition = &pipeline.properties["PipelineDefinition"];
        let given = ["PipelineDefinitionBody", "PipelineDefinitionS3Location"]
            .iter()
            .any(|name| is_set(&definition[*name]));
        if definition.is_object() && !is_unresolved(definition) && !given {
            findings.add(pipeline, definition, "the definition has neither a body nor a location in S3", "");
        }
    }
    for (pipeline, definition) in definitions(view) {
        let version = &definition["Version"];
        if string(version).is_some_and(|version| version != "2020-12-01") || !is_set(version) {
            let at = if is_set(version) { version } else { definition };
            findings.add(pipeline, at, "the version of a pipeline definition is 2020-12-01", "");
        }
    }
}
