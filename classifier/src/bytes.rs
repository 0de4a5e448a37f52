//! Products with weights of eight bits, in whole numbers.
//!
//! What is multiplied with the weights is rounded, row by row, in the row's own scale: to eight bits, in which the logits
//! move by some hundredths, or to fourteen, in which nothing shows. Fourteen bits are two digits of seven, whose products
//! with the weights are summed each for itself and without an error; they take twice the products of eight bits.
//! AVX2 adds products up in pairs within sixteen bits, which hold those of seven bits (2 × 127 × 127) and not those of
//! eight: there, fourteen bits are all there is.

use std::cell::RefCell;

use rten_gemm::{GemmExecutor, GemmInputA, GemmInputB, GemmOptions, PackedBMatrix, QuantParams};
use rten_tensor::NdTensorView;

use crate::{math::vectorised, product::at_least};

/// How finely rows are rounded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Rounding {
    /// To eight bits, where the processor sums their products without an error; else to fourteen.
    Fast,
    /// To fourteen bits.
    Fine,
}

/// The largest number of eight bits that a row's largest value is written as.
const LARGEST_BYTE: f32 = 127.0;
/// What eight bits hold for zero.
const ZERO_BYTE: u8 = 128;
/// The largest number of fourteen bits that a row's largest value is written as.
const LARGEST: f32 = 8127.0;
/// What is added to fourteen bits so that no digit is negative.
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
    /// Whether products of eight bits are summed without an error.
    sums_bytes: bool,
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
        Some(Self { weights, scales: scales.to_vec(), from, sums_bytes: !executor.may_saturate() })
    }

    /// Writes the product of `[rows, in]` with these weights, and `bias` besides, to `output`, `[rows, out]`.
    pub(crate) fn product(
        &self,
        input: &[f32],
        bias: &[f32],
        rounding: Rounding,
        output: &mut [f32],
    ) -> Result<(), String> {
        SCRATCH.with_borrow_mut(|scratch| {
            if self.sums_bytes && rounding == Rounding::Fast {
                self.product_of_bytes(scratch, input, bias, output)
            } else {
                self.product_of_digits(scratch, input, bias, output)
            }
        })
    }

    fn product_of_bytes(
        &self,
        scratch: &mut Scratch,
        input: &[f32],
        bias: &[f32],
        output: &mut [f32],
    ) -> Result<(), String> {
        let rows = input.len() / self.from;
        let bytes = at_least(&mut scratch.bytes, input.len(), 0);
        let scales = at_least(&mut scratch.scales, rows, 0.0);
        write_bytes(input, self.from, bytes, scales);
        let zeros = at_least(&mut scratch.zero_bytes, rows, ZERO_BYTE);
        let sums = at_least(&mut scratch.sums, output.len(), 0);
        self.sum(&scratch.executor, bytes, zeros, sums)?;
        widen(sums, scales, &self.scales, bias, output);
        Ok(())
    }

    fn product_of_digits(
        &self,
        scratch: &mut Scratch,
        input: &[f32],
        bias: &[f32],
        output: &mut [f32],
    ) -> Result<(), String> {
        let rows = input.len() / self.from;
        // The first digits of all rows, then the second ones.
        let digits = at_least(&mut scratch.bytes, 2 * input.len(), 0);
        let (first, second) = digits.split_at_mut(input.len());
        let scales = at_least(&mut scratch.scales, rows, 0.0);
        write_digits(input, self.from, first, second, scales);
        let zeros = at_least(&mut scratch.zero_digits, 2 * rows, ZERO_DIGIT);
        let sums = at_least(&mut scratch.sums, 2 * output.len(), 0);
        self.sum(&scratch.executor, digits, zeros, sums)?;
        let (first, second) = sums.split_at(output.len());
        put_together(first, second, scales, &self.scales, bias, output);
        Ok(())
    }

    fn sum(
        &self,
        executor: &GemmExecutor<u8, i8, i32>,
        left: &[u8],
        zero_point: &[u8],
        sums: &mut [i32],
    ) -> Result<(), String> {
        let left = NdTensorView::from_data([zero_point.len(), self.from], left);
        let options = GemmOptions { a_quant: Some(QuantParams { zero_point }), ..GemmOptions::default() };
        executor
            .gemm(sums, GemmInputA::Unpacked(left), GemmInputB::Packed(&self.weights), options)
            .map_err(|error| error.to_string())
    }
}

/// What a product takes besides its ends, kept for the next one on the same thread.
#[derive(Default)]
struct Scratch {
    executor: GemmExecutor<u8, i8, i32>,
    bytes: Vec<u8>,
    zero_bytes: Vec<u8>,
    zero_digits: Vec<u8>,
    scales: Vec<f32>,
    sums: Vec<i32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

vectorised! {
    /// Writes the rows in eight bits, and what a unit of each stands for: no number where a value is none.
    fn write_bytes<'r>(input: &'r [f32], from: usize, bytes: &'r mut [u8], scales: &'r mut [f32]) {
        for ((row, bytes), scale) in input.chunks_exact(from).zip(bytes.chunks_exact_mut(from)).zip(scales) {
            let largest = largest(row);
            let unit = if largest > 0.0 { LARGEST_BYTE / largest } else { 0.0 };
            for (value, byte) in row.iter().zip(bytes) {
                *byte = low_byte((value * unit + (ROUND + 128.0)).to_bits());
            }
            *scale = largest / LARGEST_BYTE;
        }
    }

    /// Makes of the sums of bytes what they stand for.
    fn widen<'r>(
        sums: &'r [i32],
        rows: &'r [f32],
        columns: &'r [f32],
        bias: &'r [f32],
        output: &'r mut [f32],
    ) {
        let to = columns.len();
        for ((output, sums), row) in output.chunks_exact_mut(to).zip(sums.chunks_exact(to)).zip(rows) {
            for (((output, sum), column), bias) in output.iter_mut().zip(sums).zip(columns).zip(bias) {
                *output = single(*sum) * (row * column) + bias;
            }
        }
    }

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
        bias: &'r [f32],
        output: &'r mut [f32],
    ) {
        let to = columns.len();
        let sums = first.chunks_exact(to).zip(second.chunks_exact(to));
        for ((output, (first, second)), row) in output.chunks_exact_mut(to).zip(sums).zip(rows) {
            let columns = columns.iter().zip(bias);
            for (((output, first), second), (column, bias)) in output.iter_mut().zip(first).zip(second).zip(columns) {
                *output = (single(*first) * DIGIT + single(*second)) * (row * column) + bias;
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

#[expect(clippy::cast_possible_truncation, reason = "the low byte is what is asked for")]
#[inline(always)]
const fn low_byte(number: u32) -> u8 {
    number as u8
}

#[expect(clippy::cast_precision_loss, reason = "2^-24 of it is less than what the digits leave out")]
#[inline(always)]
const fn single(sum: i32) -> f32 {
    sum as f32
}
