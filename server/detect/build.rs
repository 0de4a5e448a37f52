//! Lists the rule tables, so that a new table needs no change in the code.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?).join("rules");
    println!("cargo::rerun-if-changed=rules");
    let mut source = String::from("static BUILTIN: &[Table<'static>] = &[\n");
    for detector in sorted_entries(&root)? {
        println!("cargo::rerun-if-changed={}", detector.display());
        for table in sorted_entries(&detector)? {
            if table.extension().is_some_and(|extension| extension == "toml") {
                // A changed table rebuilds the library by `include_str!`; a new one by its folder.
                let (folder, name) = (file_stem(&detector)?, file_stem(&table)?);
                let path = table.display().to_string();
                writeln!(
                    source,
                    "    Table {{ detector: {folder:?}, name: {name:?}, toml: include_str!({path:?}) }},"
                )
                .map_err(io::Error::other)?;
            }
        }
    }
    source.push_str("];\n");
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);
    fs::write(out.join("tables.rs"), source)
}

fn sorted_entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut entries =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<PathBuf>>>()?;
    entries.sort();
    Ok(entries)
}

fn file_stem(path: &Path) -> io::Result<&str> {
    path.file_stem()
        .and_then(|stem| stem.to_str())
        .ok_or_else(|| io::Error::other("a rule table's name is not UTF-8"))
}
