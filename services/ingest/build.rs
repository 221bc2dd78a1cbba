//! Puts the tag together and makes it small.

#[path = "build/minify.rs"]
mod minify;

use std::{env, error::Error, fs, path::PathBuf};

use flate2::{Compress, Compression, FlushCompress};

/// Has V8 compile every function while it loads the script, on another thread than the page's: it knows this word.
const ALL_AT_ONCE: &str = "//# allFunctionsCalledOnLoad";

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("tag");
    println!("cargo:rerun-if-changed={}", folder.display());
    println!("cargo:rerun-if-changed=build");
    let mut files =
        fs::read_dir(&folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    files.retain(|file| file.extension().is_some_and(|ending| ending == "js"));
    files.sort();
    let mut source = String::from("(function(writeKey,cookieDomain,mustWait,rules,scripts){\"use strict\";");
    for file in files {
        source.push_str(&fs::read_to_string(file)?);
        source.push('\n');
    }
    source.push_str("})");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let small = format!("{ALL_AT_ONCE}\n{}", minify::minify(&source)?);
    let mut packed = Vec::with_capacity(small.len());
    // It ends on a whole byte and is not finished: what differs from source to source follows.
    Compress::new(Compression::best(), false).compress_vec(
        small.as_bytes(),
        &mut packed,
        FlushCompress::Sync,
    )?;
    fs::write(out.join("tag.js"), small)?;
    fs::write(out.join("tag.deflate"), packed)?;
    Ok(())
}
