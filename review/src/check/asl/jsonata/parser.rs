//! The parser of JSONata, which uses operator precedence as the reference implementation does.

use super::tokens::{Lexer, Token};

/// The maximum nesting of expressions.
const DEPTH: usize = 100;

/// Why an expression was not read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Syntax(String),
    /// It is nested deeper than the parser reads.
    TooDeep,
}

impl From<String> for Fault {
    fn from(problem: String) -> Self {
        Self::Syntax(problem)
    }
}

fn syntax<T>(problem: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Syntax(problem.into()))
}

/// The kind of an expression, as far as the grammar depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind<'t> {
    Name(&'t str),
    Variable(&'t str),
    /// A number, `true`, `false` or `null`, which cannot be a step of a path.
    Constant,
    Other,
}

/// Reads an expression to its end.
pub(super) fn parse(lexer: Lexer<'_>) -> Result<(), Fault> {
    let mut parser = Parser { lexer, token: Token::End, depth: 0 };
    parser.advance(false)?;
    if parser.token == Token::End {
        return syntax("the expression is empty");
    }
    parser.expression(0)?;
    match parser.token {
        Token::End => Ok(()),
        token => syntax(format!("{} is not expected", shown(token))),
    }
}

struct Parser<'t> {
    lexer: Lexer<'t>,
    token: Token<'t>,
    depth: usize,
}

/// Returns the precedence of a binary operator; `None` for a token that ends an expression.
fn binding(token: Token<'_>) -> Option<u8> {
    let Token::Operator(operator) = token else { return None };
    Some(match operator {
        "[" | "(" | "@" | "#" => 80,
        "." => 75,
        "{" => 70,
        "*" | "/" | "%" => 60,
        "+" | "-" | "&" => 50,
        "=" | "<" | ">" | "!=" | "<=" | ">=" | "^" | "~>" | "?:" | "??" | "in" => 40,
        "and" => 30,
        "or" => 25,
        "?" => 20,
        ":=" => 10,
        _ => return None,
    })
}

fn shown(token: Token<'_>) -> String {
    match token {
        Token::Operator(operator) => format!("`{operator}`"),
        Token::Name(name) => format!("the name `{name}`"),
        Token::Variable(name) => format!("the variable `${name}`"),
        Token::String => "a string".to_owned(),
        Token::Number => "a number".to_owned(),
        Token::Value => "a constant".to_owned(),
        Token::Regex => "a regular expression".to_owned(),
        Token::End => "the end of the expression".to_owned(),
    }
}

impl<'t> Parser<'t> {
    fn advance(&mut self, is_behind_value: bool) -> Result<(), Fault> {
        self.token = self.lexer.next(is_behind_value)?;
        Ok(())
    }

    fn is(&self, operator: &str) -> bool {
        self.token == Token::Operator(operator)
    }

    /// Skips an operator if it is next.
    fn takes(&mut self, operator: &str) -> Result<bool, Fault> {
        let is_next = self.is(operator);
        if is_next {
            self.advance(false)?;
        }
        Ok(is_next)
    }

    /// Skips an operator that has to be next.
    fn expect(&mut self, operator: &str, is_behind_value: bool) -> Result<(), Fault> {
        if !self.is(operator) {
            return syntax(format!("`{operator}` is missing before {}", shown(self.token)));
        }
        self.advance(is_behind_value)
    }

    /// Reads an expression whose operators bind more strongly than a limit.
    fn expression(&mut self, limit: u8) -> Result<Kind<'t>, Fault> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(Fault::TooDeep);
        }
        let first = self.token;
        self.advance(true)?;
        let mut left = self.operand(first)?;
        while let (Some(strength), Token::Operator(operator)) = (binding(self.token), self.token) {
            if strength <= limit {
                break;
            }
            self.advance(false)?;
            left = self.operation(left, operator, strength)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    /// Reads an expression that starts with a token, which was skipped.
    fn operand(&mut self, first: Token<'t>) -> Result<Kind<'t>, Fault> {
        match first {
            Token::Name(name) | Token::Operator(name @ ("and" | "or" | "in")) => Ok(Kind::Name(name)),
            Token::Variable(name) => Ok(Kind::Variable(name)),
            Token::Number | Token::Value => Ok(Kind::Constant),
            Token::String | Token::Regex | Token::Operator("*" | "**" | "%") => Ok(Kind::Other),
            Token::End => syntax("the expression ends where a value is expected"),
            Token::Operator("-") => {
                self.expression(70)?;
                Ok(Kind::Other)
            }
            Token::Operator("(") => {
                while !self.is(")") {
                    self.expression(0)?;
                    if !self.takes(";")? {
                        break;
                    }
                }
                self.expect(")", true)?;
                Ok(Kind::Other)
            }
            Token::Operator("[") => {
                self.list("]", |parser| {
                    parser.expression(0)?;
                    if parser.takes("..")? {
                        parser.expression(0)?;
                    }
                    Ok(())
                })?;
                Ok(Kind::Other)
            }
            Token::Operator("{") => {
                self.object()?;
                Ok(Kind::Other)
            }
            Token::Operator("|") => {
                self.expression(0)?;
                self.expect("|", false)?;
                self.expression(0)?;
                if self.takes(",")? {
                    self.expression(0)?;
                }
                self.expect("|", true)?;
                Ok(Kind::Other)
            }
            Token::Operator(operator) => syntax(format!("`{operator}` is where a value is expected")),
        }
    }

    /// Reads what follows an operator behind an expression.
    fn operation(&mut self, left: Kind<'t>, operator: &str, strength: u8) -> Result<Kind<'t>, Fault> {
        match operator {
            "(" => self.call(left)?,
            "[" if self.is("]") => self.advance(true)?,
            "[" => {
                self.expression(0)?;
                self.expect("]", true)?;
            }
            "{" => self.object()?,
            "^" => {
                self.expect("(", false)?;
                self.list(")", |parser| {
                    if !parser.takes("<")? {
                        parser.takes(">")?;
                    }
                    parser.expression(0).map(drop)
                })?;
            }
            ":=" => {
                if !matches!(left, Kind::Variable(_)) {
                    return syntax("the left side of `:=` is not a variable");
                }
                self.expression(strength - 1)?;
            }
            "@" | "#" => {
                if !matches!(self.expression(strength)?, Kind::Variable(_)) {
                    return syntax(format!("a variable is missing after `{operator}`"));
                }
            }
            "?" => {
                self.expression(0)?;
                if self.takes(":")? {
                    self.expression(0)?;
                }
            }
            "?:" | "??" => drop(self.expression(0)?),
            "." => {
                let right = self.expression(strength)?;
                if left == Kind::Constant || right == Kind::Constant {
                    return syntax("a number or a constant cannot be a step of a path");
                }
            }
            _ => drop(self.expression(strength)?),
        }
        Ok(Kind::Other)
    }

    /// Reads the arguments of a function, and the body of a function that is defined here.
    fn call(&mut self, function: Kind<'t>) -> Result<(), Fault> {
        if function == Kind::Variable("eval") {
            return syntax("Step Functions does not support the function `$eval`");
        }
        let is_definition = matches!(function, Kind::Name("function" | "\u{3bb}"));
        self.list(")", |parser| {
            if parser.is("?") {
                return parser.advance(true);
            }
            let argument = parser.expression(0)?;
            if is_definition && !matches!(argument, Kind::Variable(_)) {
                return syntax("a parameter of a function is not a variable");
            }
            Ok(())
        })?;
        if !is_definition {
            return Ok(());
        }
        if self.is("<") {
            self.signature()?;
        }
        self.expect("{", false)?;
        self.expression(0)?;
        self.expect("}", true)
    }

    /// `<…>` behind the parameters of a function; what is between is not read.
    fn signature(&mut self) -> Result<(), Fault> {
        let mut depth = 0_usize;
        loop {
            match self.token {
                Token::Operator("<") => depth += 1,
                Token::Operator(">") => depth -= 1,
                Token::Operator("{") | Token::End => {
                    return syntax("the signature of a function is not closed");
                }
                _ => {}
            }
            self.advance(true)?;
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// Entries with commas between them, up to an end, which may come first.
    fn list(
        &mut self,
        end: &str,
        mut entry: impl FnMut(&mut Self) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        if !self.is(end) {
            loop {
                entry(self)?;
                if !self.takes(",")? {
                    break;
                }
            }
        }
        self.expect(end, true)
    }

    fn object(&mut self) -> Result<(), Fault> {
        self.list("}", |parser| {
            parser.expression(0)?;
            parser.expect(":", false)?;
            parser.expression(0).map(drop)
        })
    }
}
