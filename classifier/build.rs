//! Builds the bundle under `model/` into the library, where there is one.

use std::{env, error::Error, fmt::Write as _, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let model = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("model");
    println!("cargo::rerun-if-changed=model");
    let mut list = String::new();
    if model.join("manifest.json").is_file() {
        let mut files: Vec<PathBuf> =
            fs::read_dir(&model)?.map(|entry| Ok(entry?.path())).collect::<Result<_, std::io::Error>>()?;
        files.sort();
        for path in files.iter().filter(|path| path.is_file()) {
            let name = path.file_name().and_then(|name| name.to_str()).ok_or("a file name is not UTF-8")?;
            writeln!(
                list,
                "    ({name:?}, include_bytes!({:?})),",
                path.to_str().ok_or("a path is not UTF-8")?
            )?;
        }
    }
    let source = format!("static EMBEDDED: &[(&str, &[u8])] = &[\n{list}];\n");
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("embedded.rs"), source)?;
    Ok(())
}
