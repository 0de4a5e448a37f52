//! `model.safetensors`: tensors by name, of the shape that the sizes ask for.

use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use crate::{bundle::WEIGHTS, error::BundleError};

/// The tensors of a bundle.
pub(crate) struct Weights<'b>(SafeTensors<'b>);

/// A matrix by rows, kept as small as it was stored.
pub(crate) struct Matrix {
    pub(crate) rows: Rows,
    pub(crate) columns: usize,
}

pub(crate) enum Rows {
    Single(Vec<f32>),
    Half(Vec<half::f16>),
    /// Eight bits an entry, and one scale a row.
    Byte(Vec<i8>, Vec<f32>),
}

impl<'b> Weights<'b> {
    pub(crate) fn read(bytes: &'b [u8]) -> Result<Self, BundleError> {
        SafeTensors::deserialize(bytes).map(Self).map_err(|error| BundleError::format(WEIGHTS, error))
    }

    /// Returns a matrix.
    pub(crate) fn matrix(&self, name: &str, rows: usize, columns: usize) -> Result<Matrix, BundleError> {
        let stored = if let Ok(quantised) = self.0.tensor(&format!("{name}.q")) {
            let bytes = checked(&quantised, name, &[rows, columns], &[Dtype::I8])?;
            let values = bytes.iter().map(|byte| i8::from_le_bytes([*byte])).collect();
            Rows::Byte(values, self.vector(&format!("{name}.s"), rows)?)
        } else {
            let view = self.view(name)?;
            let bytes = checked(&view, name, &[rows, columns], &[Dtype::F16, Dtype::F32])?;
            if view.dtype() == Dtype::F16 {
                Rows::Half(finite(name, halves(bytes).collect(), half::f16::is_finite)?)
            } else {
                Rows::Single(finite(name, singles(bytes).collect(), f32::is_finite)?)
            }
        };
        Ok(Matrix { rows: stored, columns })
    }

    /// Returns the parameters of a linear layer, `[out, in]` and `[out]`.
    pub(crate) fn linear(
        &self,
        name: &str,
        from: usize,
        to: usize,
    ) -> Result<(Matrix, Vec<f32>), BundleError> {
        Ok((self.matrix(&format!("{name}.weight"), to, from)?, self.vector(&format!("{name}.bias"), to)?))
    }

    pub(crate) fn vector(&self, name: &str, length: usize) -> Result<Vec<f32>, BundleError> {
        let view = self.view(name)?;
        let values = singles(checked(&view, name, &[length], &[Dtype::F32])?).collect();
        finite(name, values, f32::is_finite)
    }

    fn view(&self, name: &str) -> Result<TensorView<'b>, BundleError> {
        self.0.tensor(name).map_err(|error| BundleError::format(WEIGHTS, format!("`{name}`: {error}")))
    }
}

impl Matrix {
    /// Returns the number of rows.
    pub(crate) fn count(&self) -> usize {
        match &self.rows {
            Rows::Single(values) => values.len() / self.columns,
            Rows::Half(values) => values.len() / self.columns,
            Rows::Byte(_, scales) => scales.len(),
        }
    }

    /// Returns the numbers in single precision, `[rows, columns]`.
    pub(crate) fn wide(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.count() * self.columns];
        for (index, row) in values.chunks_exact_mut(self.columns).enumerate() {
            self.add(index, row);
        }
        values
    }

    /// Puts the rows of others, as wide as these, below them.
    pub(crate) fn append(&mut self, others: Self) {
        match (&mut self.rows, others.rows) {
            (Rows::Byte(values, scales), Rows::Byte(others, other_scales)) => {
                values.extend(others);
                scales.extend(other_scales);
            }
            (_, rows) => {
                let mut values = self.wide();
                values.extend(Self { rows, columns: others.columns }.wide());
                self.rows = Rows::Single(values);
            }
        }
    }

    /// Adds a row to `to`; tells whether there is such a row.
    pub(crate) fn add(&self, row: usize, to: &mut [f32]) -> bool {
        fn row_of<T>(values: &[T], row: usize, columns: usize) -> Option<&[T]> {
            let start = row.checked_mul(columns)?;
            values.get(start..start.checked_add(columns)?)
        }
        match &self.rows {
            Rows::Single(values) => {
                let Some(values) = row_of(values, row, self.columns) else { return false };
                to.iter_mut().zip(values).for_each(|(to, value)| *to += value);
            }
            Rows::Half(values) => {
                let Some(values) = row_of(values, row, self.columns) else { return false };
                to.iter_mut().zip(values).for_each(|(to, value)| *to += value.to_f32());
            }
            Rows::Byte(values, scales) => {
                let Some((values, scale)) = row_of(values, row, self.columns).zip(scales.get(row)) else {
                    return false;
                };
                to.iter_mut().zip(values).for_each(|(to, value)| *to += f32::from(*value) * scale);
            }
        }
        true
    }
}

fn checked<'b>(
    view: &TensorView<'b>,
    name: &str,
    shape: &[usize],
    types: &[Dtype],
) -> Result<&'b [u8], BundleError> {
    if view.shape() != shape {
        let message = format!("`{name}` has the shape {:?}, config.json asks for {shape:?}", view.shape());
        return Err(BundleError::format(WEIGHTS, message));
    }
    if !types.contains(&view.dtype()) {
        let message = format!("`{name}` is {:?}, not one of {types:?}", view.dtype());
        return Err(BundleError::format(WEIGHTS, message));
    }
    Ok(view.data())
}

fn finite<T: Copy>(name: &str, values: Vec<T>, is_finite: fn(T) -> bool) -> Result<Vec<T>, BundleError> {
    if values.iter().all(|value| is_finite(*value)) {
        return Ok(values);
    }
    Err(BundleError::format(WEIGHTS, format!("`{name}` holds a number that is not finite")))
}

fn singles(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes))
}

fn halves(bytes: &[u8]) -> impl Iterator<Item = half::f16> {
    bytes.as_chunks::<2>().0.iter().map(|bytes| half::f16::from_le_bytes(*bytes))
}
