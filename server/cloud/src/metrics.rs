//! Numbers about what the service does.

use std::{collections::BTreeMap, fmt, str::FromStr, time::SystemTime};

use async_trait::async_trait;

use crate::{CloudError, Result};

/// The most dimensions of one metric that every provider takes.
pub const MAX_DIMENSIONS: usize = 30;

/// Sends metrics to where they are kept.
///
/// Sending is in batches: what is exported may wait in a bounded buffer until there is enough of it, or until
/// [`flush`](Self::flush). What could not be sent stays in the buffer; what does not fit in it is dropped, oldest
/// first, and counted.
#[async_trait]
pub trait CloudMetrics: fmt::Debug + Send + Sync {
    /// Takes metrics, and sends what makes a batch.
    ///
    /// # Errors
    /// [`Invalid`](CloudError::Invalid) for a metric that no provider takes, and then none is taken; otherwise as
    /// sending fails, and then the metrics are in the buffer.
    async fn export_metrics(&self, metrics: &[Metric]) -> Result<()>;

    /// Sends everything that waits.
    ///
    /// # Errors
    /// As sending fails; what was not sent waits on.
    async fn flush(&self) -> Result<()>;

    /// Returns how many metrics were dropped.
    fn dropped(&self) -> u64;

    /// Returns how many metrics wait to be sent, those of a call that is under way included. Where none ever do, 0.
    fn waiting(&self) -> usize {
        0
    }

    /// Takes one metric.
    ///
    /// # Errors
    /// As [`export_metrics`](Self::export_metrics).
    async fn export_metric(&self, metric: &Metric) -> Result<()> {
        self.export_metrics(std::slice::from_ref(metric)).await
    }
}

/// One number, or several of one minute.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// What is measured.
    pub name: String,
    /// What was measured.
    pub value: MetricValue,
    /// When.
    pub timestamp: SystemTime,
    /// Of what it was measured: names and values.
    pub dimensions: BTreeMap<String, String>,
    /// In what.
    pub unit: MetricUnit,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq)]
pub enum MetricValue {
    /// One value.
    Single(f64),
    /// Values, each with how often it was measured.
    Values(Vec<(f64, f64)>),
    /// What remains of many values.
    Statistics {
        /// How many there were.
        count: f64,
        /// What they add up to.
        sum: f64,
        /// The smallest.
        minimum: f64,
        /// The largest.
        maximum: f64,
    },
}

impl Metric {
    /// Returns a metric of now, without dimensions and unit.
    pub fn new(name: impl Into<String>, value: f64) -> Self {
        Self::of(name, MetricValue::Single(value))
    }

    /// Returns a metric of now, of any value.
    pub fn of(name: impl Into<String>, value: MetricValue) -> Self {
        Self {
            name: name.into(),
            value,
            timestamp: SystemTime::now(),
            dimensions: BTreeMap::new(),
            unit: MetricUnit::None,
        }
    }

    /// Returns the metric with one more dimension.
    #[must_use]
    pub fn with_dimension(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.dimensions.insert(name.into(), value.into());
        self
    }

    /// Returns the metric in another unit.
    #[must_use]
    pub fn with_unit(mut self, unit: MetricUnit) -> Self {
        self.unit = unit;
        self
    }

    /// Checks what every provider asks of a metric: names of 1 to 255 and dimensions' values of 1 to 1024 printable
    /// ASCII characters, at most 30 dimensions, numbers that are finite and below 2^360, counts above 0.
    ///
    /// # Errors
    /// [`CloudError::Invalid`].
    pub fn check(&self) -> Result<()> {
        let refuse =
            |what: &str| Err(CloudError::invalid(format!("metric `{}`: {what}", self.name.escape_debug())));
        let text = |text: &str, longest: usize| {
            (1..=longest).contains(&text.len())
                && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
                && !text.trim().is_empty()
        };
        let sane = |number: &f64| number.is_finite() && number.abs() <= 2f64.powi(360);
        if !text(&self.name, 255) {
            return refuse("its name is not 1 to 255 printable ASCII characters");
        }
        if self.dimensions.len() > MAX_DIMENSIONS {
            return refuse("more than 30 dimensions");
        }
        if !self
            .dimensions
            .iter()
            .all(|(name, value)| text(name, 255) && !name.starts_with(':') && text(value, 1024))
        {
            return refuse("a dimension that is not printable ASCII, empty or too long");
        }
        let good = match &self.value {
            MetricValue::Single(value) => sane(value),
            MetricValue::Values(values) => {
                !values.is_empty()
                    && values.iter().all(|(value, count)| sane(value) && sane(count) && *count > 0.0)
            }
            MetricValue::Statistics { count, sum, minimum, maximum } => {
                [count, sum, minimum, maximum].into_iter().all(sane) && *count > 0.0 && minimum <= maximum
            }
        };
        if good { Ok(()) } else { refuse("a number that is not finite, or a count that is not above 0") }
    }
}

macro_rules! units {
    ($($unit:ident $name:literal,)*) => {
        /// What a metric is measured in: all units that CloudWatch has.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
        pub enum MetricUnit {
            $(#[doc = concat!("`", $name, "`.")] $unit,)*
            /// `None`: a number without unit.
            #[default]
            None,
        }

        impl MetricUnit {
            /// All units.
            pub const ALL: [Self; 27] = [$(Self::$unit,)* Self::None];

            /// Returns the unit's name, such as `Bytes/Second`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$unit => $name,)*
                    Self::None => "None",
                }
            }
        }
    };
}

units! {
    Seconds "Seconds",
    Microseconds "Microseconds",
    Milliseconds "Milliseconds",
    Bytes "Bytes",
    Kilobytes "Kilobytes",
    Megabytes "Megabytes",
    Gigabytes "Gigabytes",
    Terabytes "Terabytes",
    Bits "Bits",
    Kilobits "Kilobits",
    Megabits "Megabits",
    Gigabits "Gigabits",
    Terabits "Terabits",
    Percent "Percent",
    Count "Count",
    BytesPerSecond "Bytes/Second",
    KilobytesPerSecond "Kilobytes/Second",
    MegabytesPerSecond "Megabytes/Second",
    GigabytesPerSecond "Gigabytes/Second",
    TerabytesPerSecond "Terabytes/Second",
    BitsPerSecond "Bits/Second",
    KilobitsPerSecond "Kilobits/Second",
    MegabitsPerSecond "Megabits/Second",
    GigabitsPerSecond "Gigabits/Second",
    TerabitsPerSecond "Terabits/Second",
    CountPerSecond "Count/Second",
}

impl fmt::Display for MetricUnit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for MetricUnit {
    type Err = CloudError;

    fn from_str(name: &str) -> Result<Self> {
        let unknown = || CloudError::invalid(format!("there is no unit `{}`", name.escape_debug()));
        Self::ALL.into_iter().find(|unit| unit.name() == name).ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read_as_it_is_written() {
        for unit in MetricUnit::ALL {
            assert_eq!(unit.to_string().parse::<MetricUnit>().unwrap(), unit);
        }
        assert!("seconds".parse::<MetricUnit>().is_err());
    }

    #[test]
    fn what_no_provider_takes_is_refused() {
        let metric = |value| Metric::of("name", value);
        assert!(Metric::new("name", 1.0).with_dimension("a", "b").check().is_ok());
        for number in [f64::NAN, f64::INFINITY, 2f64.powi(361)] {
            assert!(Metric::new("name", number).check().is_err());
            assert!(metric(MetricValue::Values(vec![(number, 1.0)])).check().is_err());
        }
        assert!(metric(MetricValue::Values(vec![])).check().is_err());
        assert!(metric(MetricValue::Values(vec![(1.0, 0.0)])).check().is_err());
        let upside_down = MetricValue::Statistics { count: 1.0, sum: 1.0, minimum: 2.0, maximum: 1.0 };
        assert!(metric(upside_down).check().is_err());
        for name in ["", " ", "ä", &"x".repeat(256)] {
            assert!(Metric::new(name, 1.0).check().is_err());
            assert!(Metric::new("name", 1.0).with_dimension(name, "value").check().is_err());
        }
        let crowded = (0..31)
            .fold(Metric::new("name", 1.0), |metric, number| metric.with_dimension(number.to_string(), "x"));
        assert!(crowded.check().is_err());
    }
}
