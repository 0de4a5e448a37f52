//! Products with weights that are laid out for them once, when they are read: laying them out anew for every product
//! takes as long as the product itself does for a short text. Weights of eight bits stay so in memory (a model of 22
//! million of them comes from memory four times faster) and are widened a block at a time, to the very numbers that
//! they stand for.

use candle_core::{CpuStorage, CustomOp1, Error, Layout, Result, Shape};
use pulp::{Arch, Simd, WithSimd};

use crate::weights::{Matrix, Rows};

/// Rows of weights that are worked on at a time: with a panel's width, what stays in the second cache.
const DEPTH: usize = 384;
/// Vectors side by side in a panel.
const VECTORS: usize = 2;

/// The right side of a product, `[in, out]`.
///
/// It is cut into panels of some columns; a panel holds, one after the other, its part of each row.
pub(crate) struct Packed {
    from: usize,
    to: usize,
    /// Columns of a panel, the last of which is filled up with zeros.
    width: usize,
    panels: Panels,
}

enum Panels {
    Single(Vec<f32>),
    /// Eight bits a weight, and one scale a column.
    Byte(Vec<i8>, Vec<f32>),
}

impl Packed {
    /// Lays weights out for the processor at hand.
    pub(crate) fn new(matrix: &Matrix) -> Self {
        let (from, to) = (matrix.columns, matrix.count());
        let width = Arch::new().dispatch(Width);
        let panels = match &matrix.rows {
            Rows::Byte(values, scales) => {
                let mut scales = scales.clone();
                scales.resize(to.next_multiple_of(width), 0.0);
                Panels::Byte(laid_out(values, from, width), scales)
            }
            Rows::Single(_) | Rows::Half(_) => Panels::Single(laid_out(&matrix.wide(), from, width)),
        };
        Self { from, to, width, panels }
    }

    /// Returns the product of `[rows, in]` with these weights, `[rows, out]`; `None` for another width.
    fn product(&self, input: &[f32]) -> Option<Vec<f32>> {
        if self.from == 0 || !input.len().is_multiple_of(self.from) {
            return None;
        }
        let rows = input.len() / self.from;
        let mut output = vec![0.0; rows * self.to];
        Arch::new().dispatch(Product { weights: self, input, rows, output: &mut output });
        Some(output)
    }

    /// Writes `depth` rows of a panel, from `start` on, to `block` as floats.
    #[inline(always)]
    fn widen(&self, panel: usize, start: usize, block: &mut [f32]) {
        let begin = (panel * self.from + start) * self.width;
        let part = begin..begin + block.len();
        match &self.panels {
            Panels::Single(values) => {
                block.copy_from_slice(values.get(part).unwrap_or_default());
            }
            Panels::Byte(values, scales) => {
                let scales = scales.get(panel * self.width..).unwrap_or_default();
                let values = values.get(part).unwrap_or_default();
                for (row, values) in block.chunks_exact_mut(self.width).zip(values.chunks_exact(self.width)) {
                    for ((to, value), scale) in row.iter_mut().zip(values).zip(scales) {
                        *to = f32::from(*value) * scale;
                    }
                }
            }
        }
    }
}

impl CustomOp1 for Packed {
    fn name(&self) -> &'static str {
        "packed-product"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let input = match (storage, layout.contiguous_offsets()) {
            (CpuStorage::F32(values), Some((start, end))) => values.get(start..end),
            _ => None,
        };
        let output = input.and_then(|input| self.product(input)).ok_or_else(|| {
            Error::Msg(
                "a product needs contiguous rows in single precision, as wide as its weights".to_owned(),
            )
        })?;
        let rows = output.len().checked_div(self.to).unwrap_or_default();
        Ok((CpuStorage::F32(output), (rows, self.to).into()))
    }
}

/// Turns `[out, in]` into panels.
fn laid_out<T: Copy + Default>(values: &[T], from: usize, width: usize) -> Vec<T> {
    let to = values.len() / from;
    let mut panels = vec![T::default(); to.next_multiple_of(width) * from];
    for (panel, columns) in panels.chunks_exact_mut(from * width).zip(values.chunks(from * width)) {
        for (offset, column) in columns.chunks_exact(from).enumerate() {
            for (slot, value) in panel.iter_mut().skip(offset).step_by(width).zip(column) {
                *slot = *value;
            }
        }
    }
    panels
}

/// Asks how wide a panel is for the processor at hand.
struct Width;

impl WithSimd for Width {
    type Output = usize;

    fn with_simd<S: Simd>(self, _: S) -> usize {
        VECTORS * S::F32_LANES
    }
}

struct Product<'p> {
    weights: &'p Packed,
    input: &'p [f32],
    rows: usize,
    output: &'p mut [f32],
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Packed { from, to, width, .. } = *self.weights;
        let groups = groups(self.rows, S::REGISTER_COUNT);
        let mut block = vec![0.0; DEPTH.min(from) * width];
        let mut left = Vec::new();
        let mut sums = vec![0.0; width * LARGEST];
        for start in (0..from).step_by(DEPTH) {
            let depth = DEPTH.min(from - start);
            pack_left(self.input, from, start..start + depth, &groups, &mut left);
            let block = block.get_mut(..depth * width).unwrap_or_default();
            for (panel, column) in (0..to).step_by(width).enumerate() {
                self.weights.widen(panel, start, block);
                let right = S::as_simd_f32s(block).0.as_chunks::<VECTORS>().0;
                let (mut left, mut output) = (left.as_slice(), &mut *self.output);
                for group in &groups {
                    let (own, others) = left.split_at(depth * group.size);
                    left = others;
                    match group.size {
                        12 => tile::<S, 12>(simd, own, right, &mut sums),
                        8 => tile::<S, 8>(simd, own, right, &mut sums),
                        6 => tile::<S, 6>(simd, own, right, &mut sums),
                        4 => tile::<S, 4>(simd, own, right, &mut sums),
                        _ => tile::<S, 2>(simd, own, right, &mut sums),
                    }
                    let (own, others) = output.split_at_mut(group.rows * to);
                    output = others;
                    for (row, sums) in own.chunks_exact_mut(to).zip(sums.chunks_exact(width)) {
                        for (value, sum) in row.iter_mut().skip(column).zip(sums) {
                            *value += sum;
                        }
                    }
                }
            }
        }
    }
}

/// Rows of the left side that are worked on together.
struct Group {
    rows: usize,
    /// Rows that the work is done for: some more than there are, of zeros.
    size: usize,
}

/// The most rows of a group.
const LARGEST: usize = 12;

/// Splits rows into groups whose sums fit the registers.
fn groups(rows: usize, registers: usize) -> Vec<Group> {
    let sizes: &[usize] = if registers >= 32 { &[2, 4, 8, 12] } else { &[2, 4, 6] };
    let most = sizes.last().copied().unwrap_or(2);
    let full = (0..rows / most).map(|_| Group { rows: most, size: most });
    let rest = rows % most;
    let size = sizes.iter().copied().find(|size| *size >= rest);
    let rest = size.filter(|_| rest > 0).map(|size| Group { rows: rest, size });
    full.chain(rest).collect()
}

/// Writes some columns of `[rows, from]` group by group, each turned on its side.
#[inline(always)]
fn pack_left(
    input: &[f32],
    from: usize,
    columns: std::ops::Range<usize>,
    groups: &[Group],
    packed: &mut Vec<f32>,
) {
    let depth = columns.len();
    packed.clear();
    packed.resize(groups.iter().map(|group| group.size * depth).sum(), 0.0);
    let (mut packed, mut input) = (packed.as_mut_slice(), input);
    for group in groups {
        let (to, packed_rest) = packed.split_at_mut(group.size * depth);
        let (rows, input_rest) = input.split_at(group.rows * from);
        (packed, input) = (packed_rest, input_rest);
        for (offset, row) in rows.chunks_exact(from).enumerate() {
            let row = row.get(columns.clone()).unwrap_or_default();
            for (slot, value) in to.iter_mut().skip(offset).step_by(group.size).zip(row) {
                *slot = *value;
            }
        }
    }
}

/// Multiplies `ROWS` rows, turned on their side, with a block of a panel.
#[inline(always)]
fn tile<S: Simd, const ROWS: usize>(simd: S, left: &[f32], right: &[[S::f32s; VECTORS]], output: &mut [f32]) {
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
    for (left, right) in left.as_chunks::<ROWS>().0.iter().zip(right) {
        for (sums, value) in sums.iter_mut().zip(left) {
            let value = simd.splat_f32s(*value);
            for (sum, right) in sums.iter_mut().zip(right) {
                *sum = simd.mul_add_e_f32s(value, *right, *sum);
            }
        }
    }
    let output = S::as_mut_simd_f32s(output).0.as_chunks_mut::<VECTORS>().0;
    for (output, sums) in output.iter_mut().zip(sums) {
        *output = sums;
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::*;

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

    fn close(ours: &[f32], theirs: &[f32]) {
        assert_eq!(ours.len(), theirs.len());
        for (ours, theirs) in ours.iter().zip(theirs) {
            assert!((ours - theirs).abs() <= 1e-4 * theirs.abs().max(1.0), "{ours} is not {theirs}");
        }
    }

    #[test]
    fn products_are_those_of_candle() {
        for (rows, from, to) in
            [(1, 3, 1), (2, 5, 33), (7, 384, 70), (12, 385, 64), (25, 1000, 31), (40, 16, 48)]
        {
            let (input, weights) = (numbers(rows * from, 1), numbers(from * to, 2));
            let packed = Packed::new(&Matrix { rows: Rows::Single(weights.clone()), columns: from });
            let tensor = |values: Vec<f32>, shape| Tensor::from_vec(values, shape, &Device::Cpu).unwrap();
            let (input, weights) = (tensor(input, (rows, from)), tensor(weights, (to, from)));
            let theirs = input.matmul(&weights.t().unwrap()).unwrap();
            let ours = input.apply_op1_no_bwd(&packed).unwrap();
            assert_eq!(ours.dims(), [rows, to]);
            let flat = |tensor: Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            close(&flat(ours), &flat(theirs));
        }
    }

    #[test]
    fn weights_of_eight_bits_are_what_they_stand_for() {
        let (rows, from, to) = (9, 400, 50);
        let bytes: Vec<i8> =
            (0..from * to).map(|index| i8::try_from(index * 37 % 255).unwrap_or(-7)).collect();
        let scales: Vec<f32> = numbers(to, 3);
        let wide: Vec<f32> = bytes
            .chunks(from)
            .zip(&scales)
            .flat_map(|(row, scale)| row.iter().map(move |b| f32::from(*b) * scale))
            .collect();
        let input = numbers(rows * from, 4);
        let narrow = Packed::new(&Matrix { rows: Rows::Byte(bytes, scales), columns: from });
        let wide = Packed::new(&Matrix { rows: Rows::Single(wide), columns: from });
        assert_eq!(narrow.product(&input), wide.product(&input));
    }

    #[test]
    fn rows_of_another_width_are_refused() {
        let packed = Packed::new(&Matrix { rows: Rows::Single(vec![1.0; 12]), columns: 4 });
        assert!(packed.product(&[1.0; 6]).is_none());
        assert_eq!(packed.product(&[]), Some(Vec::new()));
        assert_eq!(packed.product(&[1.0; 4]), Some(vec![4.0; 3]));
    }

    #[test]
    fn each_number_of_rows_finds_its_groups() {
        for registers in [16, 32] {
            for rows in 0..40 {
                let groups = groups(rows, registers);
                assert_eq!(groups.iter().map(|group| group.rows).sum::<usize>(), rows);
                assert!(groups.iter().all(|group| group.size >= group.rows && group.size <= LARGEST));
            }
        }
    }
}
