//! The products of the encoder's layers.

use candle_core::{CpuStorage, CustomOp1, Error, Layout, Result, Shape, Tensor};

use crate::{
    bytes::{Bytes, Rounding},
    math,
    ops::rows,
    single::Single,
    weights::{Matrix, Rows},
};

/// The right side of a product, `[in, out]`, laid out for the processor at hand, and what is added to each row.
pub(crate) struct Product {
    from: usize,
    bias: Vec<f32>,
    weights: Weights,
}

/// A product on its way, rounded so.
struct Rounded<'p>(&'p Product, Rounding);

enum Weights {
    Bytes(Bytes),
    Single(Single),
}

impl Product {
    /// Lays weights out: those of eight bits stay so where the processor can multiply them.
    pub(crate) fn new(matrix: &Matrix, bias: Vec<f32>) -> Self {
        let from = matrix.columns;
        let bytes = match &matrix.rows {
            Rows::Byte(values, scales) => Bytes::new(values, scales, from),
            Rows::Single(_) | Rows::Half(_) => None,
        };
        let weights =
            bytes.map_or_else(|| Weights::Single(Single::new(&matrix.wide(), from)), Weights::Bytes);
        Self { from, bias, weights }
    }

    /// Says whether the rows are rounded.
    pub(crate) const fn rounds(&self) -> bool {
        matches!(self.weights, Weights::Bytes(_))
    }

    /// Returns the product of `[rows, in]` with these weights, and the bias besides, `[rows, out]`.
    pub(crate) fn apply(&self, input: &Tensor, rounding: Rounding) -> Result<Tensor> {
        input.apply_op1_no_bwd(&Rounded(self, rounding))
    }

    /// The columns that come of it.
    pub(crate) const fn to(&self) -> usize {
        self.bias.len()
    }

    /// Writes the product of `[rows, in]` with these weights, and the bias besides, to `output`, `[rows, out]`.
    pub(crate) fn write(&self, input: &[f32], rounding: Rounding, output: &mut [f32]) -> Result<()> {
        let rows = input.len().checked_div(self.from).unwrap_or_default();
        if rows * self.from != input.len() || rows * self.to() != output.len() {
            return Err(Error::Msg(format!("a product needs rows of {} values", self.from)));
        }
        match &self.weights {
            Weights::Bytes(weights) => {
                weights.product(input, &self.bias, rounding, output).map_err(Error::Msg)
            }
            Weights::Single(weights) => {
                output.fill(0.0);
                weights.product(input, output);
                math::add_bias(output, &self.bias);
                Ok(())
            }
        }
    }
}

/// Returns the first `length` elements, after making room for them.
pub(crate) fn at_least<T: Copy>(values: &mut Vec<T>, length: usize, filler: T) -> &mut [T] {
    if values.len() < length {
        values.resize(length, filler);
    }
    values.split_at_mut(length).0
}

impl CustomOp1 for Rounded<'_> {
    fn name(&self) -> &'static str {
        "product"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let input = rows(storage, layout)?;
        let Self(product, rounding) = self;
        let count = input.len().checked_div(product.from).unwrap_or_default();
        let mut output = vec![0.0; count * product.to()];
        product.write(input, *rounding, &mut output)?;
        Ok((CpuStorage::F32(output), (count, product.to()).into()))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    fn of(product: &Product, input: &[f32], rounding: Rounding) -> Result<Vec<f32>> {
        let mut output = vec![0.0; input.len() / product.from * product.to()];
        product.write(input, rounding, &mut output).map(|()| output)
    }

    /// Numbers in [-1, 1) that look random.
    fn numbers(count: usize, seed: u32) -> Vec<f32> {
        let step = |state: &mut u32| {
            *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            Some(f32::from(i16::from_le_bytes([state.to_le_bytes()[2], state.to_le_bytes()[3]])) / 32_768.0)
        };
        std::iter::repeat_with({
            let mut state = seed;
            move || step(&mut state).unwrap()
        })
        .take(count)
        .collect()
    }

    #[test]
    fn products_are_those_of_candle() {
        for (rows, from, to) in
            [(1, 3, 1), (2, 5, 33), (7, 384, 70), (12, 385, 64), (25, 1000, 31), (40, 16, 48)]
        {
            let (input, weights) = (numbers(rows * from, 1), numbers(from * to, 2));
            let product =
                Product::new(&Matrix { rows: Rows::Single(weights.clone()), columns: from }, vec![0.0; to]);
            let tensor = |values: Vec<f32>, shape| Tensor::from_vec(values, shape, &Device::Cpu).unwrap();
            let (input, weights) = (tensor(input, (rows, from)), tensor(weights, (to, from)));
            let theirs = input.matmul(&weights.t().unwrap()).unwrap();
            let ours = product.apply(&input, Rounding::Fast).unwrap();
            assert_eq!(ours.dims(), [rows, to]);
            let flat = |tensor: Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            for (ours, theirs) in flat(ours).iter().zip(flat(theirs)) {
                assert!((ours - theirs).abs() <= 1e-4 * theirs.abs().max(1.0), "{ours} is not {theirs}");
            }
        }
    }

    #[test]
    fn weights_of_eight_bits_are_what_they_stand_for() {
        // Rows and columns that fill the library's blocks and such that do not.
        for (rows, from, to) in [(1, 1, 1), (9, 400, 50), (3, 1536, 7), (64, 384, 33), (17, 385, 96)] {
            // The extremes among them, which saturate where a digit is too large.
            let bytes: Vec<i8> = (0..from * to)
                .map(|index| match index % 5 {
                    0 => 127,
                    1 => -127,
                    _ => i8::try_from(index * 37 % 255).unwrap_or(-7),
                })
                .collect();
            let scales: Vec<f32> = numbers(to, 3);
            let wide: Vec<f32> = bytes
                .chunks(from)
                .zip(&scales)
                .flat_map(|(row, scale)| row.iter().map(move |b| f32::from(*b) * scale))
                .collect();
            let mut input = numbers(rows * from, 4);
            // Rows of one sign add up the most.
            input.iter_mut().step_by(2).for_each(|value| *value = 1.0 - value.abs() / 64.0);
            let bias = numbers(to, 5);
            let matrix = Matrix { rows: Rows::Byte(bytes, scales.clone()), columns: from };
            let narrow = Product::new(&matrix, bias.clone());
            let wide = Product::new(&Matrix { rows: Rows::Single(wide), columns: from }, bias);
            let wide = of(&wide, &input, Rounding::Fast).unwrap();
            // Each value is off by half a unit at most, and meets a weight of up to 127 units, here.
            let most = scales.iter().fold(0.0_f32, |most, scale| most.max(scale.abs()));
            for (rounding, units) in [(Rounding::Fine, 8127.0), (Rounding::Fast, 127.0)] {
                let within = 0.5 / units * 127.0 * most * (from as f32);
                for (ours, theirs) in of(&narrow, &input, rounding).unwrap().iter().zip(&wide) {
                    let off = (ours - theirs).abs();
                    assert!(off <= within + 1e-5 * theirs.abs(), "{ours} is not {theirs}: {rounding:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_number_stays_none() {
        let matrix = Matrix { rows: Rows::Byte(vec![1; 8], vec![1.0; 2]), columns: 4 };
        let product = Product::new(&matrix, vec![0.0; 2]);
        for rounding in [Rounding::Fast, Rounding::Fine] {
            for none in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let output = of(&product, &[0.0, none, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0], rounding).unwrap();
                assert!(output[..2].iter().all(|value| !value.is_finite()), "{none}: {output:?}");
                assert!(output[2..].iter().all(|value| (value - 4.0).abs() < 1e-3));
            }
            assert_eq!(of(&product, &[0.0; 4], rounding).unwrap(), [0.0; 2]);
        }
    }

    #[test]
    fn rows_of_another_width_are_refused() {
        let matrix = Matrix { rows: Rows::Single(vec![1.0; 12]), columns: 4 };
        let product = Product::new(&matrix, vec![0.0, 0.5, 1.0]);
        assert!(of(&product, &[1.0; 6], Rounding::Fast).is_err());
        assert!(of(&product, &[], Rounding::Fast).unwrap().is_empty());
        assert_eq!(of(&product, &[1.0; 4], Rounding::Fast).unwrap(), [4.0, 4.5, 5.0]);
    }
}
