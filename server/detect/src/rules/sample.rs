//! What the tables say of a rule to those who test or measure it: keywords, pattern, texts that it must find, and texts
//! that it must not.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{RuleError, Table, schema};

/// One rule as its table has it, and its samples with templates expanded.
#[derive(Clone, Debug)]
pub struct RuleSamples {
    /// The rule's id.
    pub id: String,
    /// Its detector.
    pub detector: String,
    /// What a text must hold for the pattern to be tried.
    pub keywords: Vec<String>,
    /// The regular expression.
    pub pattern: String,
    /// Texts that must give a finding of the rule.
    pub positives: Vec<String>,
    /// Texts that must give none.
    pub negatives: Vec<String>,
}

/// Reads the samples of a table.
///
/// # Errors
/// When the table cannot be read, or a sample's template or encoding is wrong.
pub fn samples(table: &Table<'_>) -> Result<Vec<RuleSamples>, RuleError> {
    schema::parse(table)?
        .into_iter()
        .map(|raw| {
            let fail = |field: &str, message: String| RuleError::Rule {
                table: schema::name_of(table),
                rule: raw.id.clone(),
                field: field.to_owned(),
                message,
            };
            let mut positives = Vec::new();
            let mut negatives = Vec::new();
            for (place, text) in raw.positives.iter().enumerate() {
                positives.push(expand(text, &raw.id, place).map_err(|m| fail("positives", m))?);
            }
            for text in &raw.positives_x {
                positives.push(unmask(text).map_err(|m| fail("positives_x", m))?);
            }
            for (place, text) in raw.negatives.iter().enumerate() {
                negatives.push(expand(text, &raw.id, place).map_err(|m| fail("negatives", m))?);
            }
            for text in &raw.negatives_x {
                negatives.push(unmask(text).map_err(|m| fail("negatives_x", m))?);
            }
            Ok(RuleSamples {
                id: raw.id,
                detector: table.detector.to_owned(),
                keywords: raw.keywords,
                pattern: raw.pattern,
                positives,
                negatives,
            })
        })
        .collect()
}

/// Undoes base64 over bytes XOR 0x5A: the form of samples that a secret scanner would take for the real thing.
fn unmask(text: &str) -> Result<String, String> {
    let mut bytes = STANDARD.decode(text).map_err(|error| error.to_string())?;
    bytes.iter_mut().for_each(|byte| *byte ^= 0x5A);
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

/// Expands templates such as `{alnum:36}`, the same way every time.
fn expand(text: &str, rule: &str, place: usize) -> Result<String, String> {
    let mut state = seed(rule, place);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let template = after.split_once('}').and_then(|(inside, tail)| {
            let (class, count) = inside.split_once(':')?;
            Some((alphabet(class)?, count.parse::<usize>(), tail))
        });
        match template {
            Some((alphabet, Ok(count), tail)) if count <= MAX_EXPANSION => {
                for _ in 0..count {
                    state = next(state);
                    let pick = usize::try_from(state >> 33).unwrap_or(0) % alphabet.len();
                    out.push(alphabet.get(pick).copied().map_or('0', char::from));
                }
                rest = tail;
            }
            Some((_, Ok(count), _)) => return Err(format!("template of {count} characters is too long")),
            Some((_, Err(_), _)) | None => {
                out.push('{');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    Ok(out)
}

fn alphabet(class: &str) -> Option<&'static [u8]> {
    Some(match class {
        "alnum" => b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        "lower" => b"abcdefghijklmnopqrstuvwxyz",
        "upper" => b"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "digit" => b"0123456789",
        "hex" => b"0123456789abcdef",
        "HEX" => b"0123456789ABCDEF",
        "base64" => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        "base64url" => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
        "base32" => b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
        "alnumlower" => b"abcdefghijklmnopqrstuvwxyz0123456789",
        "alnumupper" => b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
        _ => return None,
    })
}

/// FNV-1a over the rule's id and the sample's place: samples differ, and stay what they are.
fn seed(rule: &str, place: usize) -> u64 {
    rule.bytes()
        .chain(place.to_le_bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A step of Knuth's MMIX generator; its upper bits are good enough for samples.
fn next(state: u64) -> u64 {
    state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407)
}

const MAX_EXPANSION: usize = 8192;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_expand_the_same_way() {
        let one = expand("k={hex:8} {nope} {digit:2}", "a-rule", 0).unwrap();
        assert_eq!(one, expand("k={hex:8} {nope} {digit:2}", "a-rule", 0).unwrap());
        assert_ne!(one, expand("k={hex:8} {nope} {digit:2}", "a-rule", 1).unwrap());
        assert_eq!(one.len(), "k=12345678 {nope} 12".len());
        assert!(one.contains(" {nope} "));
    }

    #[test]
    fn masked_samples() {
        assert_eq!(unmask(&STANDARD.encode(b"abc".map(|b| b ^ 0x5A))).unwrap(), "abc");
        assert!(unmask("***").is_err());
    }
}
