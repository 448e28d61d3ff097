//! Arguments that several commands share.

use std::path::{Path, PathBuf};

use clap::Args;
use stackwright_deploy::{Approval, ApprovalPolicy, Options, Profile};
use stackwright_synth::StackArtifact;
use stackwright_synth::secret::is_no_echo;

use super::command_line::quoted;

use crate::failure::Failure;

/// The directory in which local mode keeps its state, if the user names none.
const DEFAULT_LOCAL_STATE: &str = ".stackwright/local";

/// The arguments that determine where stacks are deployed.
#[derive(Args)]
pub(crate) struct Target {
    /// Use a profile of the AWS CLI's configuration. Default: the profile in `AWS_PROFILE`, then `default`
    #[arg(long)]
    profile: Option<String>,
    /// Use this region, such as `eu-west-1`, for stacks that are not bound to one. Default: the region in `AWS_REGION` or
    /// `AWS_DEFAULT_REGION`, then that of the profile
    #[arg(long)]
    region: Option<String>,
    /// Assume this role, such as `arn:aws:iam::{account}:role/deploy`; `{account}` is replaced with the account that the stack
    /// is bound to. Default: assume no role
    #[arg(long, value_name = "ARN")]
    role: Option<String>,
    /// Use local mode: a simulation of CloudFormation in this process, without an AWS account. Nothing is created in AWS.
    /// Default: AWS, or the endpoint in `AWS_ENDPOINT_URL`
    #[arg(long, conflicts_with_all = ["profile", "role"])]
    pub local: bool,
    /// Set the directory in which `--local` keeps its state between commands
    #[arg(long, value_name = "DIR", default_value = DEFAULT_LOCAL_STATE, requires = "local")]
    pub local_state: PathBuf,
    /// Simulate the failures in a JSON file with `--local`; `local --help` shows the format. Default: nothing fails
    #[arg(long, value_name = "FILE", requires = "local")]
    pub faults: Option<PathBuf>,
}

impl Target {
    /// Returns the region for stacks that are not bound to one, if the user names one.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// Returns whether any of the arguments is given.
    pub fn is_given(&self) -> bool {
        self.profile.is_some() || self.region.is_some() || self.role.is_some() || self.local
    }

    /// Returns the options, as words of a command line. Simulated faults belong to one command only.
    pub fn options(&self) -> Vec<String> {
        let mut words = Vec::new();
        let mut add = |name: &str, value: &Option<String>| {
            words.extend(value.iter().flat_map(|value| [name.to_owned(), value.clone()]));
        };
        add("--profile", &self.profile);
        add("--region", &self.region);
        add("--role", &self.role);
        if self.local {
            words.push("--local".into());
            if self.local_state != Path::new(DEFAULT_LOCAL_STATE) {
                words.extend(["--local-state".into(), self.local_state.display().to_string()]);
            }
        }
        words
    }

    /// Returns the credentials and the region to use.
    pub fn profile(&self) -> Profile {
        let mut profile = Profile::default();
        profile.name.clone_from(&self.profile);
        profile.region.clone_from(&self.region);
        profile.role.clone_from(&self.role);
        profile
    }
}

/// The arguments that determine how stacks are deployed.
#[derive(Args)]
pub(crate) struct DeploymentArguments {
    /// Set a parameter of the templates, in every stack that has this parameter; may be repeated. Default: the value that an
    /// earlier deployment set, otherwise the default of the template
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,
    /// Revert changes made outside CloudFormation (drift). Default: only the template is compared with the deployed template
    #[arg(long)]
    revert_drift: bool,
    /// Import existing resources that have the names that the template sets, instead of creating them. Default: the creation
    /// fails if the name exists
    #[arg(long)]
    import_existing: bool,
    /// Finish when every resource is configured, without waiting until it is ready (CloudFormation's express mode). Default: wait
    /// until every resource is ready
    #[arg(long)]
    express: bool,
    /// Keep the created and updated resources if the deployment fails, for inspection. Default: CloudFormation rolls back
    #[arg(long)]
    keep_failed: bool,
    /// Remove tags of the stack that the program does not set. Default: they are kept
    #[arg(long)]
    prune_tags: bool,
}

pub(crate) fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a parameter is set with NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(crate) fn has_parameter(stack: &StackArtifact, parameter: &str) -> bool {
    stack.template.section("Parameters").any(|(known, _)| known == parameter)
}

impl DeploymentArguments {
    /// Refuses a parameter that none of the stacks has.
    pub fn check(&self, stacks: &[&StackArtifact]) -> Result<(), Failure> {
        for (name, _) in &self.parameters {
            if !stacks.iter().any(|stack| has_parameter(stack, name)) {
                return Err(Failure::usage(format!("none of the stacks has a parameter `{name}`")));
            }
        }
        Ok(())
    }

    /// Returns the options, as words of a command line, for stacks whose plan is deployed. A secret is not repeated: the shell
    /// refuses its placeholder.
    pub fn words(&self, stacks: &[&StackArtifact]) -> String {
        let mut words: Vec<String> = Vec::new();
        for (name, value) in &self.parameters {
            let declarations = || stacks.iter().flat_map(|stack| stack.template.section("Parameters"));
            let is_secret = declarations().any(|(known, one)| known == name && is_no_echo(one));
            let value =
                if is_secret { format!("{name}=<value>") } else { quoted(&format!("{name}={value}")) };
            words.push(format!("--parameter {value}"));
        }
        let flags = [
            ("--revert-drift", self.revert_drift),
            ("--import-existing", self.import_existing),
            ("--express", self.express),
            ("--keep-failed", self.keep_failed),
            ("--prune-tags", self.prune_tags),
        ];
        words.extend(flags.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| name.to_owned()));
        words.join(" ")
    }

    /// Refuses options that an import cannot follow, because it changes nothing but the imported resources.
    pub fn check_import(&self) -> Result<(), Failure> {
        if self.prune_tags {
            return Err(Failure::usage(
                "`--prune-tags` has no effect on an import, which keeps the tags of the stack",
            )
            .hint("`deploy --prune-tags` removes them afterwards"));
        }
        Ok(())
    }

    /// Returns the options for one stack. `description` is that of the change set.
    pub fn options(&self, stack: &StackArtifact, description: &str) -> Options {
        let options = Options::new()
            .description(description)
            .revert_drift(self.revert_drift)
            .import_existing(self.import_existing)
            .express(self.express)
            .keep_failed(self.keep_failed)
            .prune_tags(self.prune_tags);
        let parameters = self.parameters.iter().filter(|(name, _)| has_parameter(stack, name));
        parameters.fold(options, |options, (name, value)| options.parameter(name, value))
    }
}

/// The approvals of changes.
#[derive(Args)]
pub(crate) struct ApprovalArguments {
    /// Approve a change: `replacement=ID`, `deletion=ID`, `deletion=ID.InstanceGroups.NAME`, `permissions`, `network`,
    /// `termination-protection`, `tags` or `rename`. ID is a logical ID; `*` matches every ID. May be repeated. A change that
    /// loses data, or interrupts traffic or workloads, always needs its own approval. Default: ask on a terminal; otherwise
    /// refuse changes that need an approval
    #[arg(long = "approve", value_name = "CHANGE")]
    approvals: Vec<Approval>,
    /// Approve all changes without a question, except those that lose data, or interrupt traffic or workloads
    #[arg(long, short)]
    yes: bool,
}

impl ApprovalArguments {
    /// Returns the policy that the arguments describe.
    pub fn policy(&self) -> ApprovalPolicy {
        ApprovalPolicy::new(self.approvals.clone(), self.yes)
    }
}
