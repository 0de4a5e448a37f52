//! Loads a bundle and scores the texts of standard input, one a line: `score DIR [ROLE]`.

use std::{
    io::{BufRead as _, Write as _},
    time::Instant,
};

use llm_shield_classifier::{Bundle, Classifier, Options, Role};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments.next().ok_or("usage: score DIR [user|document|tool]")?;
    let role = match arguments.next().as_deref() {
        Some("document") => Role::Document,
        Some("tool") => Role::Tool,
        _ => Role::User,
    };
    let began = Instant::now();
    let bundle = Bundle::open(dir.as_ref())?;
    let opened = began.elapsed();
    let classifier = Classifier::load(&bundle, &Options::default())?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}: opened in {opened:?}, ready after {:?}", classifier.model().id(), began.elapsed())?;
    drop(bundle);
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let began = Instant::now();
        let score = classifier.score(&line, role, &|| false)?;
        writeln!(out, "{:.4} {score:?} in {:?}", score.probability, began.elapsed())?;
    }
    Ok(())
}
