//! Operations on tensors that candle has not, or has in pieces.

use std::cell::RefCell;

use candle_core::{CpuStorage, CustomOp1, Error, InplaceOp2, Layout, Result, Shape};

use crate::{
    bytes::Rounding,
    math::{self, Norm},
    product::{Product, at_least},
};

/// Widens rows, applies GELU, and makes them narrow again.
pub(crate) struct FeedForward<'m> {
    pub(crate) widen: &'m Product,
    pub(crate) narrow: &'m Product,
    pub(crate) rounding: Rounding,
}

/// Rows that are widened at a time, so that they stay in the second cache.
const BLOCK: usize = 64;

thread_local! {
    /// The wide rows, kept for the next ones on the same thread.
    static WIDE: RefCell<Vec<f32>> = RefCell::default();
}

/// Adds another tensor, and normalises each row.
pub(crate) struct ResidualNorm<'m>(pub(crate) &'m Norm);

impl CustomOp1 for FeedForward<'_> {
    fn name(&self) -> &'static str {
        "feed-forward"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let Self { widen, narrow, rounding } = *self;
        let block = BLOCK * narrow.to();
        let input = rows(storage, layout)?;
        let mut output = vec![0.0; input.len()];
        for (input, output) in input.chunks(block).zip(output.chunks_mut(block)) {
            WIDE.with_borrow_mut(|wide| {
                let wide = at_least(wide, input.len() / narrow.to() * widen.to(), 0.0);
                widen.write(input, rounding, wide)?;
                math::gelu_all(wide);
                narrow.write(wide, rounding, output)
            })?;
        }
        Ok((CpuStorage::F32(output), layout.shape().clone()))
    }
}

impl InplaceOp2 for ResidualNorm<'_> {
    fn name(&self) -> &'static str {
        "residual-norm"
    }

    fn cpu_fwd(
        &self,
        storage: &mut CpuStorage,
        layout: &Layout,
        other: &CpuStorage,
        other_layout: &Layout,
    ) -> Result<()> {
        let Self(norm) = self;
        let (own, others) = (rows_mut(storage, layout)?, rows(other, other_layout)?);
        if own.len() != others.len() || !own.len().is_multiple_of(norm.weight.len()) {
            return Err(Error::Msg(format!(
                "rows of {} are added to rows of another width",
                norm.weight.len()
            )));
        }
        math::residual_norm(own, others, norm);
        Ok(())
    }
}

/// Returns a tensor's values.
pub(crate) fn rows<'s>(storage: &'s CpuStorage, layout: &Layout) -> Result<&'s [f32]> {
    let rows = match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(values), Some((start, end))) => values.get(start..end),
        _ => None,
    };
    rows.ok_or_else(unfit)
}

fn rows_mut<'s>(storage: &'s mut CpuStorage, layout: &Layout) -> Result<&'s mut [f32]> {
    let rows = match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(values), Some((start, end))) => values.get_mut(start..end),
        _ => None,
    };
    rows.ok_or_else(unfit)
}

fn unfit() -> Error {
    Error::Msg("an operation needs contiguous rows in single precision".to_owned())
}
