//! Where closed segments go: an object store, or a directory of the same layout.
//!
//! Objects are written once, under `<prefix><tenant>/<yyyy>/<mm>/<dd>/<log>-<segment>`, by the day that the segment was
//! begun.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use llm_shield_cloud::storage::{ByteRange, GetObjectOptions};
use llm_shield_cloud::{CloudError, CloudStorage};
use tokio::runtime::Handle;

use crate::files::{Part, entries, read_if_there};
use crate::name::LogId;
use crate::shipper::ArchiveOptions;
use crate::{AuditError, Result, Tenant, rewrap};

/// Closed segments, for readers.
#[derive(Debug, Clone)]
pub(crate) struct Archive {
    prefix: String,
    source: Source,
}

#[derive(Debug, Clone)]
enum Source {
    Directory(PathBuf),
    Storage { storage: Arc<dyn CloudStorage>, runtime: Handle },
}

/// An archived segment: the key of its parts without their suffix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Archived {
    pub(crate) id: LogId,
    pub(crate) segment: u64,
    pub(crate) stem: String,
}

impl Archive {
    /// Reads a directory straight.
    pub(crate) fn directory(root: impl Into<PathBuf>, prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), source: Source::Directory(root.into()) }
    }

    /// Returns whether this is a directory that is read straight: that of one store.
    pub(crate) fn is_directory(&self) -> bool {
        matches!(self.source, Source::Directory(_))
    }

    /// Reads an object store, from threads that may block.
    pub(crate) fn storage(storage: Arc<dyn CloudStorage>, prefix: &str, runtime: Handle) -> Self {
        Self { prefix: prefix.to_owned(), source: Source::Storage { storage, runtime } }
    }

    /// Reads what a writer writes, from threads that may block.
    pub(crate) fn of(options: &ArchiveOptions) -> Self {
        Self::storage(Arc::clone(&options.storage), &options.prefix, Handle::current())
    }

    /// Returns the tenants that have something archived.
    pub(crate) fn tenants(&self) -> Result<BTreeSet<Tenant>> {
        let names = match &self.source {
            Source::Directory(root) => self.names(root.join(&self.prefix))?,
            Source::Storage { storage, runtime } => runtime
                .block_on(storage.list_objects(&self.prefix))
                .map_err(|error| unreachable_store(&error))?
                .into_iter()
                .filter_map(|key| Some(key.strip_prefix(&self.prefix)?.split_once('/')?.0.to_owned()))
                .collect(),
        };
        Ok(names.iter().filter_map(|name| Tenant::from_path_name(name)).collect())
    }

    /// Returns the segments of a tenant, of all logs, by whatever parts of them there are.
    pub(crate) fn segments(&self, tenant: &Tenant) -> Result<Vec<Archived>> {
        let start = tenant_prefix(&self.prefix, tenant);
        let keys = match &self.source {
            Source::Directory(root) => {
                let mut keys = vec![start.trim_end_matches('/').to_owned()];
                // Year, month, day, files.
                for _ in 0..4 {
                    let mut below = Vec::new();
                    for key in &keys {
                        below.extend(
                            self.names(root.join(key))?.into_iter().map(|name| format!("{key}/{name}")),
                        );
                    }
                    keys = below;
                }
                keys
            }
            Source::Storage { storage, runtime } => {
                runtime.block_on(storage.list_objects(&start)).map_err(|error| unreachable_store(&error))?
            }
        };
        let mut found: Vec<Archived> = keys.iter().filter_map(|key| parse(key)).collect();
        found.sort_unstable_by(|one, other| {
            (&one.id, one.segment, &one.stem).cmp(&(&other.id, other.segment, &other.stem))
        });
        found.dedup();
        Ok(found)
    }

    /// Returns an object; `None` when there is none.
    pub(crate) fn read(&self, key: &str) -> Result<Option<Bytes>> {
        match &self.source {
            Source::Directory(root) => read_if_there(&root.join(key))
                .map(|bytes| bytes.map(Bytes::from))
                .map_err(|error| AuditError::io(format!("`{key}`"), error)),
            Source::Storage { storage, runtime } => match runtime.block_on(storage.get_object(key)) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(CloudError::NotFound { .. }) => Ok(None),
                Err(error) => Err(unreachable_store(&error)),
            },
        }
    }

    /// Returns the first bytes of an object; `None` when there is none.
    pub(crate) fn read_start(&self, key: &str, most: u64) -> Result<Option<Bytes>> {
        match &self.source {
            Source::Directory(root) => {
                let start = File::open(root.join(key)).and_then(|file| {
                    let mut bytes = Vec::new();
                    file.take(most).read_to_end(&mut bytes)?;
                    Ok(Bytes::from(bytes))
                });
                match start {
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                    start => start.map(Some).map_err(|error| AuditError::io(format!("`{key}`"), error)),
                }
            }
            Source::Storage { storage, runtime } => {
                let range = Some(ByteRange::Between(0, most));
                let options = GetObjectOptions { range, ..GetObjectOptions::default() };
                match runtime.block_on(storage.get_object_with_options(key, &options)) {
                    Ok(object) => Ok(Some(object.data)),
                    Err(CloudError::NotFound { .. }) => Ok(None),
                    Err(error) => Err(unreachable_store(&error)),
                }
            }
        }
    }

    /// Returns the names of a tenant's keys that were wrapped anew.
    pub(crate) fn rewrapped(&self, tenant: &Tenant) -> Result<Vec<String>> {
        let start = self.tenant_key(tenant, rewrap::DIRECTORY);
        let mut names = match &self.source {
            Source::Directory(root) => self.names(root.join(start))?,
            Source::Storage { storage, runtime } => {
                let keys = runtime.block_on(storage.list_objects(&format!("{start}/")));
                let keys = keys.map_err(|error| unreachable_store(&error))?;
                keys.iter().filter_map(|key| Some(key.rsplit_once('/')?.1.to_owned())).collect()
            }
        };
        names.sort_unstable();
        Ok(names)
    }

    /// Returns the key of an object of a tenant that belongs to no segment.
    pub(crate) fn tenant_key(&self, tenant: &Tenant, name: &str) -> String {
        Self::tenant_key_of(&self.prefix, tenant, name)
    }

    /// As [`tenant_key`](Self::tenant_key), below a prefix.
    pub(crate) fn tenant_key_of(prefix: &str, tenant: &Tenant, name: &str) -> String {
        format!("{}{name}", tenant_prefix(prefix, tenant))
    }

    fn names(&self, directory: PathBuf) -> Result<Vec<String>> {
        match entries(&directory) {
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => Ok(Vec::new()),
            names => names.map_err(|error| AuditError::io(format!("`{}`", self.prefix), error)),
        }
    }
}

/// Returns the key of a segment's parts without their suffix.
pub(crate) fn stem(prefix: &str, tenant: &Tenant, id: &LogId, segment: u64, created_us: i64) -> String {
    let day =
        Timestamp::from_microsecond(created_us).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(TimeZone::UTC);
    let day = day.strftime("%Y/%m/%d");
    format!("{}{day}/{id}-{segment:08}", tenant_prefix(prefix, tenant))
}

fn tenant_prefix(prefix: &str, tenant: &Tenant) -> String {
    format!("{prefix}{}/", tenant.path_name())
}

pub(crate) fn parse(key: &str) -> Option<Archived> {
    let stem = [Part::Records, Part::Index, Part::Checkpoint]
        .into_iter()
        .find_map(|part| key.strip_suffix(part.suffix()))?;
    let (id, segment) = stem.rsplit('/').next()?.split_once('-')?;
    let (id, number) = (LogId::parse(id)?, segment.parse().ok()?);
    (format!("{number:08}") == segment).then(|| Archived { id, segment: number, stem: stem.to_owned() })
}

fn unreachable_store(error: &CloudError) -> AuditError {
    AuditError::unavailable(format!("the object store: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_say_what_they_are_of() {
        let (tenant, id) = (Tenant::new("Ac/me").unwrap(), LogId::random().unwrap());
        let stem = stem("scan-results/", &tenant, &id, 3, 1_700_000_000_000_000);
        assert_eq!(stem, format!("scan-results/%41c%2Fme/2023/11/14/{id}-00000003"));
        let archived = Archived { id, segment: 3, stem: stem.clone() };
        assert_eq!(parse(&format!("{stem}.idx")), Some(archived));
        for foreign in ["a/b.seg", "a/0123456789abcdef-3.seg", &format!("{stem}.new"), &stem] {
            assert_eq!(parse(foreign), None, "{foreign}");
        }
    }
}
