//! Products in single precision, with weights that are laid out for them once, when they are read: laying them out anew
//! for every product takes as long as the product itself does for a short text.

use pulp::{Arch, Simd, WithSimd};

/// Rows of weights that are worked on at a time: with a panel's width, what stays in the second cache.
const DEPTH: usize = 384;
/// Vectors side by side in a panel.
const VECTORS: usize = 2;

/// The right side of a product, `[in, out]`.
///
/// It is cut into panels of some columns; a panel holds, one after the other, its part of each row.
pub(crate) struct Single {
    from: usize,
    to: usize,
    /// Columns of a panel, the last of which is filled up with zeros.
    width: usize,
    panels: Vec<f32>,
}

impl Single {
    /// Lays weights, `[out, in]`, out for the processor at hand.
    pub(crate) fn new(weights: &[f32], from: usize) -> Self {
        let width = Arch::new().dispatch(Width);
        Self { from, to: weights.len() / from, width, panels: laid_out(weights, from, width) }
    }

    /// Writes the product of `[rows, in]` with these weights to `output`, `[rows, out]`, which holds zeros.
    pub(crate) fn product(&self, input: &[f32], output: &mut [f32]) {
        let rows = input.len() / self.from;
        Arch::new().dispatch(Product { weights: self, input, rows, output });
    }

    /// `depth` rows of a panel, from `start` on.
    #[inline(always)]
    fn block(&self, panel: usize, start: usize, depth: usize) -> &[f32] {
        let begin = (panel * self.from + start) * self.width;
        self.panels.get(begin..begin + depth * self.width).unwrap_or_default()
    }
}

/// Turns `[out, in]` into panels.
fn laid_out(values: &[f32], from: usize, width: usize) -> Vec<f32> {
    let to = values.len() / from;
    let mut panels = vec![0.0; to.next_multiple_of(width) * from];
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
    weights: &'p Single,
    input: &'p [f32],
    rows: usize,
    output: &'p mut [f32],
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Single { from, to, width, .. } = *self.weights;
        let groups = groups(self.rows, S::REGISTER_COUNT);
        let mut left = Vec::new();
        let mut sums = vec![0.0; width * LARGEST];
        for start in (0..from).step_by(DEPTH) {
            let depth = DEPTH.min(from - start);
            pack_left(self.input, from, start..start + depth, &groups, &mut left);
            for (panel, column) in (0..to).step_by(width).enumerate() {
                let right =
                    S::as_simd_f32s(self.weights.block(panel, start, depth)).0.as_chunks::<VECTORS>().0;
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
    use super::*;

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
