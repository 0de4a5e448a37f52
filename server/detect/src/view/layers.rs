//! All views of one text, each made of another.

use std::borrow::Cow;
use std::sync::Arc;

use super::clean::{clean, latinise};
use super::decode::decode;
use super::deobfuscate::{Vocabulary, deobfuscate};
use super::disguise::{Cipher, Tally};
use super::fold::fold;
use super::map::{Map, Writer};
use super::structure::{self, Reading, Tree};
use crate::ByteSpan;
use crate::cancel::{Cancel, Cancelled};

/// One view.
#[derive(Debug)]
pub(crate) struct Layer<'t> {
    pub(crate) text: Cow<'t, str>,
    /// Whether it is folded, for rules that read folded text; byte patterns read the others.
    pub(crate) folded: bool,
    /// What the step that made it is called; empty for a step that a reader need not know of.
    name: &'static str,
    origin: Option<(usize, Origin)>,
    depth: usize,
    /// The places of the documents that it holds.
    tree: Option<Tree>,
    /// Whether it says only what the layer that it is made of says in the clear.
    plain: bool,
}

/// How spans map to the layer that this one is made of.
#[derive(Debug)]
enum Origin {
    Mapped(Map),
    /// Byte for byte.
    Same,
    /// From the end, in a text of that many bytes.
    Mirrored(usize),
}

/// The views of a text; the first is the text itself.
#[derive(Debug)]
pub(crate) struct Layers<'t> {
    layers: Vec<Layer<'t>>,
    /// Whether a view was left out, for the budget or for the number of views.
    pub(crate) truncated: bool,
    /// Bytes that were read to make the views.
    pub(crate) read: u64,
}

/// Which families of views are wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) raw: bool,
    pub(crate) folded: bool,
    /// Whether encodings, disguises and documents are looked into.
    pub(crate) decoded: bool,
}

impl Layer<'_> {
    /// Whether names are looked for here: in the text itself and in its clean form.
    pub(crate) fn is_prose(&self) -> bool {
        self.depth == 0 && !self.folded && !self.plain
    }

    /// Makes a layer of this one, which is the layer `at`.
    fn made<'t>(&self, at: usize, name: &'static str, text: String, origin: Origin) -> Layer<'t> {
        Layer {
            text: text.into(),
            folded: self.folded,
            name,
            origin: Some((at, origin)),
            depth: self.depth,
            tree: None,
            plain: false,
        }
    }
}

impl Origin {
    fn source(&self, span: ByteSpan) -> ByteSpan {
        match self {
            Self::Mapped(map) => map.source(span),
            Self::Same => span,
            Self::Mirrored(length) => {
                ByteSpan { start: length.saturating_sub(span.end), end: length.saturating_sub(span.start) }
            }
        }
    }
}

impl<'t> Layers<'t> {
    /// Makes the views of a text.
    pub(crate) fn new(
        text: &'t str,
        wanted: Wanted,
        vocabulary: &Vocabulary,
        cancel: &Cancel,
    ) -> Result<Self, Cancelled> {
        let original = Layer {
            text: Cow::Borrowed(text),
            folded: false,
            name: "",
            origin: None,
            depth: 0,
            tree: None,
            plain: false,
        };
        let mut views = Self { layers: vec![original], truncated: false, read: 0 };
        let mut budget = text.len().saturating_mul(4).saturating_add(DECODE_BYTES);
        let mut at = 0;
        while at < views.layers.len() {
            cancel.check()?;
            views.derive(at, wanted, vocabulary, &mut budget);
            at += 1;
        }
        Ok(views)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &Layer<'t>)> {
        self.layers.iter().enumerate()
    }

    /// Maps a span of a layer to the text as it was given. Where the span is most of an encoded run, the run is taken
    /// whole.
    pub(crate) fn source(&self, layer: usize, span: ByteSpan) -> ByteSpan {
        self.carrier(layer, span, false)
    }

    /// Maps a span to the text as it was given, encoded runs taken whole: for values of which no part may be left.
    pub(crate) fn whole_source(&self, layer: usize, span: ByteSpan) -> ByteSpan {
        self.carrier(layer, span, true)
    }

    fn carrier(&self, mut layer: usize, mut span: ByteSpan, whole: bool) -> ByteSpan {
        while let Some((parent, origin)) = self.layers.get(layer).and_then(|layer| layer.origin.as_ref()) {
            span = match origin {
                Origin::Mapped(map) => map.carrier(span, whole),
                _ => origin.source(span),
            };
            layer = *parent;
        }
        span
    }

    /// Names the steps to a layer, outermost first.
    pub(crate) fn path(&self, mut layer: usize) -> Vec<&'static str> {
        let mut path = Vec::new();
        while let Some(step) = self.layers.get(layer) {
            if !step.name.is_empty() {
                path.push(step.name);
            }
            match step.origin {
                Some((parent, _)) => layer = parent,
                None => break,
            }
        }
        path.reverse();
        path
    }

    /// Returns the place of a span of a layer in the documents that it is found in, outermost first.
    pub(crate) fn pointer(&self, mut layer: usize, mut span: ByteSpan) -> Option<Arc<str>> {
        if self.layers.iter().all(|layer| layer.tree.is_none()) {
            return None;
        }
        let mut steps: Vec<String> = Vec::new();
        let mut rewritten = false;
        while let Some(step) = self.layers.get(layer) {
            let pointer = step.tree.as_ref().and_then(|tree| tree.pointer(span));
            // The same document, written otherwise, names the place once more.
            steps.extend(pointer.filter(|pointer| !rewritten || steps.last() != Some(pointer)));
            rewritten = REWRITES.contains(&step.name);
            let Some((parent, origin)) = &step.origin else { break };
            span = origin.source(span);
            layer = *parent;
        }
        steps.reverse();
        (!steps.is_empty()).then(|| steps.concat().into())
    }

    fn derive(&mut self, at: usize, wanted: Wanted, vocabulary: &Vocabulary, budget: &mut usize) {
        let Some(layer) = self.layers.get(at) else { return };
        let (depth, bytes) = (layer.depth, layer.text.len() as u64);
        let mut made: Vec<Layer<'t>> = Vec::new();
        let (mut steps, mut left_out) = (0, false);
        let mut tree = None;
        if layer.folded && !wanted.decoded {
            return;
        }
        if layer.folded {
            steps += 2;
            let (views, tally) = folded_views(layer, vocabulary);
            let mut fits = |text: &str| takes(budget, text, &mut left_out);
            for (name, text, origin) in views {
                if fits(&text) {
                    made.push(layer.made(at, name, text, origin));
                }
            }
            let raw = layer.origin.as_ref().map(|(parent, _)| *parent).filter(|_| layer.name.is_empty());
            let raw = raw.and_then(|parent| Some((parent, self.layers.get(parent)?)));
            if let Some((parent, raw)) = raw.filter(|_| wanted.raw) {
                made.extend(undisguised(raw, parent, &tally, fits));
            }
        } else if !layer.plain {
            if layer.name != "clean" {
                steps += 2;
                if let Some((text, map)) = clean(&layer.text).filter(|_| wanted.raw) {
                    made.push(layer.made(at, "clean", text, Origin::Mapped(map)));
                }
                if wanted.folded {
                    let (text, map) = fold(&layer.text);
                    made.push(Layer { folded: true, ..layer.made(at, "", text, Origin::Mapped(map)) });
                }
            }
            if wanted.decoded && !wanted.folded && layer.name != "clean" {
                let mut tally = Tally::default();
                tally.words(&layer.text);
                made.extend(undisguised(layer, at, &tally, |text| takes(budget, text, &mut left_out)));
            }
            let mut unescaped = false;
            if wanted.decoded
                && !matches!(layer.name, "clean" | "json" | "xml")
                && let Some(read) = structure::read(&layer.text)
            {
                tree = Some(read.tree);
                if let Some(reading) = read.reading.filter(|reading| reading.text.len() <= *budget) {
                    *budget -= reading.text.len();
                    unescaped = reading.whole && reading.unescaped && reading.name == "json";
                    let Reading { name, text, map, unescaped, .. } = reading;
                    made.push(Layer { plain: !unescaped, ..layer.made(at, name, text, Origin::Mapped(map)) });
                }
            }
            if wanted.decoded && depth < MAX_DEPTH && layer.name != "xml" {
                let done = if layer.name == "json" { "joined-lines" } else { "unicode-escape" };
                steps += 2;
                left_out |= decode(&layer.text, budget, |name, text, map| {
                    // The reading of a document has its escapes undone, and its lines are its own.
                    if name != done || layer.name != "json" && !unescaped {
                        made.push(Layer {
                            depth: depth + 1,
                            ..layer.made(at, name, text, Origin::Mapped(map))
                        });
                    }
                });
            }
        }
        self.read += steps * bytes;
        self.truncated |= left_out;
        if let Some(layer) = self.layers.get_mut(at) {
            layer.tree = tree;
        }
        // What a clean view decodes to, the view beside it mostly decodes to as well.
        for layer in made {
            if self.layers.len() >= MAX_LAYERS {
                self.truncated = true;
            } else if !self.holds(&layer) {
                self.layers.push(layer);
            }
        }
    }

    fn holds(&self, new: &Layer<'_>) -> bool {
        self.layers.iter().any(|layer| layer.folded == new.folded && layer.text == new.text)
    }
}

/// Takes a text from the budget, or says that it was left out.
fn takes(budget: &mut usize, text: &str, left_out: &mut bool) -> bool {
    let fits = text.len() <= *budget;
    *budget -= if fits { text.len() } else { 0 };
    *left_out |= !fits;
    fits
}

/// A step, what it makes of a text, and where that comes from.
type View = (&'static str, String, Origin);

/// Answers the views of folded text, and what its words say of a cipher.
fn folded_views(layer: &Layer<'_>, vocabulary: &Vocabulary) -> (Vec<View>, Tally) {
    let mut views = Vec::new();
    let mut tally = Tally::default();
    // Steps on folded text are taken once each, in this order.
    let step = match layer.name {
        "confusables" => 1,
        "rot13" | "caesar" | "atbash" | "reversed" => 2,
        "deobfuscated" => 3,
        _ => 0,
    };
    if step < 1 {
        views.extend(latinise(&layer.text).map(|(text, map)| ("confusables", text, Origin::Mapped(map))));
    }
    if step < 3 {
        let mended;
        (mended, tally) = deobfuscate(&layer.text, vocabulary);
        for cipher in tally.ciphers().filter(|_| step < 2) {
            views.extend(deciphered(&layer.text, cipher, true));
        }
        views.extend(mended.map(|(text, map)| ("deobfuscated", text, Origin::Mapped(map))));
    }
    (views, tally)
}

/// Reads text that is not folded under the ciphers that its words speak for: secrets are told in no other.
fn undisguised<'t>(
    layer: &Layer<'_>,
    at: usize,
    tally: &Tally,
    mut fits: impl FnMut(&str) -> bool,
) -> Vec<Layer<'t>> {
    if layer.folded || layer.depth >= MAX_DEPTH {
        return Vec::new();
    }
    let views = tally.secret_ciphers().flat_map(|cipher| deciphered(&layer.text, cipher, false));
    views
        .filter(|(_, text, _)| fits(text))
        .map(|(name, text, origin)| Layer { depth: layer.depth + 1, ..layer.made(at, name, text, origin) })
        .collect()
}

/// Undoes a cipher; what is written from the end may be the text or its words.
fn deciphered(text: &str, cipher: Cipher, folded: bool) -> Vec<View> {
    if cipher == Cipher::Reversed {
        let whole = text.chars().rev().collect();
        let (words, map) = words_reversed(text, folded);
        vec![
            (cipher.name(), whole, Origin::Mirrored(text.len())),
            (cipher.name(), words, Origin::Mapped(map)),
        ]
    } else {
        let plain = text.chars().map(|letter| cipher.plain(letter)).collect();
        vec![(cipher.name(), plain, Origin::Same)]
    }
}

/// Turns every word round where it stands: in folded text words of letters, else all that white space parts but for
/// what closes a sentence.
fn words_reversed(text: &str, folded: bool) -> (String, Map) {
    let parts = |c: char| if folded { !c.is_alphabetic() } else { c.is_whitespace() };
    let closes = |c: char| parts(c) || matches!(c, '.' | ',' | ';' | '!' | '?' | ')');
    let mut writer = Writer::with_capacity(text.len());
    let mut at = 0;
    for piece in text.split_inclusive(parts) {
        let word = piece.trim_end_matches(closes);
        let turned: String = word.chars().rev().collect();
        writer.replace(&turned, at, at + word.len());
        writer.copy(piece.get(word.len()..).unwrap_or_default(), at + word.len());
        at += piece.len();
    }
    writer.finish()
}

/// Steps that leave the text what it is, but for single signs.
const REWRITES: [&str; 9] = [
    "clean",
    "percent",
    "form",
    "html-entity",
    "unicode-escape",
    "quoted-printable",
    "joined-lines",
    "spaced",
    "unmarked",
];

/// Encodings within encodings, at most.
const MAX_DEPTH: usize = 3;

/// What decoding may always yield, however short the text.
const DECODE_BYTES: usize = 64 << 10;

/// Views of a text, at most: every one of them is scanned.
const MAX_LAYERS: usize = 48;
