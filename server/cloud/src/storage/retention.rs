use std::{fmt, str::FromStr, time::SystemTime};

use serde::{Deserialize, Serialize};

use crate::{CloudError, Result};

/// Keeps an object from being deleted or replaced for a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// Who may end it early.
    pub mode: RetentionMode,
    /// When it ends, to the second.
    pub until: SystemTime,
}

impl Retention {
    /// Returns whether it still holds.
    pub fn holds_at(&self, now: SystemTime) -> bool {
        now < self.until
    }
}

/// Who may end a retention early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RetentionMode {
    /// Those with a permission of their own for it.
    Governance,
    /// Nobody.
    Compliance,
}

impl RetentionMode {
    /// Returns the name that S3 has for it, and that configurations use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Governance => "GOVERNANCE",
            Self::Compliance => "COMPLIANCE",
        }
    }
}

impl fmt::Display for RetentionMode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for RetentionMode {
    type Err = CloudError;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "GOVERNANCE" => Ok(Self::Governance),
            "COMPLIANCE" => Ok(Self::Compliance),
            _ => Err(CloudError::invalid("a retention's mode is `GOVERNANCE` or `COMPLIANCE`")),
        }
    }
}
