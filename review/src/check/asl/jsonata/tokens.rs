//! The tokens of a JSONata expression.

/// A token. Operators are the characters of the language, words such as `and` among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'t> {
    Operator(&'t str),
    Name(&'t str),
    Variable(&'t str),
    String,
    Number,
    /// The literal `true`, `false` or `null`.
    Value,
    Regex,
    End,
}

/// Operators of two characters, which are tried before those of one.
const DOUBLE: [&str; 9] = ["..", ":=", "!=", ">=", "<=", "**", "~>", "?:", "??"];
const SINGLE: &str = ".[]{}(),@#;:?+-*/%|=<>^&!~";

/// Reads tokens from an expression.
pub(super) struct Lexer<'t> {
    rest: &'t str,
}

impl<'t> Lexer<'t> {
    pub fn new(text: &'t str) -> Self {
        Self { rest: text }
    }

    /// Reads the next token. Behind a value a slash divides; elsewhere it starts a regular expression.
    pub fn next(&mut self, is_behind_value: bool) -> Result<Token<'t>, String> {
        self.skip_spaces()?;
        let Some(letter) = self.rest.chars().next() else { return Ok(Token::End) };
        if letter == '/' && !is_behind_value {
            return self.regex();
        }
        if let Some(operator) = DOUBLE.into_iter().find(|operator| self.rest.starts_with(operator)) {
            return Ok(Token::Operator(self.take(operator.len())));
        }
        if SINGLE.contains(letter) {
            return Ok(Token::Operator(self.take(1)));
        }
        match letter {
            '"' | '\'' => self.string(letter),
            '`' => match self.rest[1..].find('`') {
                Some(end) => {
                    let name = self.take(end + 2);
                    Ok(Token::Name(&name[1..=end]))
                }
                None => Err("the quote ` is not closed".to_owned()),
            },
            '0'..='9' => self.number(),
            _ => Ok(self.word()),
        }
    }

    fn take(&mut self, bytes: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        taken
    }

    fn skip_spaces(&mut self) -> Result<(), String> {
        loop {
            self.rest = self.rest.trim_start();
            if !self.rest.starts_with("/*") {
                return Ok(());
            }
            let end = self.rest[2..].find("*/").ok_or("a comment is not closed")?;
            self.take(end + 4);
        }
    }

    fn string(&mut self, quote: char) -> Result<Token<'t>, String> {
        let mut letters = self.rest.char_indices().skip(1);
        while let Some((at, letter)) = letters.next() {
            match letter {
                '\\' => match letters.next() {
                    Some((_, '"' | '\'' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't')) => {}
                    Some((at, 'u')) => {
                        let digits = self.rest.get(at + 1..at + 5).unwrap_or_default();
                        if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                            return Err("`\\u` is not followed by four hexadecimal digits".to_owned());
                        }
                    }
                    Some((_, other)) => {
                        return Err(format!("the escape sequence `\\{other}` does not exist"));
                    }
                    None => break,
                },
                _ if letter == quote => {
                    self.take(at + 1);
                    return Ok(Token::String);
                }
                _ => {}
            }
        }
        Err(format!("the quote {quote} is not closed"))
    }

    fn regex(&mut self) -> Result<Token<'t>, String> {
        let (mut depth, mut is_escaped, mut in_class) = (0_i32, false, false);
        for (at, letter) in self.rest.char_indices().skip(1) {
            match letter {
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                _ if in_class => in_class = letter != ']',
                '/' if depth == 0 && at == 1 => return Err("the regular expression is empty".to_owned()),
                '/' if depth == 0 => {
                    self.take(at + 1);
                    let flags = self.rest.len() - self.rest.trim_start_matches(['i', 'm']).len();
                    self.take(flags);
                    return Ok(Token::Regex);
                }
                '[' => in_class = true,
                '(' | '{' => depth += 1,
                ')' | '}' => depth -= 1,
                _ => {}
            }
        }
        Err("a regular expression is not closed".to_owned())
    }

    /// A number has no leading zeros: what follows them is the next token.
    fn number(&mut self) -> Result<Token<'t>, String> {
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let mut end = if self.rest.starts_with('0') { 1 } else { digits(self.rest) };
        if let Some(fraction) = self.rest[end..].strip_prefix('.') {
            let length = digits(fraction);
            end += if length > 0 { length + 1 } else { 0 };
        }
        if let Some(exponent) = self.rest[end..].strip_prefix(['e', 'E']) {
            let sign = usize::from(exponent.starts_with(['+', '-']));
            let length = digits(&exponent[sign..]);
            end += if length > 0 { 1 + sign + length } else { 0 };
        }
        let number = self.take(end);
        match number.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Token::Number),
            _ => Err(format!("the number {number} is out of range")),
        }
    }

    fn word(&mut self) -> Token<'t> {
        let ends = |letter: char| letter.is_whitespace() || SINGLE.contains(letter);
        let word = self.take(self.rest.find(ends).unwrap_or(self.rest.len()));
        match word {
            "and" | "or" | "in" => Token::Operator(word),
            "true" | "false" | "null" => Token::Value,
            _ => word.strip_prefix('$').map_or(Token::Name(word), Token::Variable),
        }
    }
}
