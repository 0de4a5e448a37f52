//! Text under inspection, wrapped so that it cannot be printed.

use zeroize::Zeroize;

/// A value that must not reach a log, an error or a trace: it has no `Debug`, `Display` or `Serialize`, and is wiped
/// when dropped. Handlers put a request's text into it before anything else.
///
/// ```compile_fail
/// let text = llm_shield::Sensitive::new(String::from("a customer's words"));
/// println!("{text:?}");
/// ```
#[expect(missing_debug_implementations, reason = "that is what the type is for")]
pub struct Sensitive<T: Zeroize>(T);

impl<T: Zeroize> Sensitive<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Gives the value to code that inspects it.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// Gives the value to code that makes it longer.
    pub const fn expose_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Zeroize> Drop for Sensitive<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
