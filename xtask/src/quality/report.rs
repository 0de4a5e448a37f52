//! The tables, and their place in the document.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    fs,
    path::Path,
};

use anyhow::{Context as _, Result};

use super::{Results, evasion, injection, personal, public, secrets, spans::Tally, subject::Judge};

/// Sources with fewer attacks say too little to have a line.
const MIN_ATTACKS: usize = 15;

/// Draws the tables of our own figures.
pub(super) fn tables(results: &Results) -> Result<String> {
    let mut text = String::new();
    secret_tables(&mut text, &results.secrets)?;
    personal_tables(&mut text, &results.personal, &results.redacted)?;
    let [by_rules, by_both] = &results.evasion;
    evasion_tables(&mut text, "rules only", by_rules)?;
    evasion_tables(&mut text, "rules and classifier", by_both)?;
    writeln!(text, "\n### Prompt injection\n")?;
    injection_judges(&mut text, &results.injection)?;
    public_table(&mut text, &results.public)?;
    for (judge, score) in
        Judge::ALL.into_iter().zip(&results.injection).filter(|(j, _)| *j != Judge::Classifier)
    {
        injection_tables(&mut text, judge, score)?;
    }
    Ok(text)
}

/// Replaces what stands between the marks of a name in a document.
pub(super) fn replace(document: &Path, name: &str, text: &str) -> Result<()> {
    let old = fs::read_to_string(document).with_context(|| format!("cannot read {}", document.display()))?;
    let new = replaced(&old, name, text)
        .with_context(|| format!("{} has no marks `{name}`", document.display()))?;
    fs::write(document, new).with_context(|| format!("cannot write {}", document.display()))
}

fn replaced(document: &str, name: &str, text: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- begin {name} -->\n"), format!("<!-- end {name} -->"));
    let (before, rest) = document.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{}\n\n{end}{after}", text.trim()))
}

fn secret_tables(text: &mut String, score: &secrets::Score) -> fmt::Result {
    writeln!(text, "\n### Secrets\n")?;
    writeln!(
        text,
        "| slice | credentials | found (half) | found whole | characters left |\n|---|---:|---:|---:|---:|"
    )?;
    let mut line = |name: &str, tally: &Tally| {
        writeln!(
            text,
            "| {name} | {} | {:.3} | {:.3} | {:.3} |",
            tally.marked,
            tally.recall(),
            tally.full_recall(),
            tally.leak()
        )
    };
    line("all", &score.all)?;
    line("passwords in prose", &score.passwords)?;
    line("connection strings", &score.connection_strings)?;
    line("hidden (encoded, invisible characters, line breaks)", &score.hidden)?;
    for (source, tally) in &score.sources {
        line(&format!("source {source}"), tally)?;
    }
    writeln!(text, "\n| texts without a credential | texts | flagged |\n|---|---:|---:|")?;
    for (kind, flagged) in &score.harmless {
        let kind = match kind.as_str() {
            "bad_checksum" => "tokens with a wrong checksum",
            "lookalike" => "look-alikes (hashes, ids, placeholders)",
            "rule_fp" => "samples that a peer's rule of the same name must not match",
            other => other,
        };
        writeln!(text, "| {kind} | {} | {} |", flagged.texts, flagged.flagged)?;
    }
    Ok(())
}

fn personal_tables(text: &mut String, found: &personal::Score, redacted: &personal::Score) -> fmt::Result {
    writeln!(text, "\n### Personal data\n\n| measure | `scan` | `redact` |\n|---|---:|---:|")?;
    let mut line = |name: &str, value: fn(&personal::Score) -> f64| {
        writeln!(text, "| {name} | {:.3} | {:.3} |", value(found), value(redacted))
    };
    line("structured types, macro F2", personal::Score::structured_f2)?;
    line("national ids, F2", |score| score.national().f2())?;
    line("obfuscated, recall", |score| score.obfuscated().recall())?;
    line("PERSON, F2", |score| score.entity("PERSON").f2())?;
    line("LOCATION, F2", |score| score.entity("LOCATION").f2())?;
    line("ORGANIZATION, F2", |score| score.entity("ORGANIZATION").f2())?;
    line("all types, recall", |score| score.all().recall())?;
    line("all types, precision", |score| score.all().precision())?;
    line("characters left of all marks", |score| score.all().leak())?;
    line("characters left of structured types and ids", |score| score.unnamed().leak())?;
    writeln!(
        text,
        "| texts without personal data, flagged | {} of {} | {} of {} |",
        found.harmless.flagged, found.harmless.texts, redacted.harmless.flagged, redacted.harmless.texts
    )?;
    writeln!(text, "\n| source | marks | recall | wrong |\n|---|---:|---:|---:|")?;
    for (source, tally) in found.sources() {
        writeln!(text, "| {source} | {} | {:.3} | {} |", tally.marked, tally.recall(), tally.wrong)?;
    }
    Ok(())
}

fn evasion_tables(text: &mut String, by: &str, score: &evasion::Score) -> fmt::Result {
    let retention = |group: &evasion::Group| {
        group.retention().map_or_else(|| "–".to_owned(), |retention| format!("{retention:.3}"))
    };
    writeln!(text, "\n### Attacks in disguise, {by}\n")?;
    writeln!(
        text,
        "| disguise | attacks | recall | retention | harmless, flagged |\n|---|---:|---:|---:|---:|"
    )?;
    let harmless = score.harmless;
    writeln!(
        text,
        "| none | {} | {:.3} | – | {} of {} |",
        score.plain.texts,
        score.plain.recall(),
        harmless.flagged,
        harmless.texts
    )?;
    writeln!(
        text,
        "| **any** | {} | {:.3} | {} | |",
        score.disguised.texts,
        score.disguised.recall(),
        retention(&score.disguised)
    )?;
    for (name, group) in &score.groups {
        let harmless = score.disguised_harmless.get(name);
        let harmless =
            harmless.map_or_else(String::new, |flagged| format!("{} of {}", flagged.flagged, flagged.texts));
        writeln!(
            text,
            "| {name} | {} | {:.3} | {} | {harmless} |",
            group.texts,
            group.recall(),
            retention(group)
        )?;
    }
    Ok(())
}

/// Picks some of the texts.
type Part = fn(&injection::Score) -> &injection::Scores;

/// Sets rules, classifier and both side by side.
fn injection_judges(text: &mut String, scores: &[injection::Score]) -> fmt::Result {
    writeln!(text, "| texts | judge | AUC | recall at 1 % FP | verdict: recall | verdict: FP |")?;
    writeln!(text, "|---|---|---:|---:|---:|---:|")?;
    let parts: [(&str, Part); 4] = [
        ("all", |score| &score.all),
        ("written", |score| &score.written),
        ("made of templates", |score| &score.templated),
        ("a source kept out of training (InjecGuard)", |score| &score.unseen),
    ];
    for (name, part) in parts {
        for (judge, score) in Judge::ALL.into_iter().zip(scores) {
            let scores = part(score);
            let (recall, wrong) = scores.verdict();
            writeln!(
                text,
                "| {name} | {} | {:.3} | {:.3} | {recall:.3} | {wrong:.4} |",
                judge.name(),
                scores.auc(),
                scores.recall_at(scores.threshold())
            )?;
        }
    }
    Ok(())
}

fn public_table(text: &mut String, sets: &[public::Accuracy]) -> fmt::Result {
    writeln!(
        text,
        "\n**PIGuard's protocol**: the share of texts judged rightly at the verdict's threshold.\n"
    )?;
    writeln!(text, "| set | texts | {} |", Judge::ALL.map(Judge::name).join(" | "))?;
    writeln!(text, "|---|---:|---:|---:|---:|")?;
    for set in sets {
        let shares: Vec<String> = set.by_judge.iter().map(|share| format!("{share:.3}")).collect();
        writeln!(text, "| {} | {} | {} |", set.name, set.texts, shares.join(" | "))?;
    }
    Ok(())
}

fn injection_tables(text: &mut String, judge: Judge, score: &injection::Score) -> fmt::Result {
    writeln!(text, "\n#### By source: {}\n", judge.name())?;
    let threshold = score.all.threshold();
    writeln!(
        text,
        "Recall at 1 % false positives uses one threshold for all sources, that of the whole set ({threshold:.3}); the \
         verdict's threshold is 0.5.\n"
    )?;
    writeln!(
        text,
        "| texts | attacks | harmless | AUC | recall at 1 % FP | verdict: recall | verdict: FP |\n\
         |---|---:|---:|---:|---:|---:|---:|"
    )?;
    let all = [("all", &score.all), ("written", &score.written), ("made of templates", &score.templated)];
    for (name, scores) in all {
        let (recall, wrong) = scores.verdict();
        writeln!(
            text,
            "| {name} | {} | {} | {:.3} | {:.3} | {recall:.3} | {wrong:.4} |",
            scores.attacks(),
            scores.harmless(),
            scores.auc(),
            scores.recall_at(threshold)
        )?;
    }
    writeln!(text, "\n| source | attacks | recall at 1 % FP | verdict: recall | harmless | verdict: FP |")?;
    writeln!(text, "|---|---:|---:|---:|---:|---:|")?;
    let worth_a_line =
        |scores: &injection::Scores| scores.attacks() >= MIN_ATTACKS || scores.verdict().1 > 0.0;
    for (source, scores) in sorted(&score.sources).into_iter().filter(|(_, scores)| worth_a_line(scores)) {
        let (recall, wrong) = scores.verdict();
        let of_attacks =
            |value: f64| if scores.attacks() == 0 { "–".to_owned() } else { format!("{value:.3}") };
        let of_harmless = if scores.harmless() == 0 { "–".to_owned() } else { format!("{wrong:.3}") };
        writeln!(
            text,
            "| {source} | {} | {} | {} | {} | {of_harmless} |",
            scores.attacks(),
            of_attacks(scores.recall_at(threshold)),
            of_attacks(recall),
            scores.harmless()
        )?;
    }
    writeln!(
        text,
        "\nSources with fewer than {MIN_ATTACKS} attacks, none of whose harmless texts is flagged, have no line."
    )
}

/// Returns the sources, those with most attacks first.
fn sorted(sources: &BTreeMap<String, injection::Scores>) -> Vec<(&String, &injection::Scores)> {
    let mut sources: Vec<_> = sources.iter().collect();
    sources.sort_by_key(|(_, scores)| std::cmp::Reverse(scores.attacks()));
    sources
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let document = "a\n<!-- begin x -->\nold\n<!-- end x -->\nb\n";
        let new = replaced(document, "x", "\nnew\n\n").unwrap();
        assert_eq!(new, "a\n<!-- begin x -->\n\nnew\n\n<!-- end x -->\nb\n");
        assert_eq!(replaced(&new, "x", "new").unwrap(), new);
        assert_eq!(replaced(document, "y", ""), None);
    }
}
