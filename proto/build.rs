//! Compiles the contract in pure Rust: no protoc is needed.

use std::{collections::BTreeSet, env, error::Error, fmt::Write, fs, path::PathBuf};

use protox::{
    Compiler,
    prost_reflect::{
        DescriptorPool, ExtensionDescriptor, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor,
    },
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
    fs::write(out.join("personal.rs"), Masks::of(&compiler.descriptor_pool())?.tables()?)?;
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

/// What of the contract's messages is personal.
struct Masks {
    pool: DescriptorPool,
    personal: ExtensionDescriptor,
    /// The messages that hold something personal, by their full names: their places in the table.
    messages: Vec<MessageDescriptor>,
}

impl Masks {
    fn of(pool: &DescriptorPool) -> Result<Self, Box<dyn Error>> {
        let personal =
            pool.get_extension_by_name(&format!("{PACKAGE}.personal")).ok_or("no option (personal)")?;
        let mut masks = Self { pool: pool.clone(), personal, messages: Vec::new() };
        // What holds something personal makes what holds that personal, until nothing is added.
        let mut known = BTreeSet::new();
        loop {
            let found: Vec<_> = pool
                .all_messages()
                .filter(|message| !known.contains(message.full_name()))
                .filter(|message| {
                    message.fields().any(|field| {
                        masks.mark(&field) > 1
                            || below(&field).is_some_and(|it| known.contains(it.full_name()))
                    })
                })
                .collect();
            if found.is_empty() {
                break;
            }
            known.extend(found.iter().map(|message| message.full_name().to_owned()));
            masks.messages.extend(found);
        }
        masks.messages.sort_by(|one, other| one.full_name().cmp(other.full_name()));
        Ok(masks)
    }

    /// The number of the field's `Personal`; of a map's values, that of the map.
    fn mark(&self, field: &FieldDescriptor) -> i32 {
        let own = field.options().get_extension(&self.personal).as_enum_number().unwrap_or_default();
        let entry = field.parent_message().clone();
        if !entry.is_map_entry() || field.number() != 2 {
            // A map is marked for its values.
            return if field.is_map() { 0 } else { own };
        }
        let fields = self.pool.all_messages().flat_map(|message| message.fields().collect::<Vec<_>>());
        let map = fields.filter(FieldDescriptor::is_map).find(|field| below(field).as_ref() == Some(&entry));
        map.and_then(|map| map.options().get_extension(&self.personal).as_enum_number()).unwrap_or_default()
    }

    fn place(&self, message: &MessageDescriptor) -> Option<usize> {
        self.messages.binary_search_by(|known| known.full_name().cmp(message.full_name())).ok()
    }

    fn mask(&self, field: &FieldDescriptor) -> Result<Option<String>, Box<dyn Error>> {
        let kind = field.kind();
        let name = kind.as_message().map_or("", MessageDescriptor::full_name).to_owned();
        Ok(Some(match (self.mark(field), kind) {
            (0 | 1, kind) => {
                let place = kind.as_message().and_then(|message| self.place(message));
                return Ok(place.map(|place| format!("Mask::Below({place})")));
            }
            (2, Kind::String | Kind::Bytes) => "Mask::Text".to_owned(),
            (3, Kind::String | Kind::Bytes) => "Mask::Json".to_owned(),
            (4, Kind::String) => "Mask::Words".to_owned(),
            (2, Kind::Message(_)) if name == "google.protobuf.Struct" => "Mask::Object".to_owned(),
            (2, Kind::Message(_)) if name == "google.protobuf.Value" => "Mask::Value".to_owned(),
            _ => return Err(format!("{}: its option (personal) fits not its type", field.full_name()).into()),
        }))
    }

    fn tables(&self) -> Result<String, Box<dyn Error>> {
        let mut text = "const MESSAGES: &[&[(u32, Mask)]] = &[\n".to_owned();
        for message in &self.messages {
            text.push_str("&[");
            let mut fields: Vec<_> = message.fields().collect();
            fields.sort_by_key(FieldDescriptor::number);
            for field in fields {
                if let Some(mask) = self.mask(&field)? {
                    write!(text, "({}, {mask}),", field.number())?;
                }
            }
            writeln!(text, "], // {}", message.full_name())?;
        }
        text.push_str("];\nconst ANSWERS: &[(&str, u16)] = &[\n");
        let services = self.pool.services().filter(|service| service.parent_file().package_name() == PACKAGE);
        let mut rows = BTreeSet::new();
        for method in services.flat_map(|service| service.methods().collect::<Vec<_>>()) {
            if let Some(place) = self.place(&method.output()) {
                let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
                rows.insert(format!("(\"{path}\", {place}),"));
            }
        }
        for row in rows {
            writeln!(text, "{row}")?;
        }
        text.push_str("];\n");
        Ok(text)
    }
}

/// The message that the field holds.
fn below(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    field.kind().as_message().cloned()
}
