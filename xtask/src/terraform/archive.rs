//! A zip archive with one program in it, the same bytes each time.

use anyhow::{Context as _, Result};

/// Days and times in an archive: the first that there is, 1 January 1980.
const DATE: u16 = 0x0021;
/// A file that its owner may run, as Unix says it.
const RUNNABLE: u32 = 0o100_755 << 16;

/// Makes an archive with one file, stored as it is.
pub(super) fn of(name: &str, contents: &[u8]) -> Result<Vec<u8>> {
    let checksum = crc32fast::hash(contents);
    let size = u32::try_from(contents.len()).context("the file is too large")?;
    let name_size = u16::try_from(name.len()).context("the name is too long")?;
    let mut common = Vec::new();
    for field in [20_u16, 0, 0, 0, DATE] {
        common.extend(field.to_le_bytes());
    }
    for field in [checksum, size, size] {
        common.extend(field.to_le_bytes());
    }
    common.extend(name_size.to_le_bytes());
    common.extend(0_u16.to_le_bytes());

    let mut archive = Vec::from(*b"PK\x03\x04");
    archive.extend(&common);
    archive.extend(name.as_bytes());
    archive.extend(contents);
    let directory = u32::try_from(archive.len()).context("the file is too large")?;
    archive.extend(b"PK\x01\x02");
    // Made on Unix (3), by version 2.0.
    archive.extend(0x0314_u16.to_le_bytes());
    archive.extend(&common);
    for field in [0_u16, 0, 0] {
        archive.extend(field.to_le_bytes());
    }
    archive.extend(RUNNABLE.to_le_bytes());
    archive.extend(0_u32.to_le_bytes());
    archive.extend(name.as_bytes());
    let end = u32::try_from(archive.len()).context("the file is too large")?;
    archive.extend(b"PK\x05\x06");
    for field in [0_u16, 0, 1, 1] {
        archive.extend(field.to_le_bytes());
    }
    archive.extend((end - directory).to_le_bytes());
    archive.extend(directory.to_le_bytes());
    archive.extend(0_u16.to_le_bytes());
    Ok(archive)
}
