//! `conditional-alias`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::function;
use crate::check::view::View;

rule! {
    /// `AutoPublishAlias` of a SAM function is a function that SAM does not evaluate, such as `Fn::If`.
    ///
    /// # Why it matters
    ///
    /// SAM has to know the name of the alias before CloudFormation evaluates the template. The transform fails.
    ///
    /// # How to fix
    ///
    /// Write the name, or refer to a parameter with a value.
    Error "conditional-alias",
    source: "AWS SAM Developer Guide, AWS::Serverless::Function, and issue 1154 of aws/serverless-application-model",
    applies_to: ["AWS::Serverless::Function"],
    check: Each(check),
}

/// Functions that CloudFormation evaluates only when SAM has transformed the template.
const LATER: [&str; 5] = ["Fn::If", "Fn::GetAtt", "Fn::ImportValue", "Fn::Join", "Fn::Select"];

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for resource in view.of_type("AWS::Serverless::Function") {
        let alias = function(&resource.written["AutoPublishAlias"]);
        if let Some((name, _)) = alias.filter(|(name, _)| LATER.contains(name)) {
            let message = format!("SAM does not evaluate `{name}` as the name of an alias");
            let path = ["AutoPublishAlias".to_owned()];
            findings.add_at(resource, Some(&path), message, "write the name, or refer to a parameter");
        }
    }
}
