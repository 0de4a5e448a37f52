//! Compiles the schema without `protoc`: protox parses, tonic and prost generate, protovalidate's rules become code.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message as _;

const PROTOS: [&str; 3] =
    ["llm_shield/v1/shield.proto", "llm_shield/v1/types.proto", "llm_shield/v1/audit.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=llm_shield");
    println!("cargo:rerun-if-changed=buf");
    let out = PathBuf::from(env::var("OUT_DIR")?);

    // Encoded by protox itself: the form that prost-types re-encodes would lose the validation options.
    let mut compiler = protox::Compiler::new(["."])?;
    compiler.include_imports(true).include_source_info(true).open_files(PROTOS)?;
    let descriptors = compiler.encode_file_descriptor_set();
    fs::write(out.join("descriptors.bin"), &descriptors)?;

    prost_protovalidate_build::Builder::new()
        .file_descriptor_set_bytes(descriptors)
        .fail_on_runtime_only(true)
        .out_dir(&out)
        .compile()?;

    // The validation options are of no use at run time: their types are left out of the generated code.
    let mut files = compiler.file_descriptor_set();
    files.file.retain(|file| file.package() != "buf.validate");
    let files = protox::prost_reflect::prost_types::FileDescriptorSet::decode(files.encode_to_vec().as_slice())?;
    tonic_prost_build::configure().build_transport(false).compile_fds(files)?;
    Ok(())
}
