//! Operations on candle's tensors that it has not, or has in pieces: each runs over its rows in place.

use candle_core::{CpuStorage, Error, InplaceOp1, InplaceOp2, Layout, Result};

use crate::math::{self, Norm};

/// Applies GELU.
pub(crate) struct Gelu;

/// Makes each row, scaled, a distribution.
pub(crate) struct Softmax {
    pub(crate) width: usize,
    pub(crate) scale: f32,
}

/// Adds another tensor, and normalises each row.
pub(crate) struct ResidualNorm<'m>(pub(crate) &'m Norm);

impl InplaceOp1 for Gelu {
    fn name(&self) -> &'static str {
        "gelu"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        math::gelu_all(rows_mut(storage, layout, 1)?);
        Ok(())
    }
}

impl InplaceOp1 for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        math::softmax(rows_mut(storage, layout, self.width)?, self.width, self.scale);
        Ok(())
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
        let rows = rows_mut(storage, layout, norm.weight.len())?;
        let others = match (other, other_layout.contiguous_offsets()) {
            (CpuStorage::F32(values), Some((start, end))) => values.get(start..end),
            _ => None,
        };
        let others = others.filter(|others| others.len() == rows.len()).ok_or_else(unfit)?;
        math::residual_norm(rows, others, norm);
        Ok(())
    }
}

fn rows_mut<'s>(storage: &'s mut CpuStorage, layout: &Layout, width: usize) -> Result<&'s mut [f32]> {
    let rows = match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(values), Some((start, end))) => values.get_mut(start..end),
        _ => None,
    };
    rows.filter(|rows| width > 0 && rows.len().is_multiple_of(width)).ok_or_else(unfit)
}

fn unfit() -> Error {
    Error::Msg("an operation needs contiguous rows in single precision".to_owned())
}
