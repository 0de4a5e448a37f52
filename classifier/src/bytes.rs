//! Products with weights of eight bits, in whole numbers.
//!
//! What is multiplied with the weights is written, row by row, in fourteen bits of the row's own scale, as two digits of
//! seven bits each; a digit's products with the weights are summed without an error. So a value is off by at most
//! 1/16,254 of the largest of its row, some hundred times less than in the eight bits that runtimes round such rows to,
//! and it takes two of the products in eight bits in place of one, which is still several times less than in single
//! precision. Digits of seven bits keep within sixteen bits what AVX2 adds up in pairs (2 × 127 × 127), so that every
//! processor gives the same sums.

use std::cell::RefCell;

use rten_gemm::{GemmExecutor, GemmInputA, GemmInputB, GemmOptions, PackedBMatrix, QuantParams};
use rten_tensor::NdTensorView;

use crate::math::vectorised;

/// The largest number that a row's largest value is written as.
const LARGEST: f32 = 8127.0;
/// What is added so that no digit is negative.
const ZERO: f32 = 8256.0;
/// Both digits of zero.
const ZERO_DIGIT: u8 = 64;
/// What a first digit counts.
const DIGIT: f32 = 128.0;
/// Adding it leaves the nearest whole number in the low bits of the significand.
const ROUND: f32 = 12_582_912.0;
/// Values that are compared side by side.
const WIDTH: usize = 16;

/// The right side of a product, `[in, out]`: weights of eight bits, and one scale a column.
pub(crate) struct Bytes {
    weights: PackedBMatrix<i8>,
    scales: Vec<f32>,
    from: usize,
}

impl Bytes {
    /// Lays weights, `[out, in]`, out for the processor at hand; `None` where it has no instructions for them.
    pub(crate) fn new(weights: &[i8], scales: &[f32], from: usize) -> Option<Self> {
        let executor = GemmExecutor::<u8, i8, i32>::default();
        if executor.kernel_name().contains("generic") {
            return None;
        }
        let view = NdTensorView::from_data([scales.len(), from], weights);
        let weights = executor.prepack_b(view.transposed());
        Some(Self { weights, scales: scales.to_vec(), from })
    }

    /// Writes the product of `[rows, in]` with these weights to `output`, `[rows, out]`.
    pub(crate) fn product(&self, input: &[f32], output: &mut [f32]) -> Result<(), String> {
        SCRATCH.with_borrow_mut(|scratch| self.product_in(scratch, input, output))
    }

    fn product_in(&self, scratch: &mut Scratch, input: &[f32], output: &mut [f32]) -> Result<(), String> {
        let (rows, from, to) = (input.len() / self.from, self.from, self.scales.len());
        let Scratch { executor, digits, zeros, scales, sums } = scratch;
        // The first digits of all rows, then the second ones.
        let digits = at_least(digits, 2 * input.len(), 0);
        let (first, second) = digits.split_at_mut(input.len());
        let scales = at_least(scales, rows, 0.0);
        write_digits(input, from, first, second, scales);
        let sums = at_least(sums, 2 * rows * to, 0);
        let left = NdTensorView::from_data([2 * rows, from], &*digits);
        let zero_point = &*at_least(zeros, 2 * rows, ZERO_DIGIT);
        let options = GemmOptions { a_quant: Some(QuantParams { zero_point }), ..GemmOptions::default() };
        executor
            .gemm(sums, GemmInputA::Unpacked(left), GemmInputB::Packed(&self.weights), options)
            .map_err(|error| error.to_string())?;
        let (first, second) = sums.split_at(rows * to);
        put_together(first, second, scales, &self.scales, output);
        Ok(())
    }
}

/// What a product takes besides its ends, kept for the next one on the same thread.
#[derive(Default)]
struct Scratch {
    executor: GemmExecutor<u8, i8, i32>,
    digits: Vec<u8>,
    zeros: Vec<u8>,
    scales: Vec<f32>,
    sums: Vec<i32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Returns the first `length` elements, after making room for them.
fn at_least<T: Copy>(values: &mut Vec<T>, length: usize, filler: T) -> &mut [T] {
    if values.len() < length {
        values.resize(length, filler);
    }
    values.split_at_mut(length).0
}

vectorised! {
    /// Writes the digits of each row, and what a unit of it stands for: no number where a value is none.
    fn write_digits<'r>(
        input: &'r [f32],
        from: usize,
        first: &'r mut [u8],
        second: &'r mut [u8],
        scales: &'r mut [f32],
    ) {
        let digits = first.chunks_exact_mut(from).zip(second.chunks_exact_mut(from));
        for ((row, (first, second)), scale) in input.chunks_exact(from).zip(digits).zip(scales) {
            let largest = largest(row);
            let unit = if largest > 0.0 { LARGEST / largest } else { 0.0 };
            for ((value, first), second) in row.iter().zip(first).zip(second) {
                let number = (value * unit + (ROUND + ZERO)).to_bits();
                *first = low_byte((number >> 7) & 127);
                *second = low_byte(number & 127);
            }
            *scale = largest / LARGEST;
        }
    }

    /// Makes of the sums of both digits what they stand for.
    fn put_together<'r>(
        first: &'r [i32],
        second: &'r [i32],
        rows: &'r [f32],
        columns: &'r [f32],
        output: &'r mut [f32],
    ) {
        let to = columns.len();
        let sums = first.chunks_exact(to).zip(second.chunks_exact(to));
        for ((output, (first, second)), row) in output.chunks_exact_mut(to).zip(sums).zip(rows) {
            for (((output, first), second), column) in output.iter_mut().zip(first).zip(second).zip(columns) {
                *output = (single(*first) * DIGIT + single(*second)) * (row * column);
            }
        }
    }
}

/// The largest of a row without its sign; no number, or without end, where one of them is so.
#[inline(always)]
fn largest(row: &[f32]) -> f32 {
    let (parts, rest) = row.as_chunks::<WIDTH>();
    let mut most = [0_u32; WIDTH];
    // Floats without a sign are in the order of their bits, those that are no numbers above all others.
    let magnitude = |value: f32| value.to_bits() & 0x7fff_ffff;
    for part in parts {
        for (most, value) in most.iter_mut().zip(part) {
            *most = magnitude(*value).max(*most);
        }
    }
    let most = most.into_iter().chain(rest.iter().copied().map(magnitude)).max();
    f32::from_bits(most.unwrap_or_default())
}

#[expect(clippy::cast_possible_truncation, reason = "it is below 128")]
#[inline(always)]
const fn low_byte(digit: u32) -> u8 {
    digit as u8
}

#[expect(clippy::cast_precision_loss, reason = "2^-24 of it is less than what the digits leave out")]
#[inline(always)]
const fn single(sum: i32) -> f32 {
    sum as f32
}
