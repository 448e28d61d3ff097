//! Paths and intrinsic functions of states that use JSONPath.

/// The functions with the numbers of arguments that they take.
const FUNCTIONS: [(&str, usize, usize); 18] = [
    ("States.Array", 0, usize::MAX),
    ("States.ArrayContains", 2, 2),
    ("States.ArrayGetItem", 2, 2),
    ("States.ArrayLength", 1, 1),
    ("States.ArrayPartition", 2, 2),
    ("States.ArrayRange", 3, 3),
    ("States.ArrayUnique", 1, 1),
    ("States.Base64Decode", 1, 1),
    ("States.Base64Encode", 1, 1),
    ("States.Format", 1, usize::MAX),
    ("States.Hash", 2, 2),
    ("States.JsonMerge", 3, 3),
    ("States.JsonToString", 1, 1),
    ("States.MathAdd", 2, 2),
    ("States.MathRandom", 2, 3),
    ("States.StringSplit", 2, 2),
    ("States.StringToJson", 1, 1),
    ("States.UUID", 0, 0),
];

/// The maximum nesting of functions.
const DEPTH: usize = 10;

/// Returns the syntax error of a path, or of an intrinsic function where one is allowed instead of a path.
pub(in crate::check) fn problem(text: &str, takes_functions: bool) -> Option<String> {
    let mut reader = Reader { text, at: 0 };
    let read =
        if takes_functions && text.starts_with("States.") { reader.function(0) } else { reader.path() };
    match read {
        Err(problem) => Some(problem),
        Ok(()) if reader.at < text.len() => Some(format!("`{}` is not expected", reader.rest())),
        Ok(()) => None,
    }
}

/// Returns what is wrong with a path at which a result is stored: such a path names exactly one value.
pub(in crate::check) fn reference_problem(text: &str) -> Option<String> {
    if let Some(problem) = problem(text, false) {
        return Some(problem);
    }
    if text.starts_with("$$") {
        return Some("the context object cannot be changed".to_owned());
    }
    let outside: String = text.split(['\'', '"']).step_by(2).collect();
    let many = ["..", "*", "?", ":", ",", "@"].into_iter().find(|operator| outside.contains(operator))?;
    Some(format!("`{many}` may lead to several values"))
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn takes(&mut self, token: &str) -> bool {
        let is_next = self.rest().starts_with(token);
        self.at += if is_next { token.len() } else { 0 };
        is_next
    }

    fn spaces(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// Reads the letters, digits and other characters of a name.
    fn name(&mut self) -> &'t str {
        let is_part = |letter: char| letter.is_alphanumeric() || "_-".contains(letter);
        let rest = self.rest();
        let end = rest.find(|letter: char| !is_part(letter)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// `$`, `$$` or `$variable`, and the steps behind it.
    fn path(&mut self) -> Result<(), String> {
        if !self.takes("$") {
            return Err("a path starts with `$`".to_owned());
        }
        if !self.takes("$") {
            self.name();
        }
        loop {
            if self.takes("..") {
                if !self.takes("*") && !self.rest().starts_with('[') && self.name().is_empty() {
                    return Err("a name is missing after `..`".to_owned());
                }
            } else if self.takes(".") {
                // Functions of JSONPath, such as `length()`, are refused where a value is read, not here.
                if !self.takes("*") && !self.rest().starts_with('[') && self.name().is_empty() {
                    return Err("a name is missing after `.`".to_owned());
                }
                self.takes("()");
            } else if self.rest().starts_with('[') {
                self.bracket()?;
            } else {
                return Ok(());
            }
        }
    }

    /// `[…]`: an index, a name in quotes, a slice or a filter.
    fn bracket(&mut self) -> Result<(), String> {
        let (mut depth, mut quote, mut escaped) = (0_usize, None, false);
        let start = self.at;
        for (offset, letter) in self.rest().char_indices() {
            match (quote, letter) {
                (Some(_), _) if escaped => escaped = false,
                (Some(_), '\\') => escaped = true,
                (Some(open), _) if letter == open => quote = None,
                (Some(_), _) => {}
                (None, '\'' | '"') => quote = Some(letter),
                (None, '[' | '(') => depth += 1,
                (None, ']' | ')') => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        self.at = start + offset + 1;
                        let inner = self.text[start + 1..start + offset].trim();
                        return if inner.is_empty() { Err("`[]` is empty".to_owned()) } else { Ok(()) };
                    }
                }
                _ => {}
            }
        }
        Err(if quote.is_some() { "a quote is not closed" } else { "`[` is not closed" }.to_owned())
    }

    /// `States.Name(…)`
    fn function(&mut self, depth: usize) -> Result<(), String> {
        if depth == DEPTH {
            return Err(format!("functions are nested more than {DEPTH} deep"));
        }
        self.takes("States.");
        let name = format!("States.{}", self.name());
        let Some((_, least, most)) = FUNCTIONS.iter().find(|(known, ..)| *known == name) else {
            let near = stackwright_schemas::nearest(&name, FUNCTIONS.iter().map(|(known, ..)| *known));
            let near = near.map_or_else(String::new, |near| format!("; the most similar name is `{near}`"));
            return Err(format!("the function `{name}` does not exist{near}"));
        };
        self.spaces();
        if !self.takes("(") {
            return Err(format!("`(` is missing after `{name}`"));
        }
        let mut arguments = 0;
        // The number of placeholders in a string that is the first argument.
        let mut format = None;
        self.spaces();
        if !self.takes(")") {
            loop {
                self.spaces();
                let start = self.at;
                self.argument(depth)?;
                if arguments == 0 && self.text[start..].starts_with('\'') {
                    let literal = self.text[start..self.at].replace("\\\\", "").replace("\\{", "");
                    format = Some(literal.matches("{}").count());
                }
                arguments += 1;
                self.spaces();
                if self.takes(")") {
                    break;
                }
                if !self.takes(",") {
                    return Err(format!("`,` or `)` is missing in `{name}`"));
                }
            }
        }
        if let Some(wanted) = format.filter(|wanted| name == "States.Format" && *wanted + 1 != arguments) {
            let given = arguments - 1;
            return Err(format!(
                "`States.Format` has {wanted} placeholders `{{}}` and {given} values for them"
            ));
        }
        if arguments < *least || arguments > *most {
            let takes = match (*least, *most) {
                (least, usize::MAX) => format!("at least {least}"),
                (least, most) if least == most => least.to_string(),
                (least, most) => format!("{least} to {most}"),
            };
            return Err(format!("`{name}` takes {takes} arguments, and here it has {arguments}"));
        }
        Ok(())
    }

    /// Reads an argument: a string in single quotes, a number, a path, `true`, `false`, `null` or another function.
    fn argument(&mut self, depth: usize) -> Result<(), String> {
        let rest = self.rest();
        match rest.chars().next() {
            Some('\'') => {
                let mut escaped = false;
                for (offset, letter) in rest.char_indices().skip(1) {
                    match letter {
                        _ if escaped => escaped = false,
                        '\\' => escaped = true,
                        '\'' => {
                            self.at += offset + 1;
                            return Ok(());
                        }
                        _ => {}
                    }
                }
                Err("a quote is not closed".to_owned())
            }
            Some('"') => Err("a string is written in single quotes".to_owned()),
            Some('$') => self.path(),
            Some(letter) if letter.is_ascii_digit() || "+-".contains(letter) => {
                let is_part = |letter: char| letter.is_ascii_digit() || "+-.eE".contains(letter);
                let end = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
                self.at += end;
                match rest[..end].parse::<f64>() {
                    Ok(_) => Ok(()),
                    Err(_) => Err(format!("`{}` is not a number", &rest[..end])),
                }
            }
            _ if rest.starts_with("States.") => self.function(depth + 1),
            _ if ["true", "false", "null"].iter().any(|word| self.takes(word)) => Ok(()),
            _ => Err("an argument is a string, a number, a path or a function".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read() {
        for good in [
            "$",
            "$$",
            "$.a.b",
            "$['a b'][0]",
            "$.a[*].b",
            "$..price",
            "$.items[?(@.price < 10)].name",
            "$.a[-1:]",
            "$$.Execution.Input.key",
            "$variable.field",
            "$.a.length()",
            "$.a-b",
            "$.größe",
        ] {
            assert_eq!(problem(good, true), None, "{good}");
        }
        for bad in
            ["", "a.b", "$.", "$.a.", "$.a b", "$['a", "$.a[", "$.a[]", "$.a]", "$.a..", "States.UUID()"]
        {
            assert!(problem(bad, false).is_some(), "{bad}");
        }
    }

    #[test]
    fn a_result_is_put_in_one_place() {
        assert_eq!(reference_problem("$.a['b:c'].d"), None);
        for bad in ["$$.x", "$.a[*]", "$..a", "$.a[0:2]", "$.a[?(@.x)]", "a"] {
            assert!(reference_problem(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn functions_are_read() {
        for good in [
            "States.UUID()",
            "States.Format('job-{}-\\'{}', $.a, States.UUID())",
            "States.Format('\\{\\}{}', $.a)",
            "States.Array($.a, 1, -2.5, true, null, 'x')",
            "States.MathRandom(1, 9)",
            "States.ArrayGetItem(States.StringSplit($$.Execution.Name, '-'), 0)",
        ] {
            assert_eq!(problem(good, true), None, "{good}");
        }
        for (bad, part) in [
            ("States.Uuid()", "name is `States.UUID`"),
            ("States.Format('a'", "missing"),
            ("States.Format()", "at least 1"),
            ("States.Hash('a')", "takes 2"),
            ("States.Format(\"a\")", "single quotes"),
            ("States.Format('a)", "not closed"),
            ("States.Array(x)", "an argument is"),
            ("States.UUID() x", "not expected"),
            ("States.Format('{}-{}', $.a)", "2 placeholders `{}` and 1 values"),
            ("States.Format('plain', $.a)", "0 placeholders"),
        ] {
            let found = problem(bad, true);
            assert!(found.as_ref().is_some_and(|found| found.contains(part)), "{bad}: {found:?}");
        }
    }
}
