//! Several stacks: dependencies, approvals, questions and interruptions.
#![allow(clippy::unwrap_used)]

mod simulation;

use std::cell::RefCell;
use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use aws_sdk_cloudformation::types::ChangeSetType;
use serde_json::{Value as Json, json};
use simulation::{Simulation, named, stack, topics};
use stackwright_deploy::{
    Approval, ApprovalPolicy, Connection, Connections, Deleted, DeployError, FinishedStack, Import,
    LocalBoxFuture, NoPrompt, Options, Orchestrator, Plan, PlannedOutcome, Profile, Progress, Prompt,
    Question, Settings, StackResult,
};
use stackwright_synth::StackArtifact;
use tokio::sync::Notify;

fn topic() -> Json {
    json!({ "Resources": { "Alarms": { "Type": "AWS::SNS::Topic" } } })
}

/// Two stacks, of which the second depends on the first.
fn producer_and_consumer() -> (StackArtifact, StackArtifact) {
    let producer = named("Producer", &topic());
    let mut consumer = named("Consumer", &topic());
    consumer.dependencies.push("Producer".into());
    (producer, consumer)
}

fn no_options(_: &StackArtifact) -> Options {
    Options::default()
}

fn error_of<T>(results: Vec<FinishedStack<'_, T>>) -> DeployError {
    let failed = results.into_iter().find_map(|one| match one.result {
        StackResult::Failed(error) => Some(error),
        _ => None,
    });
    failed.expect("a stack has failed")
}

/// A prompt that gives one answer, as soon as the test allows it.
struct Answers {
    may_answer: Notify,
    answer: &'static str,
    asked: RefCell<Vec<String>>,
}

impl Answers {
    fn new(answer: &'static str) -> Self {
        Self { may_answer: Notify::new(), answer, asked: RefCell::default() }
    }
}

impl Prompt for Answers {
    fn is_interactive(&self) -> bool {
        true
    }

    fn ask<'a>(&'a self, question: &'a Question) -> LocalBoxFuture<'a, Option<String>> {
        Box::pin(async move {
            self.asked.borrow_mut().push(question.to_string());
            self.may_answer.notified().await;
            Some(self.answer.to_owned())
        })
    }
}

/// A prompt that gives its answers one after the other.
struct Replies {
    replies: RefCell<Vec<&'static str>>,
    asked: RefCell<Vec<String>>,
}

impl Replies {
    fn new(replies: &[&'static str]) -> Self {
        Self { replies: RefCell::new(replies.to_vec()), asked: RefCell::default() }
    }
}

impl Prompt for Replies {
    fn is_interactive(&self) -> bool {
        true
    }

    fn ask<'a>(&'a self, question: &'a Question) -> LocalBoxFuture<'a, Option<String>> {
        Box::pin(async move {
            self.asked.borrow_mut().push(question.to_string());
            let mut replies = self.replies.borrow_mut();
            (!replies.is_empty()).then(|| replies.remove(0).to_owned())
        })
    }
}

fn connections(simulation: &Simulation) -> Connections {
    Connections::new(Profile::for_endpoint(simulation.local.url()))
}

#[tokio::test]
async fn a_stack_without_its_producer_names_the_producer() {
    let simulation = Simulation::start().await;
    let connections = connections(&simulation);
    let (producer, consumer) = producer_and_consumer();
    let report = |_: &StackArtifact, _: Progress| {};
    let deploy = async |stacks: &[&StackArtifact], others: &[&StackArtifact]| {
        let orchestrator = Orchestrator::new(&connections, &NoPrompt, &report, Settings::new(4));
        let results = orchestrator.deploy(stacks, others, &no_options, None, &|_, _| {}).await.unwrap();
        results.into_iter().map(|one| (one.stack.id.clone(), one.result)).collect::<Vec<_>>()
    };
    let results = deploy(&[&consumer], &[&producer]).await;
    let StackResult::Failed(error) = &results[0].1 else { panic!("{results:?}") };
    assert!(
        matches!(error, DeployError::MissingDependencies { missing, .. } if missing == &["Producer"]),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("--with-dependencies"));
    assert!(!simulation.local.requests().contains_key("CreateChangeSet"), "nothing was created");

    let results = deploy(&[&producer, &consumer], &[]).await;
    assert!(results.iter().all(|(_, result)| matches!(result, StackResult::Succeeded(_))), "{results:?}");
    // Now the producer is deployed.
    let results = deploy(&[&consumer], &[&producer]).await;
    assert!(matches!(&results[0].1, StackResult::Succeeded(outcome) if !outcome.changed), "{results:?}");
}

#[tokio::test]
async fn the_deletion_of_a_producer_names_its_deployed_consumers() {
    let simulation = Simulation::start().await;
    let connections = connections(&simulation);
    let (producer, consumer) = producer_and_consumer();
    let report = |_: &StackArtifact, _: Progress| {};
    let orchestrator = Orchestrator::new(&connections, &NoPrompt, &report, Settings::new(4));
    orchestrator.deploy(&[&producer, &consumer], &[], &no_options, None, &|_, _| {}).await.unwrap();

    let answers = Answers::new("no");
    answers.may_answer.notify_one();
    let orchestrator = Orchestrator::new(&connections, &answers, &report, Settings::new(4));
    let results = orchestrator.destroy(&[&producer], &[&consumer], &|_, _| {}).await.unwrap();
    assert!(matches!(error_of(results), DeployError::NotApproved { .. }));
    let asked = answers.asked.borrow().join("");
    assert!(asked.contains("Consumer uses values of Producer"), "{asked}");
}

#[tokio::test]
async fn data_is_deleted_only_with_its_own_approval() {
    let simulation = Simulation::start().await;
    let connections = connections(&simulation);
    let bucket = |policy: &str| json!({ "Type": "AWS::S3::Bucket", "DeletionPolicy": policy });
    let template = json!({ "Resources": { "Models": bucket("Delete"), "Kept": bucket("Retain") } });
    let stack = named("Storage", &template);
    let report = |_: &StackArtifact, _: Progress| {};
    let with = |approvals: &[&str]| {
        let approvals = approvals.iter().map(|text| text.parse::<Approval>().unwrap()).collect();
        Settings::new(1).approvals(ApprovalPolicy::new(approvals, true))
    };
    let orchestrator = Orchestrator::new(&connections, &NoPrompt, &report, with(&[]));
    orchestrator.deploy(&[&stack], &[], &no_options, None, &|_, _| {}).await.unwrap();
    let error = error_of(orchestrator.destroy(&[&stack], &[], &|_, _| {}).await.unwrap());
    let DeployError::NotApproved { missing, .. } = &error else { panic!("{error}") };
    assert_eq!(missing.iter().map(|one| one.approval()).collect::<Vec<_>>(), ["deletion=Models"]);

    let orchestrator = Orchestrator::new(&connections, &NoPrompt, &report, with(&["deletion=Models"]));
    let results = orchestrator.destroy(&[&stack], &[], &|_, _| {}).await.unwrap();
    assert!(matches!(results[0].result, StackResult::Succeeded(Deleted::Deleted)), "{results:?}");
}

/// While a question about one stack is open, another stack is deployed; a stop withdraws the question, and the empty stack of
/// the first one is deleted.
#[tokio::test]
async fn an_open_question_does_not_stop_other_stacks() {
    let simulation = Simulation::start().await;
    let connections = connections(&simulation);
    let (asked, other) = (
        named("Asked", &topic()),
        named("Other", &json!({ "Resources": { "Models": { "Type": "AWS::S3::Bucket" } } })),
    );
    let answers = Answers::new("y");
    let report = |_: &StackArtifact, _: Progress| {};
    let orchestrator = Orchestrator::new(&connections, &answers, &report, Settings::new(4));
    let stacks = [&asked];
    let ended = |_: &StackArtifact, _: &Result<stackwright_deploy::Outcome, DeployError>| {};
    let work = orchestrator.deploy(&stacks, &[], &no_options, None, &ended);
    let meanwhile = async {
        while answers.asked.borrow().is_empty() {
            tokio::task::yield_now().await;
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        // The question is open: the same thread deploys the other stack.
        let second = Orchestrator::new(&connections, &NoPrompt, &report, Settings::new(1));
        let results = second.deploy(&[&other], &[], &no_options, None, &|_, _| {}).await.unwrap();
        assert!(matches!(results[0].result, StackResult::Succeeded(_)), "{results:?}");
        orchestrator.stop();
    };
    let (results, ()) = tokio::join!(work, meanwhile);
    let error = error_of(results.unwrap());
    assert!(matches!(error, DeployError::Interrupted { .. }), "{error}");
    let left = simulation.client.describe_stacks().stack_name("Asked").send().await;
    assert!(left.is_err(), "no empty stack is left");
}

/// While a stack only waits for an operation of another process, a stop ends the work at once, and does not cancel the other
/// operation.
#[tokio::test]
async fn a_stop_does_not_wait_for_the_operations_of_others() {
    let simulation = Simulation::start().await;
    let connections = connections(&simulation);
    let wanted = stack(&topics("", "one"));
    simulation.deploy(&wanted).await.unwrap();
    simulation
        .fail(json!({ "resources": [{ "resource": "First", "on": "update", "milliseconds": 60_000 }] }));
    simulation.begin(&topics("", "two"), ChangeSetType::Update, false, &[]).await;
    for is_deletion in [false, true] {
        let waits = Notify::new();
        let report = |_: &StackArtifact, progress: Progress| {
            if matches!(progress, Progress::WaitingForOperation { .. }) {
                waits.notify_one();
            }
        };
        let settings = Settings::new(1).approvals(ApprovalPolicy::new(Vec::new(), true));
        let orchestrator = Orchestrator::new(&connections, &NoPrompt, &report, settings);
        let stacks = [&wanted];
        let work = async {
            match is_deletion {
                true => error_of(orchestrator.destroy(&stacks, &[], &|_, _| {}).await.unwrap()),
                false => {
                    error_of(orchestrator.deploy(&stacks, &[], &no_options, None, &|_, _| {}).await.unwrap())
                }
            }
        };
        let stop = async {
            waits.notified().await;
            assert!(orchestrator.running().is_empty(), "{:?}", orchestrator.running());
            assert!(orchestrator.cancel_running().await.is_empty());
            orchestrator.stop();
        };
        let ended = tokio::time::timeout(Duration::from_secs(20), async { tokio::join!(work, stop) }).await;
        let (error, ()) = ended.expect("the work ends with the stop");
        assert!(matches!(error, DeployError::Interrupted { .. }), "{error}");
        assert_eq!(simulation.status().await, "UPDATE_IN_PROGRESS");
    }
}

/// Who logs in to one account does not hold up who logs in to another one.
#[tokio::test]
async fn accounts_log_in_at_the_same_time() {
    const LOGIN: Duration = Duration::from_millis(800);
    let (one, other) = ("111111111111", "222222222222");
    let start = async |account: &str| {
        let faults = simulation::faults(json!({ "requests": [
            { "action": "GetCallerIdentity", "kind": "slow", "milliseconds": 800 },
        ] }));
        let options = stackwright_local::Options::new().account(account).faults(faults);
        stackwright_local::Local::start(options).await.unwrap()
    };
    let (first, second) = (start(one).await, start(other).await);
    let connections = Connections::new(Profile::default())
        .endpoint(Some(one), first.url())
        .endpoint(Some(other), second.url());
    let bound = |account: &str| {
        let mut stack = named("Bound", &topic());
        stack.environment.account = Some(account.to_owned());
        stack
    };
    let stacks = [bound(one), bound(other), bound(one)];
    let begun = Instant::now();
    let [a, b, c] = &stacks;
    let (a, b, c) =
        tokio::join!(connections.for_stack(a), connections.for_stack(b), connections.for_stack(c));
    assert_eq!((a.unwrap().account(), b.unwrap().account(), c.unwrap().account()), (one, other, one));
    assert!(begun.elapsed() >= LOGIN && begun.elapsed() < LOGIN * 2, "{:?}", begun.elapsed());
    assert_eq!(first.requests()["GetCallerIdentity"], 1, "once for an account");
}

/// Answers every request with the same bytes.
fn answering(answer: &'static str) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 16 * 1024]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    url
}

#[tokio::test]
async fn redirects_pages_and_proxies_are_named() {
    for (answer, words) in [
        (
            "HTTP/1.1 302 Found\r\nlocation: https://login.example.com/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            &["a redirect to https://login.example.com/", "check the endpoint URL and the proxy settings"][..],
        ),
        (
            "HTTP/1.1 403 Forbidden\r\ncontent-type: text/html\r\nvia: 1.1 squid\r\ncontent-length: 49\r\nconnection: close\r\n\r\n<html><title>Access to the web</title>no</html>\r\n",
            &["an HTML page with the title `Access to the web`", "through the proxy `1.1 squid`"],
        ),
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\nvia: 1.1 gate\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            &["HTTP status 407", "through the proxy `1.1 gate`"],
        ),
    ] {
        let profile = Profile::for_endpoint(answering(answer));
        let error = Connection::for_stack(&named("Stack", &topic()), &profile).await.unwrap_err().to_string();
        assert!(error.starts_with("GetCallerIdentity: "), "{error}");
        assert!(words.iter().all(|one| error.contains(one)), "{words:?} in {error}");
    }
}

#[tokio::test]
async fn a_change_set_that_cannot_be_deleted_is_reported() {
    let simulation = Simulation::start().await;
    simulation.fail(json!({ "requests": [{ "action": "DeleteChangeSet", "kind": "access-denied" }] }));
    let connections = connections(&simulation);
    let answers = Answers::new("n");
    answers.may_answer.notify_one();
    let seen = RefCell::new(Vec::new());
    let report = |_: &StackArtifact, progress: Progress| seen.borrow_mut().push(format!("{progress:?}"));
    let orchestrator = Orchestrator::new(&connections, &answers, &report, Settings::new(1));
    let stack = named("Declined", &topic());
    let results = orchestrator.deploy(&[&stack], &[], &no_options, None, &|_, _| {}).await.unwrap();
    assert!(matches!(error_of(results), DeployError::NotApproved { .. }));
    let seen = seen.borrow().join("\n");
    assert!(seen.contains("ChangeSetNotDeleted") && seen.contains("not authorized"), "{seen}");
}

#[tokio::test]
async fn secrets_are_masked_in_outputs_and_in_reasons() {
    let simulation = Simulation::start().await;
    let connections = connections(&simulation);
    let template = json!({
        "Parameters": { "Token": { "Type": "String", "NoEcho": true } },
        "Resources": { "Alarms": { "Type": "AWS::SNS::Topic", "Properties": { "DisplayName": { "Ref": "Token" } } } },
        "Outputs": { "Url": { "Value": { "Fn::Sub": "https://${Token}@example.com" } } },
    });
    let stack = named("Secret", &template);
    let seen = RefCell::new(String::new());
    let report =
        |_: &StackArtifact, progress: Progress| seen.borrow_mut().push_str(&format!("{progress:?}\n"));
    let options = |_: &StackArtifact| Options::new().parameter("Token", "hunter2");
    let orchestrator = Orchestrator::new(&connections, &NoPrompt, &report, Settings::new(1));
    let results = orchestrator.deploy(&[&stack], &[], &options, None, &|_, _| {}).await.unwrap();
    let StackResult::Succeeded(outcome) = &results[0].result else { panic!("{results:?}") };
    assert_eq!(outcome.outputs["Url"], "****");

    let mut changed = template;
    changed["Resources"]["Alarms"]["Properties"]["TopicName"] = "another".into();
    let stack = named("Secret", &changed);
    simulation.fail(
        json!({ "resources": [{ "resource": "Alarms", "on": "create", "reason": "hunter2 is not a name" }] }),
    );
    let error = error_of(orchestrator.deploy(&[&stack], &[], &options, None, &|_, _| {}).await.unwrap());
    let DeployError::Failed { diagnosis: Some(diagnosis), .. } = &error else { panic!("{error}") };
    let reason = diagnosis.cause.reason.clone().unwrap();
    assert!(reason.contains("**** is not a name"), "{reason}");
    assert!(!seen.borrow().contains("hunter2"), "{}", seen.borrow());
}

/// Deploys a stack with a topic, and returns it with another logical ID and another display name of the topic.
async fn with_a_renamed_topic(simulation: &Simulation) -> StackArtifact {
    let template = |id: &str, display: &str| {
        let topic = json!({ "Type": "AWS::SNS::Topic", "Properties": { "DisplayName": display } });
        let bucket = json!({ "Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "Properties": { "BucketName": "models" } });
        json!({ "Resources": { id: topic, "Models": bucket } })
    };
    let mut deployed = template("Late", "one");
    deployed["Resources"].as_object_mut().unwrap().remove("Models");
    let deployed = named("Work", &deployed);
    let connections = connections(simulation);
    let orchestrator = Orchestrator::new(&connections, &NoPrompt, &|_, _| {}, Settings::new(1));
    orchestrator.deploy(&[&deployed], &[], &no_options, None, &|_, _| {}).await.unwrap();
    let mut renamed = named("Work", &template("Alarms", "two"));
    renamed.former_ids.insert("Alarms".into(), vec!["Late".into()]);
    renamed
}

fn approving(approvals: &[&str], yes: bool) -> Settings {
    let approvals = approvals.iter().map(|text| text.parse::<Approval>().unwrap()).collect();
    Settings::new(1).approvals(ApprovalPolicy::new(approvals, yes))
}

#[tokio::test]
async fn a_stack_refactor_is_approved_before_it_changes_the_stack() {
    let simulation = Simulation::start().await;
    let renamed = with_a_renamed_topic(&simulation).await;
    let connections = connections(&simulation);
    let seen = RefCell::new(Vec::new());
    let report = |_: &StackArtifact, progress: Progress| seen.borrow_mut().push(format!("{progress:?}"));
    let deploy = async |prompt: &dyn Prompt, settings: Settings| {
        let orchestrator = Orchestrator::new(&connections, prompt, &report, settings);
        orchestrator.deploy(&[&renamed], &[], &no_options, None, &|_, _| {}).await.unwrap().remove(0).result
    };
    let is_untouched = || {
        let requests = simulation.local.requests();
        !requests.contains_key("CreateStackRefactor") && !requests.contains_key("ExecuteStackRefactor")
    };

    // Without a user, the approval has to be given.
    let StackResult::Failed(error) = deploy(&NoPrompt, Settings::new(1)).await else { panic!("not refused") };
    let DeployError::NotApproved { missing, .. } = &error else { panic!("{error}") };
    assert_eq!(missing.iter().map(|one| one.approval()).collect::<Vec<_>>(), ["rename"]);
    assert!(error.to_string().ends_with("nothing was changed"), "{error}");
    assert!(error.hint().unwrap().contains("--approve rename"), "{error}");
    assert!(is_untouched() && seen.borrow().join("").contains("RenamesPlanned"), "{:?}", seen.borrow());

    // A user is asked, and declines.
    let declining = Replies::new(&["n"]);
    let StackResult::Failed(error) = deploy(&declining, Settings::new(1)).await else {
        panic!("not declined")
    };
    assert!(matches!(error, DeployError::NotApproved { .. }), "{error}");
    let asked = declining.asked.take();
    assert_eq!(asked, ["Rename Late to Alarms in Work with a stack refactor? [y/N] "]);
    assert!(is_untouched());

    // A user who approves the stack refactor may decline the changes.
    let replies = Replies::new(&["y", "n"]);
    let StackResult::Failed(error) = deploy(&replies, Settings::new(1)).await else { panic!("not declined") };
    assert_eq!(replies.asked.borrow().len(), 2, "{:?}", replies.asked.borrow());
    assert!(!is_untouched());
    let text = error.to_string();
    assert!(text.contains("were not approved") && text.contains("renamed before"), "{text}");
    assert!(!text.contains("nothing was changed"), "{text}");

    // What was renamed is not asked again.
    let result = deploy(&NoPrompt, Settings::new(1)).await;
    assert!(matches!(result, StackResult::Succeeded(_)), "{result:?}");
    assert_eq!(simulation.local.requests()["ExecuteStackRefactor"], 1);
}

#[tokio::test]
async fn a_stack_refactor_is_approved_by_its_name_or_by_yes() {
    for settings in [approving(&["rename"], false), approving(&[], true)] {
        let simulation = Simulation::start().await;
        let renamed = with_a_renamed_topic(&simulation).await;
        let connections = connections(&simulation);
        let orchestrator = Orchestrator::new(&connections, &NoPrompt, &|_, _| {}, settings);
        let results = orchestrator.deploy(&[&renamed], &[], &no_options, None, &|_, _| {}).await.unwrap();
        assert!(matches!(results[0].result, StackResult::Succeeded(_)), "{results:?}");
        assert_eq!(simulation.local.requests()["ExecuteStackRefactor"], 1);
    }
}

#[tokio::test]
async fn a_plan_holds_the_approval_of_a_stack_refactor() {
    let simulation = Simulation::start().await;
    let renamed = with_a_renamed_topic(&simulation).await;
    let connections = connections(&simulation);
    let orchestrator = Orchestrator::new(&connections, &NoPrompt, &|_, _| {}, approving(&["rename"], false));
    let mut results = orchestrator.plan(&[&renamed], &[], &no_options, &|_, _| {}).await.unwrap();
    let StackResult::Succeeded(planned) = results.remove(0).result else { panic!("{results:?}") };
    let plan = Plan::new(None, vec![planned]);
    let PlannedOutcome::Deferred { renames, approvals, .. } = &plan.stacks[0].outcome else {
        panic!("{plan:?}")
    };
    assert_eq!((renames[0].from_id.as_str(), renames[0].to_id.as_str()), ("Late", "Alarms"));
    assert_eq!(approvals.iter().map(|one| one.approval()).collect::<Vec<_>>(), ["rename"]);
    assert!(!simulation.local.requests().contains_key("CreateStackRefactor"));

    let without = Plan::parse(&plan.to_text().replace("\"rename\"", "\"tags\"")).unwrap();
    let results =
        orchestrator.deploy(&[&renamed], &[], &no_options, Some(&without), &|_, _| {}).await.unwrap();
    let error = error_of(results);
    assert!(
        error.to_string().contains("the approvals in the plan file do not belong to its changes"),
        "{error}"
    );
    assert!(!simulation.local.requests().contains_key("CreateStackRefactor"));

    let read = Plan::parse(&plan.to_text()).unwrap();
    let results = orchestrator.deploy(&[&renamed], &[], &no_options, Some(&read), &|_, _| {}).await.unwrap();
    assert!(matches!(results[0].result, StackResult::Succeeded(_)), "{results:?}");
}

/// An import changes nothing else.
#[tokio::test]
async fn an_import_renames_nothing() {
    let simulation = Simulation::start().await;
    let renamed = with_a_renamed_topic(&simulation).await;
    simulation.s3.create_bucket().bucket("models").send().await.unwrap();
    let connections = connections(&simulation);
    let import = Import::new(&renamed, "Models", &[]).unwrap();
    let options = |_: &StackArtifact| Options::new().imports(vec![import.clone()]);
    let orchestrator = Orchestrator::new(&connections, &NoPrompt, &|_, _| {}, approving(&[], true));
    let results = orchestrator.deploy(&[&renamed], &[], &options, None, &|_, _| {}).await.unwrap();
    assert!(matches!(results[0].result, StackResult::Succeeded(_)), "{results:?}");
    assert!(!simulation.local.requests().contains_key("CreateStackRefactor"));
}
