//! `llm-shield policy explain`.

use std::fmt::Write as _;

use anyhow::Result;
use llm_shield_detect::{
    Action, Cancel, Content, Direction, Effective, Engine, Explanation, FailMode, Policy, RedactionKeys,
    Request, Role, Source, redact,
};

use super::super::{YES, judge::action_name, show};
use super::{ExplainArgs, engine, usable};

/// Runs the command.
pub(super) fn run(args: &ExplainArgs) -> Result<u8> {
    let policy = usable(&args.policy)?;
    let engine = engine()?;
    let direction: Direction = args.direction.into();
    let wanted = |detector: &str, entity: &str| {
        args.entity.is_empty()
            || args.entity.iter().any(|name| name == detector || entity.starts_with(name.as_str()))
    };
    let out = match &args.text {
        None => table(&policy.effective(&engine, direction), wanted)?,
        Some(text) => decision(&engine, &policy, text, direction, args.role.into(), wanted)?,
    };
    show::print(&out)?;
    Ok(YES)
}

fn table(rows: &[Effective], wanted: impl Fn(&str, &str) -> bool) -> Result<String> {
    let rows: Vec<&Effective> = rows.iter().filter(|row| wanted(&row.detector, &row.entity)).collect();
    let width = rows.iter().map(|row| row.entity.len()).max().unwrap_or(6).max(6);
    let mut out = String::new();
    writeln!(
        out,
        "{:<10} {:<width$} {:>9} {:<7} {:<10} {:<6} from",
        "detector", "entity", "threshold", "action", "operator", "fail"
    )?;
    for row in &rows {
        let action = if row.enabled { action_name(row.action).to_lowercase() } else { "off".to_owned() };
        writeln!(
            out,
            "{:<10} {:<width$} {:>9.2} {:<7} {:<10} {:<6} {}",
            row.detector,
            row.entity,
            row.threshold,
            action,
            if row.enabled { row.operator } else { "" },
            match row.fail {
                FailMode::Open => "open",
                FailMode::Closed => "closed",
            },
            sources(row.threshold_from, row.action_from),
        )?;
    }
    if rows.iter().any(|row| matches!(&*row.detector, "injection" | "classifier")) {
        writeln!(
            out,
            "\nFor injection and classifier, threshold and action are those of the injection score of the whole text; \
             single\nphrases only add to it."
        )?;
    }
    Ok(out)
}

fn decision(
    engine: &Engine,
    policy: &Policy,
    text: &str,
    direction: Direction,
    role: Role,
    wanted: impl Fn(&str, &str) -> bool,
) -> Result<String> {
    let report = engine.scan(&Request::single(direction, role, text), policy, &Cancel::never());
    let mut out = String::new();
    let action = action_name(report.action);
    let style = show::action_style(action);
    writeln!(
        out,
        "{style}{action}{style:#}  injection score {:.2}, policy {} ({})",
        report.injection_score,
        policy.name(),
        policy.digest().get(..12).unwrap_or_default()
    )?;
    let findings = engine.inspect_with(&Content { role, text }, policy);
    for finding in findings.iter().filter(|finding| wanted(&finding.detector, &finding.entity)) {
        let told = report
            .findings
            .iter()
            .any(|known| known.rule_id == finding.rule_id && known.span == finding.span);
        explanation(&mut out, &policy.explain(engine, finding, text, direction), told)?;
    }
    if report.findings.iter().any(|finding| policy_replaces(policy, engine, finding, text, direction)) {
        let redacted = redact(text, &report.findings, policy, &RedactionKeys::default());
        writeln!(out, "redacted (without keys): {}", redacted.text)?;
    }
    Ok(out)
}

fn policy_replaces(
    policy: &Policy,
    engine: &Engine,
    finding: &llm_shield_detect::Finding,
    text: &str,
    direction: Direction,
) -> bool {
    policy.explain(engine, finding, text, direction).operator != "keep"
}

fn explanation(out: &mut String, explanation: &Explanation, told: bool) -> Result<()> {
    let finding = &explanation.finding;
    writeln!(
        out,
        "\n{} at bytes {}..{}, rule {} ({})",
        finding.entity, finding.span.start, finding.span.end, finding.rule_id, finding.detector
    )?;
    if !finding.path.is_empty() {
        writeln!(out, "  seen under {}", finding.path.join(" → "))?;
    }
    let parts: Vec<String> =
        explanation.parts.iter().map(|part| format!("{} {:.2}", part.what, part.score)).collect();
    writeln!(out, "  score      {:.2} = {}", finding.score, parts.join(", then "))?;
    writeln!(out, "  threshold  {:.2} ({})", explanation.threshold, source_name(explanation.threshold_from))?;
    let outcome = if !explanation.enabled {
        "left out: switched off".to_owned()
    } else if let Some(place) = explanation.allowed_by {
        format!("left out: allow[{place}]")
    } else if !explanation.admitted {
        "left out: below the threshold".to_owned()
    } else if !told {
        "left out: within a stronger finding, or not looked for in this role".to_owned()
    } else if explanation.action == Action::Allow && &*finding.detector == "injection" {
        "counts through the injection score of the text".to_owned()
    } else {
        format!(
            "{} ({}), operator {}",
            action_name(explanation.action).to_lowercase(),
            source_name(explanation.action_from),
            explanation.operator
        )
    };
    writeln!(out, "  outcome    {outcome}")?;
    Ok(())
}

fn sources(threshold: Source, action: Source) -> String {
    if threshold == action {
        source_name(action).to_owned()
    } else {
        format!("{}; action: {}", source_name(threshold), source_name(action))
    }
}

const fn source_name(source: Source) -> &'static str {
    match source {
        Source::Rule => "rules",
        Source::Entity => "entities",
        Source::CustomRule => "custom rule",
        Source::Detector => "detectors",
        Source::Shadow => "shadow",
        _ => "built in",
    }
}
