//! Compiles the schema without `protoc`: protox parses it, tonic and prost generate the types, and the `buf.validate`
//! options become plain Rust checks (see `validation.rs`).

mod validation;

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message as _;
use protox::prost_reflect::DescriptorPool;

const PROTOS: [&str; 3] =
    ["llm_shield/v1/shield.proto", "llm_shield/v1/types.proto", "llm_shield/v1/audit.proto"];

/// Messages that hold a caller's text: `src/debug.rs` gives them, and their oneofs, a `Debug` that prints sizes only.
const WITHOUT_DEBUG: [&str; 6] = [
    ".llm_shield.v1.AuditContent",
    ".llm_shield.v1.Content",
    ".llm_shield.v1.RedactedContent",
    ".llm_shield.v1.ScanStreamRequest",
    ".llm_shield.v1.RedactStreamRequest",
    ".llm_shield.v1.RedactStreamResponse",
];

#[expect(clippy::print_stdout, reason = "how a build script talks to cargo")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=llm_shield");
    println!("cargo:rerun-if-changed=buf");
    println!("cargo:rerun-if-changed=build");
    let out = PathBuf::from(env::var("OUT_DIR")?);

    // protox encodes the set itself: prost-types would drop the validation options, which it does not know.
    let mut compiler = protox::Compiler::new(["."])?;
    compiler.include_imports(true).include_source_info(true).open_files(PROTOS)?;
    let descriptors = compiler.encode_file_descriptor_set();
    fs::write(out.join("descriptors.bin"), &descriptors)?;

    let pool = DescriptorPool::decode(descriptors.as_slice())?;
    fs::write(out.join("validation.rs"), validation::generate(&pool)?)?;

    // The types of the validation options are of no use at run time.
    let mut files = prost_types::FileDescriptorSet::decode(descriptors.as_slice())?;
    files.file.retain(|file| file.package() != "buf.validate");
    let mut config = tonic_prost_build::Config::new();
    config.skip_debug(WITHOUT_DEBUG);
    tonic_prost_build::configure().compile_fds_with_config(files, config)?;
    Ok(())
}
