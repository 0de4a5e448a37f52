//! What a window costs the classifier: `classifier_speed BUNDLE SECONDS TOKENS…`
//!
//! Prints `{"kind", "tokens", "cpu_seconds"}` for each number of tokens, a line each: the CPU time of one window of so
//! many tokens, its frame included, with the time to tokenise it. One thread.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "the figures are the output")]

use std::{env, num::NonZero, time::Duration};

use anyhow::{Context as _, Result, ensure};
use llm_shield_classifier::{Bundle, Classifier, Options, Role};
use rustix::time::{ClockId, clock_gettime};

/// Tokens that frame a window: its beginning, whose text it is, its end.
const FRAME: usize = 3;

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let usage = "usage: classifier_speed BUNDLE SECONDS TOKENS…";
    let bundle = arguments.next().context(usage)?;
    let seconds = Duration::try_from_secs_f64(arguments.next().context(usage)?.parse().context(usage)?)?;
    let mut options = Options::default();
    options.threads = NonZero::<usize>::MIN;
    let classifier = Classifier::load(&Bundle::open(bundle.as_ref())?, &options)?;
    for tokens in arguments {
        let tokens: usize = tokens.parse().context(usage)?;
        // Common words are one token each.
        let words = ["the", "report", "of", "a", "new", "house", "and", "people"];
        let text: Vec<&str> = words.into_iter().cycle().take(tokens.saturating_sub(FRAME)).collect();
        let text = text.join(" ");
        let score = || classifier.score(&text, Role::User, &|| false);
        let first = score()?;
        ensure!(first.windows == 1, "{tokens} tokens are more than one window");
        ensure!(first.tokens + FRAME == tokens, "the text has {} tokens, not {tokens}", first.tokens + FRAME);
        let (began, mut runs) = (cpu_time()?, 0_u32);
        while cpu_time()?.saturating_sub(began) < seconds {
            score()?;
            runs += 1;
        }
        let spent = cpu_time()?.saturating_sub(began) / runs.max(1);
        let line =
            serde_json::json!({ "kind": "ours", "tokens": tokens, "cpu_seconds": spent.as_secs_f64() });
        println!("{line}");
    }
    Ok(())
}

/// Returns what the process has used so far.
fn cpu_time() -> Result<Duration> {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Ok(Duration::new(u64::try_from(now.tv_sec)?, u32::try_from(now.tv_nsec)?))
}
