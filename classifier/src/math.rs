//! Elementwise arithmetic over rows, written as plain loops and compiled for each instruction set that the processor
//! may have (`pulp` chooses at run time): the scalar `erf` and `exp` of libm took as long as the products.

/// Floats worked on side by side; sums keep this many parts, so that they vectorise.
const WIDTH: usize = 16;

/// Defines functions that are compiled for each instruction set; `with fused` names what says whether it has products
/// and sums in one. (A closure that is handed to `pulp` is compiled by itself where it can be called twice, and then for
/// none of them.)
macro_rules! vectorised {
    ($(
        $(#[$documentation:meta])*
        $visibility:vis fn $name:ident<$life:lifetime>($($argument:ident: $kind:ty),* $(,)?)
        $(with $fused:ident)? $body:block
    )*) => {$(
        $(#[$documentation])*
        $visibility fn $name<$life>($($argument: $kind),*) {
            struct Work<$life>($($kind),*);

            impl<$life> pulp::WithSimd for Work<$life> {
                type Output = ();

                #[inline(always)]
                fn with_simd<S: pulp::Simd>(self, _: S) {
                    let Self($($argument),*) = self;
                    $(let $fused = !S::IS_SCALAR;)?
                    $body
                }
            }

            pulp::Arch::new().dispatch(Work($($argument),*));
        }
    )*};
}
pub(crate) use vectorised;

vectorised! {
    /// Adds a bias to each row.
    pub(crate) fn add_bias<'r>(rows: &'r mut [f32], bias: &'r [f32]) {
        for row in rows.chunks_exact_mut(bias.len()) {
            for (value, bias) in row.iter_mut().zip(bias) {
                *value += bias;
            }
        }
    }

    /// Applies GELU to each value, in its exact form.
    pub(crate) fn gelu_all<'r>(values: &'r mut [f32]) with fused {
        for value in values {
            *value = gelu(*value, fused);
        }
    }

    /// Makes each row, times `scale`, a distribution but for its factor, which goes to `shares`.
    pub(crate) fn softmax<'r>(rows: &'r mut [f32], scale: f32, shares: &'r mut [f32]) with fused {
        let width = rows.len().checked_div(shares.len()).unwrap_or_default();
        for (row, share) in rows.chunks_exact_mut(width.max(1)).zip(shares) {
            let highest = highest(row) * scale;
            for value in row.iter_mut() {
                *value = exp(sum_of_product(*value, scale, -highest, fused), fused);
            }
            *share = 1.0 / sum(row);
        }
    }

    /// Adds the row of `others` to each row, and normalises it.
    pub(crate) fn residual_norm<'r>(rows: &'r mut [f32], others: &'r [f32], norm: &'r Norm) {
        let width = norm.weight.len();
        for (row, other) in rows.chunks_exact_mut(width).zip(others.chunks_exact(width)) {
            for (value, other) in row.iter_mut().zip(other) {
                *value += other;
            }
            norm.apply(row);
        }
    }

    /// Normalises each row.
    pub(crate) fn normalise<'r>(rows: &'r mut [f32], norm: &'r Norm) {
        for row in rows.chunks_exact_mut(norm.weight.len()) {
            norm.apply(row);
        }
    }

    /// Adds the products of a vector with the rows of a matrix to `sums`.
    pub(crate) fn matrix_vector<'r>(matrix: &'r [f32], vector: &'r [f32], sums: &'r mut [f32]) {
        for (row, sum) in matrix.chunks_exact(vector.len()).zip(sums) {
            *sum += dot(row, vector);
        }
    }
}

/// Layer normalisation.
#[derive(Debug)]
pub(crate) struct Norm {
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
    pub(crate) epsilon: f32,
}

impl Norm {
    #[inline(always)]
    fn apply(&self, row: &mut [f32]) {
        #[expect(clippy::cast_precision_loss, reason = "a width is a few thousand")]
        let share = 1.0 / self.weight.len() as f32;
        let mean = sum(row) * share;
        for value in row.iter_mut() {
            *value -= mean;
        }
        let deviation = 1.0 / (dot(row, row) * share + self.epsilon).sqrt();
        for ((value, weight), bias) in row.iter_mut().zip(&self.weight).zip(&self.bias) {
            *value = *value * deviation * weight + bias;
        }
    }
}

#[inline(always)]
fn sum(row: &[f32]) -> f32 {
    let (parts, rest) = row.as_chunks::<WIDTH>();
    let mut sums = [0.0_f32; WIDTH];
    for part in parts {
        for (sum, value) in sums.iter_mut().zip(part) {
            *sum += value;
        }
    }
    sums.iter().sum::<f32>() + rest.iter().sum::<f32>()
}

#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let ((a_parts, a_rest), (b_parts, b_rest)) = (a.as_chunks::<WIDTH>(), b.as_chunks::<WIDTH>());
    let mut sums = [0.0_f32; WIDTH];
    for (a, b) in a_parts.iter().zip(b_parts) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

#[inline(always)]
fn highest(row: &[f32]) -> f32 {
    let (parts, rest) = row.as_chunks::<WIDTH>();
    let mut most = [f32::NEG_INFINITY; WIDTH];
    for part in parts {
        for (most, value) in most.iter_mut().zip(part) {
            *most = if *value > *most { *value } else { *most };
        }
    }
    most.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max)
}

/// `a × b + c`, rounded once where the processor does so by itself: without such an instruction that takes long.
#[inline(always)]
fn sum_of_product(a: f32, b: f32, c: f32, fused: bool) -> f32 {
    if fused { a.mul_add(b, c) } else { a * b + c }
}

/// A polynomial by Horner's rule, its coefficients from the highest on. (Not a function over an array: what `pulp`
/// dispatches to would call its closure, and not vectorise.)
macro_rules! polynomial {
    ($x:ident, $fused:ident, $highest:literal, $($next:literal),+) => {{
        let value = $highest;
        $(let value = sum_of_product(value, $x, $next, $fused);)+
        value
    }};
}

#[inline(always)]
fn gelu(x: f32, fused: bool) -> f32 {
    let half = 0.5 * x;
    sum_of_product(half, erf(x * std::f32::consts::FRAC_1_SQRT_2, fused), half, fused)
}

/// The error function: within 5e-7, by a rational function fitted to it (the largest error least) up to where it is 1.
#[inline(always)]
fn erf(x: f32, fused: bool) -> f32 {
    let x = if x < -3.92 { -3.92 } else { x };
    let x = if x > 3.92 { 3.92 } else { x };
    let square = x * x;
    let above = polynomial!(
        square,
        fused,
        1.992_120_4e-8,
        -1.994_294_8e-6,
        1.489_879e-4,
        3.972_957e-3,
        5.139_750_4e-2,
        2.061_158_3e-1,
        1.128_378_8
    );
    let below =
        polynomial!(square, fused, 1.024_138_1e-3, 1.488_935_8e-2, 1.175_652_3e-1, 5.159_941_6e-1, 1.0);
    x * above / below
}

/// The exponential: 2^n times a polynomial (Cephes), within 2 units in the last place.
#[inline(always)]
fn exp(x: f32, fused: bool) -> f32 {
    // Adding it leaves the nearest whole number in the low bits of the significand.
    const ROUND: f32 = 12_582_912.0;
    // Written so that it is two comparisons and no branch; a NaN stays one.
    let x = if x < -87.0 { -87.0 } else { x };
    let x = if x > 88.0 { 88.0 } else { x };
    let shifted = sum_of_product(x, std::f32::consts::LOG2_E, ROUND, fused);
    let n = shifted - ROUND;
    let r = sum_of_product(n, 2.121_944_4e-4, sum_of_product(n, -0.693_359_4, x, fused), fused);
    let p =
        polynomial!(r, fused, 1.987_569_1e-4, 1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5);
    let power = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    sum_of_product(p * r, r, r + 1.0, fused) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_and_error_function() {
        for step in -8000..=8000 {
            let x = step as f32 / 100.0;
            let exact = f64::from(x).exp();
            for fused in [true, false] {
                assert!((f64::from(exp(x, fused)) / exact - 1.0).abs() < 3e-7, "exp({x})");
            }
        }
        assert!(exp(-1000.0, true) < 1e-37 && exp(1000.0, true).is_finite() && exp(f32::NAN, true).is_nan());
        assert!(erf(f32::NAN, true).is_nan());
        for (x, exact) in [
            (0.0, 0.0),
            (0.1, 0.112_462_916),
            (0.5, 0.520_499_9),
            (1.0, 0.842_700_8),
            (2.0, 0.995_322_3),
            (6.0, 1.0),
        ] {
            for fused in [true, false] {
                assert!((erf(x, fused) - exact).abs() < 5e-7, "erf({x})");
                assert!((erf(-x, fused) + exact).abs() < 5e-7, "erf(-{x})");
            }
        }
    }

    #[test]
    fn rows_of_odd_width() {
        let mut rows = vec![1.0, 2.0, 3.0, -1.0, 0.0, 1.0];
        let mut shares = [0.0; 2];
        softmax(&mut rows, 1.0, &mut shares);
        for (row, share) in rows.chunks(3).zip(shares) {
            assert!(
                (row.iter().sum::<f32>() * share - 1.0).abs() < 1e-6 && row[0] < row[1] && row[1] < row[2]
            );
        }
        let norm = Norm { weight: vec![1.0; 19], bias: vec![0.0; 19], epsilon: 1e-12 };
        let mut row: Vec<f32> = (0..19).map(|n| n as f32).collect();
        normalise(&mut row, &norm);
        assert!(row.iter().sum::<f32>().abs() < 1e-5);
        assert!((row.iter().map(|v| v * v).sum::<f32>() - 19.0).abs() < 1e-3);
        let mut product = [0.5, 1.5];
        matrix_vector(&[1.0; 38], &row, &mut product);
        assert!((product[0] - 0.5).abs() < 1e-5 && (product[1] - 1.5).abs() < 1e-5);
    }
}
