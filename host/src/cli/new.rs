//! `new NAME`: a project that builds, tests and runs, with all that it needs beside it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::error::Diagnostic;

use super::args::{self, Lang};
use super::report::say;

/// Files of the repository that the command carries, by their path in a project.
mod carried {
    include!(concat!(env!("OUT_DIR"), "/carried.rs"));
}

/// Longest name: it becomes part of topics, and Kafka's have at most 249 bytes.
const NAME_BYTES: usize = 64;
/// Names that Rust does not allow for a package, or that its own libraries have.
const RESERVED: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "cofferdam-guest",
    "cofferdam-guest-macros",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "serde",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

/// Makes a project, and says what to type next.
pub fn new(args: &args::New) -> Result<ExitCode, Vec<Diagnostic>> {
    make(args).map_err(|e| vec![e])?;
    let dir = args.path.display();
    say(&format!("made {dir}: a manifest, a processor in {}, its unit test and a step file\n\nnext:", language(args.lang)));
    let test = match args.lang {
        Lang::Rust => "cargo test",
        Lang::Js => "node --test",
    };
    for (command, what) in [
        (format!("cd {dir}").as_str(), ""),
        (test, "the processor alone"),
        ("cofferdam build", "its component"),
        ("cofferdam test tests/steps", "the topology, on a virtual clock"),
        ("cofferdam run app.toml --input lines=lines.txt --output counts=counts.jsonl --until-idle", ""),
    ] {
        say(&if what.is_empty() { format!("    {command}") } else { format!("    {command:<28}# {what}") });
    }
    Ok(ExitCode::SUCCESS)
}

fn language(lang: Lang) -> &'static str {
    match lang {
        Lang::Rust => "Rust",
        Lang::Js => "JavaScript",
    }
}

/// Paths in a project, with what stands there.
type Texts = &'static [(&'static str, &'static str)];

fn make(args: &args::New) -> Result<(), Diagnostic> {
    let name = name_of(&args.path)?;
    let crate_name = name.replace('-', "_");
    let filled = |text: &str| text.replace("{{name}}", &name).replace("{{crate}}", &crate_name);
    let mut files: Vec<(PathBuf, String)> = Vec::new();
    let (template, carried): (Texts, Texts) = match args.lang {
        Lang::Rust => (carried::RUST, carried::SDK),
        Lang::Js => (carried::JS, carried::WIT),
    };
    files.extend(template.iter().map(|(path, text)| (path.into(), filled(text))));
    files.extend(carried.iter().map(|(path, text)| (path.into(), (*text).to_owned())));
    empty(&args.path)?;
    for (path, text) in files {
        let path = args.path.join(path);
        write(&path, &text).map_err(|why| unwritable(&path, &why))?;
    }
    Ok(())
}

/// A project's name: the last part of its path.
fn name_of(path: &Path) -> Result<String, Diagnostic> {
    // `.` and `..` have a name only as the folder that they are.
    let whole = if path.file_name().is_none() { path.canonicalize().unwrap_or_default() } else { path.to_owned() };
    let name = whole.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let refused = |why: &str| {
        Diagnostic::usage("R061", format!("a project cannot be named '{name}'"))
            .because(why)
            .hint("a name has small letters, digits, '-' and '_', and begins with a letter")
    };
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Err(refused("it does not begin with a small letter"));
    }
    if let Some(other) = name.chars().find(|&c| !allowed(c)) {
        return Err(refused(&format!("{other:?} is not allowed in it")));
    }
    if name.len() > NAME_BYTES {
        return Err(refused(&format!("it has {} bytes; at most {NAME_BYTES} are allowed", name.len())));
    }
    if RESERVED.contains(&name) {
        return Err(refused("that is a word or a package of Rust"));
    }
    Ok(name.to_owned())
}

/// Makes the folder; one that is there must be empty.
fn empty(path: &Path) -> Result<(), Diagnostic> {
    let full = |what| Err(Diagnostic::usage("R060", format!("{} {what}", path.display())).hint("take another name, or remove it"));
    match fs::read_dir(path) {
        Ok(mut entries) => match entries.next() {
            Some(_) => full("is there already, and is not empty"),
            None => Ok(()),
        },
        Err(why) if why.kind() == io::ErrorKind::NotADirectory => full("is there already, and is no folder"),
        Err(_) => fs::create_dir_all(path).map_err(|why| unwritable(path, &why)),
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)
}

fn unwritable(path: &Path, why: &io::Error) -> Diagnostic {
    Diagnostic::run("R062", format!("{} cannot be written", path.display())).because(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_must_do_for_a_package_an_app_and_a_topic() {
        for good in ["a", "word-count", "deep/er/shop_2", "./x"] {
            assert!(name_of(Path::new(good)).is_ok(), "{good}");
        }
        let long = "a".repeat(65);
        assert_eq!(name_of(Path::new(".")).ok().as_deref(), Path::new(env!("CARGO_MANIFEST_DIR")).file_name().and_then(|n| n.to_str()));
        for bad in ["", "/", "Shop", "2fast", "-a", "a.b", "a b", "match", "std", "test", "käse", &long] {
            assert_eq!(name_of(Path::new(bad)).unwrap_err().code, "R061", "{bad}");
        }
    }

    #[test]
    fn project_is_complete_and_has_no_placeholder_left() {
        let dir = tempfile::tempdir().unwrap();
        for (lang, files) in [
            (
                Lang::Rust,
                &[
                    "app.toml",
                    ".gitignore",
                    "Cargo.toml",
                    "src/lib.rs",
                    "vendor/cofferdam-guest/wit/world.wit",
                    "vendor/cofferdam-guest/macros/src/lib.rs",
                ][..],
            ),
            (Lang::Js, &["app.toml", ".gitignore", "package.json", "src/processor.js", "wit/world.wit", "wit/README.md"][..]),
        ] {
            let path = dir.path().join(format!("my-shop-{}", language(lang).to_lowercase()));
            make(&args::New { path: path.clone(), lang }).unwrap();
            for file in files {
                assert!(path.join(file).is_file(), "{file}");
            }
            for file in ["app.toml", "README.md"] {
                assert!(!fs::read_to_string(path.join(file)).unwrap().contains("{{"), "{file}");
            }
            assert_eq!(make(&args::New { path, lang }).unwrap_err().code, "R060");
        }
    }
}
