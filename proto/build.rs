//! Compiles the contract in pure Rust: no protoc is needed.

use std::{env, error::Error, fmt::Write, fs, path::PathBuf};

use protox::{
    Compiler,
    prost_reflect::{DescriptorPool, MethodDescriptor},
};

const PACKAGE: &str = "tributary.admin.v1";

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let folder = root.join("tributary/admin/v1");
    println!("cargo:rerun-if-changed={}", folder.display());
    let mut files =
        fs::read_dir(&folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    files.sort();
    let mut compiler = Compiler::new([root])?;
    compiler.include_imports(true).include_source_info(true).open_files(files)?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;
    fs::write(out.join("least_roles.rs"), least_roles(&compiler.descriptor_pool())?)?;
    // Maps are written in the order of their keys, so that equal messages have equal bytes.
    tonic_prost_build::configure().btree_map(".").compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}

/// The table of calls and the least role of each. A call that says none stops the build.
fn least_roles(pool: &DescriptorPool) -> Result<String, Box<dyn Error>> {
    let mut table = "&[\n".to_owned();
    let services = pool.services().filter(|service| service.parent_file().package_name() == PACKAGE);
    let mut rows = Vec::new();
    for method in services.flat_map(|service| service.methods().collect::<Vec<_>>()) {
        let role = least_role(pool, &method)
            .ok_or_else(|| format!("{}: give it the option (least_role)", method.full_name()))?;
        rows.push((format!("/{}/{}", method.parent_service().full_name(), method.name()), role));
    }
    rows.sort();
    for (path, role) in rows {
        writeln!(table, "(\"{path}\", {role}),")?;
    }
    table.push(']');
    Ok(table)
}

fn least_role(pool: &DescriptorPool, method: &MethodDescriptor) -> Option<i32> {
    let extension = pool.get_extension_by_name(&format!("{PACKAGE}.least_role"))?;
    method.options().get_extension(&extension).as_enum_number().filter(|number| *number != 0)
}
