use serde_json::Value as JsonValue;

use super::*;

#[test]
fn strings_with_both_marks_are_expressions() {
    assert_eq!(expression("{% $states.input.a %}"), Some(Ok(" $states.input.a ")));
    assert_eq!(expression("plain"), None);
    assert_eq!(expression("50 {% in the middle %}"), None);
    assert!(matches!(expression("{% a"), Some(Err(_))));
    assert!(matches!(expression(" {% a %}"), Some(Err(_))));
    assert!(matches!(expression("$a %}"), Some(Err(_))));
    assert!(matches!(expression("{%}"), Some(Err(_))));
}

#[test]
fn expressions_of_states_are_read() {
    for good in [
        " $states.input ",
        "$map($states.input.items, function($v, $i) { $v.price * $i })",
        "\"it's\" & \"a ) \\\" b\" & `a b`.c",
        "$match(a, /a[)]b/i) /* a comment ) */",
        "a / b / c",
        "items[price > 10 and name in ['a', 'b']].%.name",
        "(a[0]; $a := 1; $a + 2;)",
        "{ 'a': 1, 'b': [1..3] }",
        "*",
        "$x ~> |$|{}, 'a'|",
        "-$a.b",
        "function($x)<n:n>{ $x }(3)",
        "$f(?, 1)",
        "a.b[]",
        "orders^(>price, <name)",
        "a ? b : c ? d",
    ] {
        assert_eq!(problem(good), None, "{good}");
    }
}

#[test]
fn faults_of_syntax_are_found() {
    for (bad, part) in [
        ("", "empty"),
        ("  ", "empty"),
        ("(a", "`)` is missing"),
        ("a)", "`)` is not expected"),
        ("[a}", "`]` is missing"),
        ("'a", "not closed"),
        ("a & ", "ends where a value"),
        ("/* a", "comment"),
        ("$match(a, /b", "not closed"),
        ("a == b", "`=` is where a value"),
        ("a b", "the name `b` is not expected"),
        ("a && b", "`&` is where a value"),
        ("!a", "`!` is where a value"),
        ("a[", "ends where a value"),
        ("{ 'a': 1", "`}` is missing"),
        ("{ 'a' }", "`:` is missing"),
        ("a := 1", "not a variable"),
        ("function(a) { 1 }", "not a variable"),
        ("a.1", "step of a path"),
        ("'\\x'", "does not exist"),
        ("$eval('1')", "`$eval`"),
    ] {
        let found = problem(bad);
        assert!(found.as_ref().is_some_and(|found| found.contains(part)), "{bad}: {found:?}");
    }
}

/// The expressions of the test suite of JSONata, each with the code of its syntax error. Not read here are the signatures of
/// functions, and what the reference implementation finds behind its parser: predicates that follow grouping, and the parents
/// of `%`.
#[test]
fn the_public_test_suite_agrees() {
    const NOT_READ: [&str; 6] = ["S0209", "S0210", "S0215", "S0216", "S0217", "S0401"];
    let suite: Vec<(String, Option<String>)> = serde_json::from_str::<JsonValue>(include_str!("suite.json"))
        .ok()
        .and_then(|suite| serde_json::from_value(suite["expressions"].clone()).ok())
        .expect("the suite is readable");
    let mut disagreements = Vec::new();
    for (expression, code) in &suite {
        let is_known = code.as_deref().is_some_and(|code| NOT_READ.contains(&code));
        if !is_known && problem(expression).is_some() != code.is_some() {
            disagreements.push(format!("{expression}: {code:?}, here {:?}", problem(expression)));
        }
    }
    assert!(suite.len() > 400, "{}", suite.len());
    assert!(disagreements.is_empty(), "{}", disagreements.join("\n"));
}

#[test]
fn deep_nesting_is_not_judged() {
    assert_eq!(problem(&"(".repeat(100_000)), None);
    assert_eq!(problem(&format!("{}a{}", "[".repeat(5000), "]".repeat(5000))), None);
}
