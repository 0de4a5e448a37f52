//! Attention: what each token takes from the others.

use std::cell::RefCell;

use candle_core::{CpuStorage, CustomOp1, Error, Layout, Result, Shape};
use rten_gemm::{GemmExecutor, GemmInputA, GemmInputB, GemmOptions};
use rten_tensor::NdTensorView;

use crate::{
    bytes::Rounding,
    math,
    ops::rows,
    product::{Product, at_least},
};

/// Makes of tokens, `[tokens, hidden]`, what the heads see of them, `[tokens, hidden]`.
///
/// One head after the other, so that its scores stay in the cache.
pub(crate) struct Attention<'m> {
    /// Query, key and value in one.
    pub(crate) attend: &'m Product,
    pub(crate) heads: usize,
    pub(crate) rounding: Rounding,
}

/// What it takes besides its ends, kept for the next one on the same thread.
#[derive(Default)]
struct Scratch {
    /// Queries, keys and values side by side, `[tokens, 3 × hidden]`.
    attend: Vec<f32>,
    head: Head,
}

/// The same for one head.
#[derive(Default)]
struct Head {
    executor: GemmExecutor,
    /// `[tokens, tokens]`.
    scores: Vec<f32>,
    /// What each row of scores is to be multiplied by.
    shares: Vec<f32>,
    /// `[tokens, width]`.
    seen: Vec<f32>,
}

/// Queries, keys or values of a head, `[tokens, width]`.
type Part<'s> = NdTensorView<'s, f32, 2>;

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl CustomOp1 for Attention<'_> {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let input = rows(storage, layout)?;
        let mut output = vec![0.0; input.len()];
        SCRATCH
            .with_borrow_mut(|scratch| self.see(scratch, layout.shape().dims2()?, input, &mut output))
            .map(|()| (CpuStorage::F32(output), layout.shape().clone()))
    }
}

impl Attention<'_> {
    fn see(
        &self,
        scratch: &mut Scratch,
        (tokens, hidden): (usize, usize),
        input: &[f32],
        output: &mut [f32],
    ) -> Result<()> {
        let Scratch { attend, head } = scratch;
        let attend = at_least(attend, 3 * input.len(), 0.0);
        self.attend.write(input, self.rounding, attend)?;
        let width = hidden / self.heads;
        let part = |index: usize| {
            let own = attend.get(index..).unwrap_or_default();
            NdTensorView::from_slice_with_strides([tokens, width], own, [3 * hidden, 1])
                .map_err(|error| Error::Msg(error.to_string()))
        };
        for start in (0..hidden).step_by(width) {
            head.see(part(start)?, part(hidden + start)?, part(2 * hidden + start)?, tokens, width)?;
            let seen = head.seen.chunks_exact(width).zip(&head.shares);
            for (output, (seen, share)) in output.chunks_exact_mut(hidden).zip(seen) {
                for (output, seen) in output.iter_mut().skip(start).zip(seen) {
                    *output = seen * share;
                }
            }
        }
        Ok(())
    }
}

impl Head {
    /// Writes what it sees, and what that is to be multiplied by.
    fn see(
        &mut self,
        query: Part<'_>,
        key: Part<'_>,
        value: Part<'_>,
        tokens: usize,
        width: usize,
    ) -> Result<()> {
        let Self { executor, scores, shares, seen } = self;
        let scores = at_least(scores, tokens * tokens, 0.0);
        shares.resize(tokens, 0.0);
        seen.resize(tokens * width, 0.0);
        #[expect(clippy::cast_precision_loss, reason = "a head is some dozens wide")]
        let scale = (width as f32).sqrt().recip();
        let product = |output: &mut [f32], a: Part<'_>, b: Part<'_>| {
            executor
                .gemm(output, GemmInputA::Unpacked(a), GemmInputB::Unpacked(b), GemmOptions::default())
                .map_err(|error| Error::Msg(error.to_string()))
        };
        product(scores, query, key.transposed())?;
        math::softmax(scores, scale, shares);
        product(seen, NdTensorView::from_data([tokens, tokens], &*scores), value)
    }
}
