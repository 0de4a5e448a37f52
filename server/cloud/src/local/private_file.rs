//! A file that its owner alone can read, replaced whole.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::{CloudError, Result};

/// Reads the file after checking that nobody else can.
pub(super) fn read(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>> {
    let failed = |error| CloudError::from_io(path.display().to_string(), error);
    require_private(parent(path)?)?;
    let mut file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(open_to_others(path, "0600"));
    }
    if metadata.len() > limit {
        return Err(CloudError::invalid(format!("`{}` is larger than it can be", path.display())));
    }
    let length = usize::try_from(metadata.len()).unwrap_or(0);
    let mut content = Zeroizing::new(Vec::with_capacity(length + 1));
    Read::by_ref(&mut file).take(limit).read_to_end(&mut content).map_err(failed)?;
    Ok(content)
}

/// Replaces the file whole: after a crash it is the old one or the new one.
pub(super) fn replace(path: &Path, content: &[u8]) -> Result<()> {
    let temporary = with_suffix(path, ".new");
    let written = write_private(&temporary, content).and_then(|()| {
        fs::rename(&temporary, path)?;
        File::open(path.parent().unwrap_or_else(|| Path::new(".")))?.sync_all()
    });
    written.map_err(|error| CloudError::from_io(path.display().to_string(), error))
}

/// Keeps other processes from changing the file until the handle is dropped.
pub(super) fn lock(path: &Path) -> Result<File> {
    let lock_path = with_suffix(path, ".lock");
    let failed = |error| CloudError::from_io(lock_path.display().to_string(), error);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&lock_path)
        .map_err(failed)?;
    file.lock().map_err(failed)?;
    Ok(file)
}

/// Creates the file's directory for its owner only, or refuses one that others can look into.
pub(super) fn make_private_parent(path: &Path) -> Result<()> {
    let directory = parent(path)?;
    if !directory.exists() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(|error| CloudError::from_io(directory.display().to_string(), error))?;
    }
    require_private(directory)
}

fn require_private(directory: &Path) -> Result<()> {
    let metadata = fs::metadata(directory)
        .map_err(|error| CloudError::from_io(directory.display().to_string(), error))?;
    if metadata.permissions().mode() & 0o077 == 0 { Ok(()) } else { Err(open_to_others(directory, "0700")) }
}

fn open_to_others(path: &Path, mode: &str) -> CloudError {
    CloudError::AccessDenied {
        what: path.display().to_string(),
        source: Some(format!("other users can open it; its mode must be {mode}").into()),
    }
}

fn write_private(path: &Path, content: &[u8]) -> std::io::Result<()> {
    // A leftover of a crash may have any content and mode: start from a new file.
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn parent(path: &Path) -> Result<&Path> {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => Ok(directory),
        _ => Err(CloudError::invalid(format!("`{}` has no directory to be private in", path.display()))),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
