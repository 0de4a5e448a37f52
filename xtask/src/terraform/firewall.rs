//! The firewall's patterns for prompt injections, out of the service's own rules.
//!
//! The firewall takes patterns of 200 characters, ten to a set; the rules' are longer. So from each rule's pattern words
//! are taken away, those first that the samples of all rules have least, until it is short enough and still matches the rule's positive samples; where that
//! cannot be, the samples are divided and each part gets a pattern of its own. Of all these, those are taken that match
//! the most samples and none of the negative ones.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::{Context as _, Result};
use regex_automata::meta::Regex;
use regex_syntax::ast::{Ast, GroupKind, RepetitionKind, parse::Parser, print::Printer};
use serde::{Deserialize, Serialize};

use super::tree;

const RULES: &str = "server/detect/rules/injection";
/// English and language-independent families; the others' folding (diacritics) is beyond the firewall.
const FAMILIES: [&str; 4] = ["override.toml", "extraction.toml", "jailbreak.toml", "templates.toml"];
/// Of AWS WAF: characters of a pattern, patterns of a set. Each set costs 70 units of capacity; with the managed groups,
/// six stay below the 1,500 that are included.
const MAX_LENGTH: usize = 200;
const SET_SIZE: usize = 10;
const SETS: usize = 6;

#[derive(Debug, Deserialize)]
struct Table {
    rule: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
struct Rule {
    pattern: String,
    severity: String,
    #[serde(default)]
    context_required: bool,
    #[serde(default)]
    positives: Vec<String>,
    #[serde(default)]
    negatives: Vec<String>,
}

/// What Terraform reads.
#[derive(Debug, Serialize)]
struct Patterns {
    from: String,
    samples: usize,
    samples_matched: usize,
    sets: BTreeMap<String, Vec<String>>,
}

/// Makes the file of patterns.
pub(super) fn generate(root: &Path) -> Result<String> {
    let mut rules = Vec::new();
    let mut negatives = Vec::new();
    for path in tree::files(&root.join(RULES), ".toml")? {
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let table: Table =
            toml::from_str(&text).with_context(|| format!("cannot parse {}", path.display()))?;
        negatives.extend(table.rule.iter().flat_map(|rule| &rule.negatives).map(|text| fold(text)));
        if FAMILIES.iter().any(|family| path.ends_with(family)) {
            rules.extend(table.rule.into_iter().filter(Rule::is_certain));
        }
    }
    let samples: Vec<String> = rules
        .iter()
        .flat_map(|rule| &rule.positives)
        .filter(|text| text.is_ascii())
        .map(|text| fold(text))
        .collect();
    let mut candidates: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for rule in &rules {
        for pattern in rule.narrow(&samples)? {
            let regex = compile(&pattern)?;
            if !negatives.iter().any(|text| regex.is_match(text.as_str())) {
                let matched = samples.iter().enumerate().filter(|(_, text)| regex.is_match(text.as_str()));
                let matched = matched.map(|(place, _)| place).collect();
                candidates.insert(pattern, matched);
            }
        }
    }
    let (chosen, matched) = choose(&candidates);
    let sets = chosen.chunks(SET_SIZE).enumerate();
    let sets = sets.map(|(index, set)| ((index + 1).to_string(), set.to_vec())).collect();
    let from = format!("{RULES}/{{{}}}", FAMILIES.join(","));
    let patterns = Patterns { from, samples: samples.len(), samples_matched: matched, sets };
    Ok(serde_json::to_string_pretty(&patterns).context("cannot write the patterns")? + "\n")
}

/// Takes the pattern that matches the most samples that no other has, until there are enough.
fn choose(candidates: &BTreeMap<String, BTreeSet<usize>>) -> (Vec<String>, usize) {
    let mut chosen = Vec::new();
    let mut matched: BTreeSet<usize> = BTreeSet::new();
    while chosen.len() < SETS * SET_SIZE {
        let gain = |samples: &BTreeSet<usize>| samples.difference(&matched).count();
        let best = candidates.iter().max_by(|one, other| {
            gain(one.1).cmp(&gain(other.1)).then(other.0.len().cmp(&one.0.len())).then(other.0.cmp(one.0))
        });
        match best {
            Some((pattern, samples)) if gain(samples) > 0 => {
                chosen.push(pattern.clone());
                matched.extend(samples);
            }
            _ => break,
        }
    }
    (chosen, matched.len())
}

/// What the firewall makes of a text before it looks: lower case, one space for many.
fn fold(text: &str) -> String {
    text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Rule {
    /// Whether the rule blocks by a match alone.
    fn is_certain(&self) -> bool {
        ["high", "critical"].contains(&self.severity.as_str()) && !self.context_required
    }

    /// The narrower patterns: each matches some of the rule's samples, and nothing that the rule does not.
    fn narrow(&self, all_samples: &[String]) -> Result<Vec<String>> {
        let parsed = Parser::new().parse(&self.pattern);
        let mut whole = parsed.with_context(|| format!("`{}` cannot be parsed", self.pattern))?;
        trim(&mut whole);
        without_captures(&mut whole);
        let samples: Vec<String> = self.positives.iter().map(|text| fold(text)).collect();
        let branches = branches(&whole, all_samples)?;
        let mut open = vec![samples];
        let mut narrow = Vec::new();
        while let Some(mut samples) = open.pop() {
            match shorten(&whole, &branches, &samples)? {
                Some(pattern) => narrow.push(pattern),
                None if samples.len() > 1 => {
                    open.push(samples.split_off(samples.len().div_ceil(2)));
                    open.push(samples);
                }
                None => {}
            }
        }
        Ok(narrow)
    }
}

/// Takes branches away, in their order, as long as all samples match; `None` if that does not make it short enough.
fn shorten(whole: &Ast, branches: &[Vec<usize>], samples: &[String]) -> Result<Option<String>> {
    let matches = |text: &str| -> Result<bool> {
        let regex = compile(text)?;
        Ok(samples.iter().all(|sample| regex.is_match(sample.as_str())))
    };
    let mut ast = whole.clone();
    let mut text = print(&ast)?;
    if samples.is_empty() || !matches(&text)? {
        return Ok(None);
    }
    for path in branches {
        if text.len() <= MAX_LENGTH && is_portable(&text) {
            break;
        }
        let mut without = ast.clone();
        if !remove(&mut without, path) {
            continue;
        }
        let shorter = print(&cleared(&without))?;
        if matches(&shorter)? {
            ast = without;
            text = shorter;
        }
    }
    Ok((text.len() <= MAX_LENGTH && is_portable(&text)).then_some(text))
}

/// Compiles a pattern that is used a few times: without the engines that take long to build.
fn compile(pattern: &str) -> Result<Regex> {
    let quick = Regex::config().hybrid(false).dfa(false).onepass(false).backtrack(true);
    let built = Regex::builder().configure(quick).build(pattern);
    built.with_context(|| format!("`{pattern}` does not compile"))
}

/// Whether the firewall reads it as the service does.
fn is_portable(pattern: &str) -> bool {
    pattern.is_ascii() && !pattern.contains("(?u") && !pattern.contains("(?-u") && !pattern.contains("\\p")
}

/// Takes away what may be left out at both ends: it changes what a match covers, not whether there is one.
fn trim(ast: &mut Ast) {
    let Ast::Concat(concat) = ast else { return };
    let optional = |ast: &Ast| match ast {
        Ast::Repetition(repetition) => {
            matches!(repetition.op.kind, RepetitionKind::ZeroOrOne | RepetitionKind::ZeroOrMore)
        }
        _ => false,
    };
    while concat.asts.last().is_some_and(optional) {
        concat.asts.pop();
    }
    let leading = concat.asts.iter().take_while(|ast| optional(ast)).count();
    concat.asts.drain(..leading);
}

fn without_captures(ast: &mut Ast) {
    if let Ast::Group(group) = ast
        && matches!(group.kind, GroupKind::CaptureIndex(_) | GroupKind::CaptureName { .. })
    {
        let flags = regex_syntax::ast::Flags { span: group.span, items: Vec::new() };
        group.kind = GroupKind::NonCapturing(flags);
    }
    for child in children(ast) {
        without_captures(child);
    }
}

fn children(ast: &mut Ast) -> Vec<&mut Ast> {
    match ast {
        Ast::Repetition(repetition) => vec![&mut *repetition.ast],
        Ast::Group(group) => vec![&mut *group.ast],
        Ast::Alternation(alternation) => alternation.asts.iter_mut().collect(),
        Ast::Concat(concat) => concat.asts.iter_mut().collect(),
        _ => Vec::new(),
    }
}

/// The ways to all branches of choices: those first that the fewest samples have, and of these the longest.
fn branches(ast: &Ast, samples: &[String]) -> Result<Vec<Vec<usize>>> {
    let mut found = Vec::new();
    search(&mut ast.clone(), &mut Vec::new(), &mut found);
    let mut ranked = Vec::new();
    for (text, path) in found {
        let word = compile(&format!("(?:{text})"))?;
        let samples = samples.iter().filter(|sample| word.is_match(sample.as_str())).count();
        ranked.push((samples, Reverse(text.len()), path));
    }
    ranked.sort();
    Ok(ranked.into_iter().map(|(_, _, path)| path).collect())
}

fn search(ast: &mut Ast, path: &mut Vec<usize>, found: &mut Vec<(String, Vec<usize>)>) {
    let choice = matches!(ast, Ast::Alternation(_));
    for (index, child) in children(ast).into_iter().enumerate() {
        path.push(index);
        if choice {
            found.push((print(child).unwrap_or_default(), path.clone()));
        }
        search(child, path, found);
        path.pop();
    }
}

/// What stands for a branch that was taken away, so that the ways to the others stay what they are.
const fn is_gone(ast: &Ast) -> bool {
    matches!(ast, Ast::Flags(_))
}

/// Takes the branch at the end of the way away, unless it is the last of its choice or gone already.
fn remove(ast: &mut Ast, path: &[usize]) -> bool {
    let Some((&step, rest)) = path.split_first() else { return false };
    if let (true, Ast::Alternation(alternation)) = (rest.is_empty(), &mut *ast) {
        let left = alternation.asts.iter().filter(|branch| !is_gone(branch)).count();
        let Some(branch) = alternation.asts.get_mut(step) else { return false };
        if is_gone(branch) || left < 2 {
            return false;
        }
        let span = *branch.span();
        let flags = regex_syntax::ast::Flags { span, items: Vec::new() };
        *branch = Ast::flags(regex_syntax::ast::SetFlags { span, flags });
        return true;
    }
    children(ast).into_iter().nth(step).is_some_and(|child| remove(child, rest))
}

/// The pattern without what was taken away.
fn cleared(ast: &Ast) -> Ast {
    let mut ast = ast.clone();
    clear(&mut ast);
    ast
}

fn clear(ast: &mut Ast) {
    if let Ast::Alternation(alternation) = ast {
        alternation.asts.retain(|branch| !is_gone(branch));
    }
    for child in children(ast) {
        clear(child);
    }
}

fn print(ast: &Ast) -> Result<String> {
    let mut text = String::new();
    Printer::new().print(ast, &mut text).context("a pattern cannot be printed")?;
    Ok(text)
}
