//! A bundle made ready, and the score of a text.

use std::{
    num::NonZero,
    ops::Range,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crate::{
    bundle::Bundle,
    bytes::Rounding,
    config::Config,
    encoder::{Encoder, Logits, Stop},
    error::{BundleError, ScoreError},
    lanes::Lanes,
    manifest::{Calibration, Golden},
    text::{Reader, Tokens, Window, evenly, share},
};

/// How far a logit may lie from its golden vector, which single precision has made: what summing in another order brings,
/// with room to spare.
const GOLDEN_TOLERANCE: f32 = 1e-4;

/// The same where products are in whole numbers, of fourteen bits on one side: ten times what was seen.
const GOLDEN_TOLERANCE_FINE: f32 = 5e-3;

/// The same with eight bits on that side: of 3,000 texts the logits moved by 0.04 on average, and by 0.7 at most.
const GOLDEN_TOLERANCE_FAST: f32 = 1.0;

/// What the families call a text that is none of them.
const BENIGN: &str = "benign";

/// Whose text it is; an instruction is nothing odd from a user and an attack within a document.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Role {
    /// Typed by the end user.
    User,
    /// The application's own instructions.
    System,
    /// Written by the model.
    Assistant,
    /// A tool's arguments, result or definition.
    Tool,
    /// A retrieved document, a web page, an e-mail.
    Document,
}

/// How a classifier works.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Threads to compute on. Default: one a core.
    pub threads: NonZero<usize>,
    /// The most windows of one text that are scored; of a longer text so many, evenly spread over it, and
    /// [`Score::coverage`] says how much that was. Default 512, about 72,000 tokens.
    pub max_windows: NonZero<usize>,
    /// Whether what meets weights of eight bits is rounded to fourteen bits: the logits are those of single precision,
    /// and take half as long again. Default no: it is rounded to eight, where the processor allows it, and the logits
    /// move by some hundredths.
    pub fine: bool,
}

/// Which model it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ModelInfo {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The SHA-256 of its manifest, in hexadecimal.
    pub digest: String,
}

/// The most suspicious window of a text.
type Worst<'w> = (&'w Window, Logits);

/// What the classifier makes of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// The calibrated probability that the text carries an attack: that of its most suspicious window, among so many.
    pub probability: f64,
    /// The logit of that window.
    pub logit: f32,
    /// The family of attacks that the most suspicious window resembles most; that it is an attack at all is for the
    /// probability to say.
    pub family: Arc<str>,
    /// The bytes of the text that the most suspicious window was made of.
    pub span: Range<usize>,
    /// Windows scored.
    pub windows: usize,
    /// Windows that the text has (as far as it was read).
    pub windows_total: usize,
    /// Tokens of the text (as far as it was read).
    pub tokens: usize,
    /// Share of the text that was scored: below 1 when it has more windows than the options allow, or was stopped.
    pub coverage: f64,
}

/// A model that is ready to score. Shared by all threads.
pub struct Classifier {
    info: ModelInfo,
    config: Config,
    calibration: Calibration,
    families: Vec<Arc<str>>,
    reader: Reader,
    encoder: Encoder,
    lanes: Lanes,
    max_windows: usize,
    rounding: Rounding,
}

impl Default for Options {
    fn default() -> Self {
        const MAX_WINDOWS: NonZero<usize> = NonZero::new(512).expect("it is not zero");
        Self {
            threads: thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN),
            max_windows: MAX_WINDOWS,
            fine: false,
        }
    }
}

impl Classifier {
    /// Makes a bundle ready, and sees that it computes what its manifest says.
    ///
    /// # Errors
    /// When a file of the bundle is not of the format, or a golden vector is not met.
    pub fn load(bundle: &Bundle, options: &Options) -> Result<Self, BundleError> {
        let manifest = bundle.manifest();
        let config = Config::read(&bundle.config)?;
        let classifier = Self {
            info: ModelInfo {
                name: manifest.name.clone(),
                version: manifest.version.clone(),
                digest: bundle.digest().to_owned(),
            },
            calibration: manifest.calibration,
            families: config.families.iter().map(|family| family.as_str().into()).collect(),
            reader: Reader::new(&config, &bundle.tokenizer)?,
            encoder: Encoder::read(&config, &bundle.weights)?,
            lanes: Lanes::new(options.threads)?,
            max_windows: options.max_windows.get(),
            rounding: if options.fine { Rounding::Fine } else { Rounding::Fast },
            config,
        };
        for (index, golden) in manifest.golden.iter().enumerate() {
            let wrong = |message| BundleError::Golden { index, message };
            if classifier.encoder.rounds() {
                classifier.reproduces(golden, Rounding::Fine, GOLDEN_TOLERANCE_FINE).map_err(wrong)?;
                classifier.reproduces(golden, Rounding::Fast, GOLDEN_TOLERANCE_FAST).map_err(wrong)?;
            } else {
                classifier.reproduces(golden, Rounding::Fast, GOLDEN_TOLERANCE).map_err(wrong)?;
            }
        }
        Ok(classifier)
    }

    /// Returns which model it is.
    #[must_use]
    pub const fn model(&self) -> &ModelInfo {
        &self.info
    }

    /// Scores a text. `stop` is asked between layers and windows, from several threads; once it says yes, the score is
    /// that of the windows done so far.
    ///
    /// The work is done on the classifier's own threads, the caller's waits.
    ///
    /// # Errors
    /// [`ScoreError::Stopped`] when not even one window was done; else when the model fails.
    pub fn score(&self, text: &str, role: Role, stop: Stop<'_>) -> Result<Score, ScoreError> {
        let role = self.role_id(role)?;
        let tokens = self.reader.read(text, self.max_windows, stop)?;
        let windows = self.reader.windows(&tokens);
        let chosen: Vec<&Window> =
            evenly(windows.len(), self.max_windows).filter_map(|index| windows.get(index)).collect();
        let (done, best) = self.run(&tokens, &chosen, role, stop)?;
        let (window, best) = best.ok_or(ScoreError::Stopped)?;
        Ok(Score {
            probability: self.calibration.probability(best.attack, done),
            logit: best.attack,
            family: self.family(&best.families),
            span: self.reader.bytes_of(text, &tokens, window)?,
            windows: done,
            windows_total: windows.len(),
            tokens: tokens.count(),
            coverage: tokens.read * share(done, windows.len()),
        })
    }

    /// Scores windows on as many lanes as are free; returns how many were done, and what the most suspicious gave.
    fn run<'w>(
        &self,
        tokens: &Tokens,
        windows: &[&'w Window],
        role: u32,
        stop: Stop<'_>,
    ) -> Result<(usize, Option<Worst<'w>>), ScoreError> {
        let next = AtomicUsize::new(0);
        let outcome = Mutex::new(Ok((0, None::<Worst<'_>>)));
        let work = || {
            while let Some(window) = windows.get(next.fetch_add(1, Ordering::Relaxed)) {
                let ids = self.reader.framed(role, tokens, window);
                let logits = self.lanes.run(stop, || self.encoder.run(&ids, self.rounding, stop));
                let mut outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
                match (logits, &mut *outcome) {
                    (Some(Ok(logits)), Ok((done, best))) => {
                        *done += 1;
                        // Of equals the first: who came first to finish must not matter.
                        let beats = |(at, best): &Worst<'_>| {
                            logits
                                .attack
                                .total_cmp(&best.attack)
                                .then_with(|| at.place().cmp(&window.place()))
                                .is_gt()
                        };
                        if best.as_ref().is_none_or(beats) {
                            *best = Some((window, logits));
                        }
                    }
                    (None | Some(Err(ScoreError::Stopped)), _) | (_, Err(_)) => break,
                    (Some(Err(error)), outcome) => {
                        *outcome = Err(error);
                        break;
                    }
                }
            }
        };
        thread::scope(|scope| {
            for _ in 1..self.lanes.count().min(windows.len()) {
                // Where no thread can be had the caller's does the work alone.
                if thread::Builder::new().spawn_scoped(scope, work).is_err() {
                    break;
                }
            }
            work();
        });
        outcome.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn family(&self, logits: &[f32]) -> Arc<str> {
        let named = self.families.iter().zip(logits).filter(|(family, _)| &***family != BENIGN);
        named
            .max_by(|(_, a), (_, b)| a.total_cmp(b))
            .map_or_else(|| "".into(), |(family, _)| Arc::clone(family))
    }

    fn role_id(&self, role: Role) -> Result<u32, ScoreError> {
        // Every role has an id, as the configuration was checked to say.
        self.config.role_id(role).ok_or_else(|| ScoreError::Encoder(format!("no token for {}", role.name())))
    }

    fn reproduces(&self, golden: &Golden, rounding: Rounding, tolerance: f32) -> Result<(), String> {
        let role = Role::ALL.into_iter().find(|role| role.name() == golden.role);
        let role = role.ok_or_else(|| format!("there is no role `{}`", golden.role))?;
        let role = self.role_id(role).map_err(|error| error.to_string())?;
        let tokens = self.reader.read(&golden.text, 1, &|| false).map_err(|error| error.to_string())?;
        let ids = match self.reader.windows(&tokens).as_slice() {
            [window] => self.reader.framed(role, &tokens, window),
            windows => return Err(format!("the text has {} windows, not one", windows.len())),
        };
        if ids != golden.token_ids {
            return Err("the tokens differ".to_owned());
        }
        let run = || self.encoder.run(&ids, rounding, &|| false);
        let logits = self.lanes.run(&|| false, run).ok_or("no thread was free")?;
        let logits = logits.map_err(|error| error.to_string())?;
        if logits.families.len() != golden.family_logits.len() {
            return Err("it has another number of families".to_owned());
        }
        let expected = [golden.attack_logit].into_iter().chain(golden.family_logits.iter().copied());
        let found = [logits.attack].into_iter().chain(logits.families.iter().copied());
        for (expected, found) in expected.zip(found) {
            let off = (expected - found).abs();
            if off.is_nan() || off > tolerance * expected.abs().max(1.0) {
                return Err(format!("a logit is {found}, it should be {expected}"));
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Classifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Classifier").field("info", &self.info).finish_non_exhaustive()
    }
}

impl ModelInfo {
    /// Returns the model's name, version and the beginning of its digest: `llm-shield-injection@1.0.0+0123456789ab`.
    #[must_use]
    pub fn id(&self) -> String {
        let digest: String = self.digest.chars().take(12).collect();
        format!("{}@{}+{digest}", self.name, self.version)
    }
}

impl Role {
    pub(crate) const ALL: [Self; 5] = [Self::User, Self::System, Self::Assistant, Self::Tool, Self::Document];

    /// Returns the name that a bundle knows it by.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::System => "system",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
            Self::Document => "document",
        }
    }
}
