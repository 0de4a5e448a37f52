//! What people see: colours on a terminal, plain text elsewhere. The scanned text is never repeated.

use std::{fmt::Write as _, io};

use anstyle::{AnsiColor, Style};

use super::judge::{Coverage, Decision, Found, Redacted};

const DIM: Style = Style::new().dimmed();
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const GREEN: Style = AnsiColor::Green.on_default().bold();

/// Findings shown in full; more are counted.
const SHOWN: usize = 50;

/// Prints a failure and its causes to standard error.
pub(crate) fn error(error: &anyhow::Error) {
    // Nobody is left to tell when standard error is gone.
    drop(io::Write::write_fmt(&mut anstream::stderr(), format_args!("{RED}error{RED:#}: {error:#}\n")));
}

/// Prints a remark to standard error.
pub(crate) fn note(text: &str) {
    drop(io::Write::write_fmt(&mut anstream::stderr(), format_args!("{YELLOW}note{YELLOW:#}: {text}\n")));
}

/// Prints `text` to standard output, its styles only on a terminal.
pub(crate) fn print(text: &str) -> io::Result<()> {
    io::Write::write_all(&mut anstream::stdout(), text.as_bytes())
}

/// The style of an action's name.
pub(crate) fn action_style(action: &str) -> Style {
    match action {
        "BLOCK" => RED,
        "REDACT" | "FLAG" => YELLOW,
        _ => GREEN,
    }
}

/// Prints a decision on `text`.
pub(crate) fn decision(decision: &Decision, text: &str) -> io::Result<()> {
    let style = action_style(decision.action);
    let mut out = String::new();
    let fail = |_: std::fmt::Error| io::Error::other("cannot format the decision");
    writeln!(
        out,
        "{style}{}{style:#}  {}, injection score {:.2}, policy {}",
        decision.action,
        decision.verdict.to_lowercase(),
        decision.injection_score,
        decision.policy
    )
    .map_err(fail)?;
    for finding in decision.findings.iter().take(SHOWN) {
        writeln!(out, "{}", finding_line(finding, text)).map_err(fail)?;
    }
    if decision.findings.len() > SHOWN {
        let more = decision.findings.len() - SHOWN;
        writeln!(out, "  {DIM}… and {more} more findings (--format json lists them all){DIM:#}")
            .map_err(fail)?;
    }
    if let Some(line) = coverage_line(decision.coverage) {
        writeln!(out, "  {YELLOW}{line}{YELLOW:#}").map_err(fail)?;
    }
    for detector in decision.detectors.iter().filter(|detector| !matches!(detector.status, "OK" | "SKIPPED"))
    {
        writeln!(out, "  {YELLOW}{} {}{YELLOW:#}", detector.detector, detector.status).map_err(fail)?;
    }
    if let Some(id) = &decision.audit_record_id {
        writeln!(out, "  {DIM}audit record {id}{DIM:#}").map_err(fail)?;
    }
    print(&out)
}

/// Says how much of a text was read, where that is not all of it.
fn coverage_line(coverage: Coverage) -> Option<String> {
    let Coverage { bytes_total, bytes_scanned, truncated } = coverage;
    match coverage.partial() {
        Some(share) => Some(format!(
            "{share} % read: not every detector saw more than {bytes_scanned} of {bytes_total} bytes"
        )),
        None if truncated => Some("findings or decodings were left out for their amount".to_owned()),
        None => None,
    }
}

fn finding_line(finding: &Found, text: &str) -> String {
    let (line, column) = position(text, finding.start);
    let path = if finding.decoding_path.is_empty() {
        String::new()
    } else {
        format!(", seen under {}", finding.decoding_path.join(" → "))
    };
    let place = finding.pointer.as_ref().map_or_else(String::new, |pointer| format!(", in {pointer:?}"));
    format!(
        "  {:<22} {:<8} {:.2}  {DIM}at {line}:{column}, bytes {}..{}, rule {}{place}{path}{DIM:#}",
        finding.entity, finding.severity, finding.score, finding.start, finding.end, finding.rule_id
    )
}

/// Line and column, from 1, the column in characters.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// Prints what was replaced to standard error.
pub(crate) fn redactions(redacted: &Redacted) -> io::Result<()> {
    let mut out = anstream::stderr();
    for span in &redacted.spans {
        io::Write::write_fmt(
            &mut out,
            format_args!(
                "{DIM}{} at bytes {}..{}: {} (rule {}){DIM:#}\n",
                span.entity, span.start, span.end, span.operator, span.rule_id
            ),
        )?;
    }
    if redacted.is_blocked() {
        io::Write::write_fmt(
            &mut out,
            format_args!("{RED}BLOCK{RED:#}: the policy does not let this text pass\n"),
        )?;
    }
    if let Some(id) = &redacted.audit_record_id {
        io::Write::write_fmt(&mut out, format_args!("{DIM}audit record {id}{DIM:#}\n"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Coverage, coverage_line, position};

    #[test]
    fn what_was_not_read_is_said() {
        let line = |bytes_scanned, truncated| {
            coverage_line(Coverage { bytes_total: 2_000_000, bytes_scanned, truncated })
        };
        assert!(line(340_000, true).is_some_and(|line| line.starts_with("17 % read: ")));
        assert!(line(1_999_999, true).is_some_and(|line| line.starts_with("99 % read: ")));
        assert!(line(2_000_000, true).is_some_and(|line| line.contains("left out")));
        assert_eq!(line(2_000_000, false), None);
        assert_eq!(coverage_line(Coverage { bytes_total: 0, bytes_scanned: 0, truncated: false }), None);
    }

    #[test]
    fn positions_count_characters() {
        assert_eq!(position("äb\nc", 0), (1, 1));
        assert_eq!(position("äb\nc", 2), (1, 2));
        assert_eq!(position("äb\nc", 4), (2, 1));
        assert_eq!(position("äb\nc", 99), (2, 2));
    }
}
