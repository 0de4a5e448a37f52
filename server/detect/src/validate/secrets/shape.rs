//! The shape of a value: what a generator makes, what a person chooses, and what only stands in for either.
//!
//! Entropy alone does not tell `TokenExpiredErrorMessageForUsers` from a token; how letters, digits and capitals are
//! mixed does.

/// Returns whether a value looks generated: letters and digits mixed as no name mixes them.
pub(super) fn is_opaque(text: &str) -> bool {
    !is_placeholder(text) && !is_named(text)
}

/// Returns whether upper and lower case letters both occur, as in base 62.
pub(super) fn has_mixed_case(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_uppercase())
        && text.bytes().any(|b| b.is_ascii_lowercase())
        && !is_placeholder(text)
}

/// Returns whether a value given to something called key, token or secret can be one.
pub(super) fn is_secret_value(text: &str) -> bool {
    is_opaque(text) && !is_code(text) && !is_location(text)
}

/// Returns whether a value given to something called password can be one; words are allowed.
pub(super) fn is_assigned_password(text: &str) -> bool {
    !is_placeholder(text) && !is_code(text) && !is_location(text) && !is_word_about_passwords(text)
}

/// Returns whether a word in running text is a password and not just a word.
pub(super) fn is_strict_password(text: &str) -> bool {
    is_assigned_password(text)
        && !is_plain(text)
        && !is_address(text)
        && !is_technical(text)
        && !is_variable(text)
}

/// Returns whether a word after `IDENTIFIED BY` or `PASSWORD` is a password and not the next word of the statement.
pub(super) fn is_sql_password(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    is_assigned_password(text) && !SQL_WORDS.contains(&lower.as_str())
}

/// Returns whether the part between `:` and `@` of an address is a password that someone chose.
pub(super) fn is_url_password(text: &str) -> bool {
    !is_placeholder(text) && !is_word_about_passwords(text)
}

/// Stand-ins: references to variables, masks, and words that ask to be replaced.
fn is_placeholder(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut seen = [false; 256];
    for byte in bytes {
        if let Some(slot) = seen.get_mut(usize::from(*byte)) {
            *slot = true;
        }
    }
    let distinct = seen.iter().filter(|seen| **seen).count();
    if distinct <= 2 {
        return true;
    }
    let enclosed = matches!(
        (bytes.first(), bytes.last()),
        (Some(b'<'), Some(b'>'))
            | (Some(b'{'), Some(b'}'))
            | (Some(b'['), Some(b']'))
            | (Some(b'%'), Some(b'%'))
    );
    let variable = bytes.strip_prefix(b"$").is_some_and(|name| name.iter().all(|b| is_name_byte(*b)));
    let lower = text.to_ascii_lowercase();
    enclosed || variable || has_reference(text) || STAND_INS.iter().any(|part| lower.contains(part))
}

/// References that something else fills in: `${NAME}`, `$(command)`, `{{ name }}`, `#{name}`, `%(name)s`, `<%= name %>`.
fn has_reference(text: &str) -> bool {
    [("${", "}"), ("{{", "}}"), ("#{", "}"), ("$(", ")"), ("%(", ")"), ("<%", "%")].iter().any(
        |(open, close)| {
            text.split(open).skip(1).any(|rest| {
                let inside = rest.trim_start_matches(['{', '=']);
                inside.split_once(*close).is_some_and(|(name, _)| {
                    !name.is_empty() && name.bytes().all(|b| is_name_byte(b) || b" .:-/|".contains(&b))
                })
            })
        },
    )
}

/// Names: words joined by case or separators, with a number or two at most.
fn is_named(text: &str) -> bool {
    let (mut digits, mut digit_groups, mut letters, mut words) = (0_usize, 0_usize, 0_usize, 0_usize);
    let mut previous = Class::Other;
    for byte in text.bytes() {
        let class = Class::of(byte);
        match class {
            Class::Digit => {
                digits += 1;
                digit_groups += usize::from(previous != Class::Digit);
            }
            Class::Upper | Class::Lower => {
                letters += 1;
                // A capital begins a word, unless it goes on in capitals.
                words +=
                    usize::from(previous != class && !(previous == Class::Upper && class == Class::Lower));
            }
            Class::Other => {}
        }
        previous = class;
    }
    if letters == 0 {
        return digits < 24;
    }
    let long_words = letters >= 4 * words;
    if digits == 0 {
        // Without a digit only a long run of restless case is taken for generated.
        return long_words || letters < 20 || letters >= 3 * words;
    }
    long_words && digits <= 4 && digit_groups <= 2 && (letters < 16 || longest_consonant_run(text) < 5)
}

/// Five consonants in a row are rare in words and not in noise.
fn longest_consonant_run(text: &str) -> usize {
    let (mut run, mut longest) = (0, 0);
    for byte in text.bytes() {
        run = if byte.is_ascii_lowercase() && !b"aeiouy".contains(&byte) { run + 1 } else { 0 };
        longest = run.max(longest);
    }
    longest
}

/// Source text in the place of a value: calls, members, format strings.
fn is_code(text: &str) -> bool {
    let dotted = text.contains('.')
        && text.split('.').all(|part| {
            part.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
                && part.bytes().all(is_name_byte)
                && is_named(part)
        });
    let fragment = text.starts_with([',', '.', ';', ')', '&'])
        || text.ends_with(':')
        || text.ends_with('=') && is_named(text);
    let selector = text.strip_prefix('#').is_some_and(|name| name.contains('-') && is_named(name));
    let type_name = text.ends_with(']') && text.contains('[') && !text.bytes().any(|b| b.is_ascii_digit());
    dotted
        || type_name
        || is_call(text)
        || is_yaml_sign(text)
        || fragment
        || selector
        || text.starts_with("ENC[")
        || ["()", "](", "=>", "->", "::", "==", "&&", "||", "%s", "\\u", "{0}", "{1}"]
            .iter()
            .any(|part| text.contains(part))
            && !text.bytes().any(|b| b.is_ascii_digit())
        || text.contains("()")
}

/// A call or an index as code has it, whole or cut off at a quote: `bcrypt.hash(pw)`, `request.POST[`, `varchar(64)`.
fn is_call(text: &str) -> bool {
    let Some(open) = text.find(['(', '[']).filter(|open| *open > 0) else { return false };
    let (head, rest) = text.split_at(open);
    let inside = rest.get(1..).unwrap_or_default();
    let name = head.bytes().all(|byte| is_name_byte(byte) || matches!(byte, b'.' | b':' | b'?' | b'!'))
        && head.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    let argument = inside.is_empty()
        || inside
            .starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '$' | '*' | '&' | ')' | ']'));
    // After what closes it nothing follows, or more code.
    let closed = match inside.split_once([')', ']']) {
        Some((_, rest)) => rest.is_empty() || rest.starts_with(|c: char| ".,;:()[]{}=?&|".contains(c)),
        None => inside.is_empty() || inside.contains(['(', '=', '.']),
    };
    let typed = PASSWORD_WORDS.contains(&head.to_ascii_lowercase().as_str());
    name && closed && (typed || argument && is_named(head))
}

/// A tag, an anchor or an alias of YAML: `!vault`, `!Ref`, `*db_password`.
fn is_yaml_sign(text: &str) -> bool {
    let tag = text.trim_start_matches('!');
    let tagged = tag.len() < text.len()
        && tag.len() >= 2
        && tag.bytes().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'/' | b'_' | b'-' | b':'));
    let alias = text
        .strip_prefix(['*', '&'])
        .is_some_and(|name| name.contains('_') && name.bytes().all(is_name_byte) && is_named(name));
    tagged || alias
}

/// The name of a variable for a password: `db_password1`.
fn is_variable(text: &str) -> bool {
    let mut parts = text.split(['_', '.']).map(|part| part.trim_end_matches(|c: char| c.is_ascii_digit()));
    text.contains(['_', '.'])
        && text.bytes().all(|byte| is_name_byte(byte) || byte == b'.')
        && is_named(text)
        && parts.any(|part| ["password", "passwd", "passwort", "pwd", "pass", "pw"].contains(&part))
}

/// Names of types and standards that hold a number: `Uint8Array`, `utf8mb4`, `SHA-256`.
fn is_technical(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let bare = lower.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    TECHNICAL.iter().any(|start| {
        bare.strip_prefix(start).is_some_and(|rest| {
            let number = rest.bytes().next().is_none_or(|byte| byte.is_ascii_digit());
            let digits = rest.bytes().filter(u8::is_ascii_digit).count();
            number
                && digits <= 5
                && rest.len() <= 14
                && rest.bytes().all(|b| is_name_byte(b) || b"-.".contains(&b))
        })
    })
}

/// Returns whether quoted words are a passphrase: several words with nothing between them that holds a sentence together.
pub(super) fn is_passphrase(text: &str) -> bool {
    let words: Vec<&str> = text.split([' ', '-']).collect();
    let plain = |word: &&str| word.len() >= 3 && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let lower = text.to_ascii_lowercase();
    words.len() >= 3 && words.iter().all(plain) && !is_placeholder(text) && !has_sentence_word(&lower)
}

/// Returns whether words are those of a wallet: all of the list of BIP 39 may be, which has no articles and the like.
pub(super) fn is_mnemonic(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty()).collect();
    let distinct = words.iter().collect::<std::collections::HashSet<_>>().len();
    words.len() >= 12 && distinct * 3 >= words.len() * 2 && !has_sentence_word(&lower)
}

fn has_sentence_word(lower: &str) -> bool {
    lower.split(|c: char| !c.is_ascii_alphabetic()).any(|word| SENTENCE_WORDS.contains(&word))
}

/// Paths, addresses and file names.
fn is_location(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    lower.contains("://")
        || ["/", "./", "../", "~/", "c:\\", "arn:", "projects/", "urn:", "data:"]
            .iter()
            .any(|start| lower.starts_with(start))
            && !lower.ends_with('=')
        || FILE_ENDINGS.iter().any(|end| lower.ends_with(end))
        || text.matches('/').count() >= 2 && is_named(text)
}

/// Words that stand after `password:` in forms, schemas and messages.
fn is_word_about_passwords(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let bare = lower.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    bare.is_empty() || PASSWORD_WORDS.contains(&bare)
}

/// A word as prose has it: letters of one case or capitalised, hyphens and apostrophes, or a plain number.
fn is_plain(text: &str) -> bool {
    let core = text.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '"', '\'', '*', '`']);
    let core = core.trim_start_matches(['(', '"', '\'', '*', '`']);
    let digits = core.bytes().filter(u8::is_ascii_digit).count();
    let letters = core.bytes().filter(u8::is_ascii_alphabetic).count();
    let symbols = core
        .bytes()
        .filter(|b| b.is_ascii_punctuation() && !matches!(b, b'-' | b'_' | b'\'' | b'/' | b'.' | b',' | b':'))
        .count();
    if digits == 0 && symbols == 0 {
        let inner_capital = core.bytes().skip(1).any(|b| b.is_ascii_uppercase())
            && core.bytes().any(|b| b.is_ascii_lowercase());
        return !(inner_capital && letters >= 6 && !is_named(core) && core.is_ascii());
    }
    // Ordinals, years, sizes and versions are digits with little else.
    let ordinary_number = letters <= 2 && symbols == 0;
    (ordinary_number || letters == 0) && digits < 6
}

/// An e-mail address or a host name.
fn is_address(text: &str) -> bool {
    text.split_once('@').is_some_and(|(user, host)| {
        !user.is_empty()
            && host.rsplit_once('.').is_some_and(|(name, zone)| {
                !name.is_empty() && zone.len() >= 2 && zone.bytes().all(|b| b.is_ascii_alphabetic())
            })
    })
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Class {
    Digit,
    Lower,
    Upper,
    Other,
}

impl Class {
    fn of(byte: u8) -> Self {
        match byte {
            b'0'..=b'9' => Self::Digit,
            b'a'..=b'z' => Self::Lower,
            b'A'..=b'Z' => Self::Upper,
            _ => Self::Other,
        }
    }
}

const STAND_INS: [&str; 26] = [
    "your_",
    "your-",
    "yourapi",
    "yourkey",
    "yourtoken",
    "yoursecret",
    "yourpass",
    "example",
    "placeholder",
    "change_me",
    "change-me",
    "replace_",
    "replace-",
    "replaceme",
    "insert_",
    "insert-",
    "redacted",
    "dummy",
    "xxxx",
    "****",
    "....",
    "todo",
    "fixme",
    "process.env",
    "environ",
    "getenv",
];

const FILE_ENDINGS: [&str; 22] = [
    ".pem", ".key", ".crt", ".json", ".yaml", ".yml", ".txt", ".js", ".ts", ".py", ".go", ".java", ".html",
    ".php", ".png", ".svg", ".xml", ".cfg", ".conf", ".env", ".com", ".rs",
];

const PASSWORD_WORDS: [&str; 92] = [
    "password",
    "passwort",
    "passwd",
    "pass",
    "pwd",
    "pw",
    "secret",
    "token",
    "key",
    "string",
    "text",
    "str",
    "char",
    "varchar",
    "number",
    "int",
    "integer",
    "boolean",
    "bool",
    "true",
    "false",
    "null",
    "nil",
    "none",
    "undefined",
    "void",
    "object",
    "any",
    "required",
    "optional",
    "invalid",
    "incorrect",
    "wrong",
    "missing",
    "empty",
    "blank",
    "default",
    "hidden",
    "masked",
    "encrypted",
    "hashed",
    "expired",
    "reset",
    "forgot",
    "forgotten",
    "changed",
    "confirm",
    "enter",
    "new",
    "old",
    "current",
    "username",
    "user",
    "email",
    "login",
    "name",
    "value",
    "field",
    "input",
    "label",
    "type",
    "yes",
    "no",
    "and",
    "or",
    "is",
    "the",
    "must",
    "should",
    "cannot",
    "will",
    "was",
    "has",
    "for",
    "protected",
    "based",
    "manager",
    "policy",
    "prompt",
    "contrase",
    "senha",
    "kennwort",
    "mot",
    "not",
    "not-set",
    "notset",
    "unset",
    "passwords",
    "credentials",
    "drowssap",
    "cnffjbeq",
    "n/a",
];

/// Names of types, algorithms, products and standards that numbers belong to.
const TECHNICAL: [&str; 37] = [
    "uint",
    "int",
    "float",
    "utf",
    "utf-",
    "sha",
    "sha-",
    "md",
    "aes",
    "aes-",
    "rsa",
    "rsa-",
    "hmac-",
    "pbkdf",
    "bcrypt",
    "bcrypt-",
    "argon",
    "scrypt",
    "base64",
    "base32",
    "oauth",
    "http",
    "tls",
    "1password",
    "windows",
    "office",
    "nist",
    "rfc",
    "ipv",
    "pkcs",
    "x509",
    "auth0",
    "fido",
    "iso",
    "ed25519",
    "ntlmv",
    "varchar",
];

/// Words that make a sentence or the label of a form of other words.
const SENTENCE_WORDS: [&str; 88] = [
    "see",
    "siehe",
    "voir",
    "page",
    "manual",
    "the",
    "and",
    "your",
    "with",
    "for",
    "are",
    "was",
    "not",
    "but",
    "has",
    "its",
    "their",
    "them",
    "been",
    "were",
    "into",
    "anyone",
    "someone",
    "words",
    "please",
    "should",
    "would",
    "could",
    "which",
    "these",
    "there",
    "where",
    "who",
    "ask",
    "asks",
    "from",
    "they",
    "lets",
    "characters",
    "least",
    "must",
    "enter",
    "password",
    "passwords",
    "passphrase",
    "required",
    "invalid",
    "incorrect",
    "forgot",
    "reset",
    "confirm",
    "choose",
    "contain",
    "contains",
    "field",
    "does",
    "our",
    "her",
    "than",
    "then",
    "his",
    "cannot",
    "may",
    "strong",
    "weak",
    "valid",
    "match",
    "account",
    "username",
    "email",
    "change",
    "changed",
    "expired",
    "login",
    "und",
    "der",
    "die",
    "das",
    "ist",
    "les",
    "des",
    "est",
    "une",
    "los",
    "las",
    "que",
    "para",
    "com",
];

const SQL_WORDS: [&str; 16] = [
    "expire",
    "never",
    "interval",
    "history",
    "reuse",
    "require",
    "external",
    "globally",
    "yesterday",
    "again",
    "reset",
    "before",
    "with",
    "from",
    "hash",
    "valid",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_values_are_opaque() {
        for value in [
            "Qw7Lk2Zp9Xv4Bn6Mt1Rc8Yh3Jd5Fs0Ga",
            "1f9a0b7c3d5e2846a1b2c3d4e5f60718293a4b5c",
            "k3v9qz7w1m5x8b2n4c6d0f3g7h",
            "xTqB_zwlkpRV_oKsnJya4t",
            "R7pZ2mNq9LxW4vTc8BkY",
        ] {
            assert!(is_opaque(value), "{value}");
        }
    }

    #[test]
    fn names_and_stand_ins_are_not() {
        for value in [
            "TokenExpiredErrorMessageForUsers",
            "my-service-account-v2",
            "prod_payments_db_2024",
            "YOUR_API_KEY",
            "xxxxxxxxxxxxxxxxxxxx",
            "$API_KEY_1",
            "${API_KEY_1}",
            "<token123>",
            "00000000000000000000",
            "",
        ] {
            assert!(!is_opaque(value), "{value}");
        }
    }

    #[test]
    fn code_and_places_are_no_secret_values() {
        for value in [
            "request.headers.token1",
            "config.get()",
            "https://a.b/c1d2",
            "/etc/ssl/private/a1b2.key",
            "certs/server1.pem",
        ] {
            assert!(!is_secret_value(value), "{value}");
        }
    }

    #[test]
    fn passwords_in_prose() {
        for value in ["hunter2!", "Tr0ub4dor$3", "Summer2024!", "pa55w0rD#h2HyW", "correct-Horse#9", "123456"]
        {
            assert!(is_strict_password(value), "{value}");
        }
        for value in [
            "wrong",
            "required",
            "reset.",
            "Security",
            "user@example.com",
            "2024",
            "8",
            "up-to-date",
            "don't",
            "<password>",
            "****",
            "naïve",
        ] {
            assert!(!is_strict_password(value), "{value}");
        }
    }

    #[test]
    fn code_and_types_are_no_passwords() {
        for value in [
            "bcrypt.hash(pw)",
            "request.POST[",
            "self.cleaned_data.get(",
            "varchar(64)",
            "!vault",
            "!Ref",
            "*db_password1",
            "z.string().min(8)",
            "forms.CharField(widget=forms.PasswordInput)",
        ] {
            assert!(!is_assigned_password(value), "{value}");
        }
        for value in
            ["Uint8Array", "db_password1", "SHA-256", "OAuth2.", "utf8mb4", "1Password", "PBKDF2-SHA256"]
        {
            assert!(!is_strict_password(value), "{value}");
        }
        for value in ["Pa(ss)w0rd!", "!Tr0ub4dor", "shadow1776", "Aestas77!x", "a(7f&x[2q", "rsa!44Tiger"] {
            assert!(is_strict_password(value), "{value}");
        }
    }

    #[test]
    fn phrases() {
        assert!(is_passphrase("correct horse battery staple") && is_passphrase("tulip-marble-cactus-777"));
        assert!(!is_passphrase("must be at least eight characters") && !is_passphrase("open sesame"));
        assert!(!is_passphrase("Please enter your password"));
        assert!(is_mnemonic("legal winner thank year wave sausage worth useful legal winner thank yellow"));
        assert!(!is_mnemonic("write the twelve words down and keep them where nobody else will ever look"));
        assert!(!is_mnemonic("word word word word word word word word word word word word"));
    }

    #[test]
    fn assigned_passwords_may_be_words() {
        assert!(is_assigned_password("whiteduke") && is_assigned_password("centipede"));
        assert!(!is_assigned_password("required") && !is_assigned_password("request.form.password"));
    }
}
