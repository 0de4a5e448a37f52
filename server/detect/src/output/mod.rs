//! The `output` detector: what a model must not say to those who act on its answers.
//!
//! Two kinds of rules. Tables (`rules/output`) know fixed shapes: active HTML, commands, injections into other languages,
//! insecure code. Code knows what takes a comparison or a parser: the request's own system prompt, canary
//! tokens, URLs, refusals. Both run over the views that other detectors read too, and on [`Direction::Output`] only.
//!
//! The decision to argue with: the same markup is harmless in a code block and harmful on a page. So what does harm only
//! when rendered counts for less within code, unless the policy says that the output is used as it is.
//!
//! [`Direction::Output`]: crate::Direction::Output

mod address;
pub mod canary;
mod code;
mod config;
mod label;
mod links;
mod lookalike;
mod markup;
mod payload;
mod prompt;
mod refusal;
mod rules;
mod url;

pub(crate) use self::lookalike::punycode;
use std::cell::OnceCell;

use crate::coded::{CodedRule, Seen};
use crate::{Finding, Request, Role, ScanOptions, Severity};

pub use config::OutputConfig;
pub use prompt::PromptFingerprint;
pub(crate) use rules::OutputRules;

use canary::CanaryKeys;
use markup::CodeRegions;

pub(crate) const DETECTOR: &str = "output";

/// What a request asks of the detector, made once for all of its contents.
#[derive(Debug)]
pub(crate) struct OutputJob<'a> {
    config: &'a OutputConfig,
    prompts: Vec<PromptFingerprint>,
    given: &'a [PromptFingerprint],
    canary: Option<&'a CanaryKeys>,
}

impl<'a> OutputJob<'a> {
    /// Reads the request's system prompts.
    pub(crate) fn new(request: &Request<'_>, config: &'a OutputConfig, options: &'a ScanOptions) -> Self {
        let system =
            request.contents.iter().filter(|content| config.prompt_leak && content.role == Role::System);
        Self {
            config,
            prompts: system
                .take(MOST_PROMPTS)
                .filter_map(|content| PromptFingerprint::of(content.text, config.prompt_min_words))
                .collect(),
            given: if config.prompt_leak { &options.prompts } else { &[] },
            canary: options.canary_keys.as_ref(),
        }
    }

    /// Makes a job without a request.
    pub(crate) fn plain(config: &'a OutputConfig) -> Self {
        Self { config, prompts: Vec::new(), given: &[], canary: None }
    }

    pub(crate) fn config(&self) -> &'a OutputConfig {
        self.config
    }

    /// Whether folded views are needed.
    pub(crate) fn wants_folded(&self) -> bool {
        self.config.refusals || !self.prompts.is_empty() || !self.given.is_empty()
    }

    /// Appends what rules in code see in one view. `original` says whether the view is the text itself.
    pub(crate) fn view(&self, text: &str, folded: bool, original: bool, seen: &mut Vec<Seen>) {
        if self.config.canaries {
            canary::find(text, self.canary, seen);
        }
        if folded {
            for prompt in self.prompts.iter().chain(self.given) {
                prompt.find(text, seen);
            }
            if self.config.refusals {
                refusal::find(text, seen);
            }
            return;
        }
        if self.config.urls {
            links::find(text, self.config, seen);
        }
        if self.config.code_presence && original {
            code::find(text, seen);
        }
    }
}

/// Lowers findings that do harm only when rendered, where they stand in code.
#[derive(Debug)]
pub(crate) struct Rendering<'t> {
    text: &'t str,
    regions: OnceCell<CodeRegions>,
    trusted: bool,
}

impl<'t> Rendering<'t> {
    pub(crate) fn new(text: &'t str, config: &OutputConfig) -> Self {
        Self { text, regions: OnceCell::new(), trusted: config.trust_code_blocks }
    }

    /// Lowers the finding where it applies; `tags` are its rule's.
    pub(crate) fn weigh<'s>(&self, finding: &mut Finding, mut tags: impl Iterator<Item = &'s str>) {
        let lowers = self.trusted && tags.any(|tag| tag == RENDERED);
        if lowers && self.regions.get_or_init(|| CodeRegions::of(self.text)).cover(finding.span) {
            finding.score *= IN_CODE;
        }
    }
}

/// All rules of the detector that are code.
pub(crate) static CODED: &[&CodedRule] = &[
    &PROMPT_LEAK,
    &PROMPT_PASSAGE,
    &CANARY,
    &CANARY_SHAPE,
    &EXFILTRATION_IMAGE,
    &EXFILTRATION_PLACE,
    &EXFILTRATION_LINK,
    &UNKNOWN_IMAGE,
    &DENIED_HOST,
    &SSRF,
    &SUSPICIOUS_HOST,
    &LINK_TEXT,
    &SUSPICIOUS_FILE,
    &CODE,
    &REFUSAL,
];

static PROMPT_LEAK: CodedRule = CodedRule {
    id: "system-prompt-leak",
    category: "prompt_leak",
    entity: "SYSTEM_PROMPT",
    severity: Severity::High,
    score: 0.9,
    tags: &["owasp:LLM07:2025", "atlas:AML.T0056"],
};
static PROMPT_PASSAGE: CodedRule = CodedRule {
    id: "system-prompt-passage",
    category: "prompt_leak",
    entity: "SYSTEM_PROMPT_PASSAGE",
    severity: Severity::Medium,
    score: 0.55,
    tags: &["owasp:LLM07:2025", "atlas:AML.T0056"],
};
static CANARY: CodedRule = CodedRule {
    id: "canary-token",
    category: "prompt_leak",
    entity: "CANARY_TOKEN",
    severity: Severity::Critical,
    score: 0.99,
    tags: &["owasp:LLM07:2025", "atlas:AML.T0056"],
};
static CANARY_SHAPE: CodedRule = CodedRule {
    id: "canary-token-unverified",
    category: "prompt_leak",
    entity: "CANARY_TOKEN",
    severity: Severity::Medium,
    score: 0.5,
    tags: &["owasp:LLM07:2025"],
};
static EXFILTRATION_IMAGE: CodedRule = CodedRule {
    id: "exfiltration-by-loaded-url",
    category: "exfiltration",
    entity: "EXFILTRATION_URL",
    severity: Severity::Critical,
    score: 0.9,
    tags: &["owasp:LLM02:2025", "owasp:LLM05:2025", "atlas:AML.T0077", RENDERED],
};
static EXFILTRATION_PLACE: CodedRule = CodedRule {
    id: "possible-exfiltration-by-loaded-url",
    category: "exfiltration",
    entity: "EXFILTRATION_URL",
    severity: Severity::Medium,
    score: 0.6,
    tags: &["owasp:LLM02:2025", "owasp:LLM05:2025", RENDERED],
};
static EXFILTRATION_LINK: CodedRule = CodedRule {
    id: "exfiltration-by-link",
    category: "exfiltration",
    entity: "EXFILTRATION_URL",
    severity: Severity::Medium,
    score: 0.6,
    tags: &["owasp:LLM02:2025", "owasp:LLM05:2025", RENDERED],
};
static UNKNOWN_IMAGE: CodedRule = CodedRule {
    id: "image-from-unknown-host",
    category: "exfiltration",
    entity: "UNKNOWN_IMAGE_HOST",
    severity: Severity::Medium,
    score: 0.8,
    tags: &["owasp:LLM05:2025", RENDERED],
};
static DENIED_HOST: CodedRule = CodedRule {
    id: "denied-host",
    category: "suspicious_url",
    entity: "SUSPICIOUS_URL",
    severity: Severity::High,
    score: 0.99,
    tags: &["owasp:LLM05:2025"],
};
static SSRF: CodedRule = CodedRule {
    id: "request-forgery-target",
    category: "request_forgery",
    entity: "SSRF_TARGET",
    severity: Severity::High,
    score: 0.85,
    tags: &["owasp:LLM05:2025", "owasp:LLM06:2025"],
};
static SUSPICIOUS_HOST: CodedRule = CodedRule {
    id: "suspicious-host",
    category: "suspicious_url",
    entity: "SUSPICIOUS_URL",
    severity: Severity::High,
    score: 0.8,
    tags: &["owasp:LLM05:2025", "owasp:LLM09:2025"],
};
static LINK_TEXT: CodedRule = CodedRule {
    id: "link-text-names-another-host",
    category: "suspicious_url",
    entity: "SUSPICIOUS_URL",
    severity: Severity::High,
    score: 0.75,
    tags: &["owasp:LLM05:2025", "owasp:LLM09:2025", RENDERED],
};
static SUSPICIOUS_FILE: CodedRule = CodedRule {
    id: "double-extension-download",
    category: "suspicious_url",
    entity: "SUSPICIOUS_URL",
    severity: Severity::High,
    score: 0.85,
    tags: &["owasp:LLM05:2025"],
};
static CODE: CodedRule = CodedRule {
    id: "code-presence",
    category: "code",
    entity: "CODE",
    severity: Severity::Info,
    score: 0.9,
    tags: &[],
};

static REFUSAL: CodedRule = CodedRule {
    id: "refusal",
    category: "refusal",
    entity: "REFUSAL",
    severity: Severity::Info,
    score: 0.9,
    tags: &[],
};

/// The tag of rules whose matches do harm only when rendered.
const RENDERED: &str = "harm:rendered";

/// What a match within code keeps of its score.
const IN_CODE: f64 = 0.4;

const MOST_PROMPTS: usize = 16;
