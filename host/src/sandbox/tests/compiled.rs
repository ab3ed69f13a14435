//! Compiled code on disk: used again where it may be trusted.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::{Engine, Guest, load};
use crate::component::{Component, digest};
use crate::sandbox::{CompiledCode, load_all};

fn place() -> (TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("cache/compiled");
    (place, folder)
}

fn engine(folder: &std::path::Path) -> Engine {
    Engine::new(Some(CompiledCode::open(folder).unwrap())).unwrap()
}

fn files(folder: &std::path::Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_component_is_compiled_once_and_its_code_used_again() {
    let (_place, folder) = place();
    let component = Guest::default().component();
    load(&engine(&folder), "guest", &component).unwrap();
    let [file] = &files(&folder)[..] else { panic!("one file, of one component") };
    assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    let compiled = fs::metadata(file).unwrap();
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    fs::File::open(file).unwrap().set_modified(long_ago).unwrap();

    load(&engine(&folder), "guest", &component).unwrap();
    let [again] = &files(&folder)[..] else { panic!("still one file") };
    let used = fs::metadata(again).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::ino(&used), std::os::unix::fs::MetadataExt::ino(&compiled), "it was not written again");
    assert!(used.modified().unwrap() > long_ago, "it is known as used");
}

#[test]
fn ten_components_that_were_compiled_before_are_all_found() {
    let (_place, folder) = place();
    let guest = Guest::default().component();
    // Each has a custom section of another name, with nothing in it.
    let component = |number: u8| {
        let bytes = [&guest[..], &[0, 2, 1, b'0' + number]].concat();
        Component { name: format!("guest {number}"), digest: digest(&bytes), bytes: bytes.into() }
    };
    let components: Vec<Component> = (0..10).map(component).collect();
    let all: Vec<&Component> = components.iter().collect();
    let load = || assert!(load_all(&engine(&folder), &all).iter().all(Result::is_ok));
    load();
    let compiled = files(&folder);
    assert_eq!(compiled.len(), 10);
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let inode = |file: &PathBuf| std::os::unix::fs::MetadataExt::ino(&fs::metadata(file).unwrap());
    let before: Vec<u64> = compiled.iter().map(inode).collect();
    for file in &compiled {
        fs::File::open(file).unwrap().set_modified(long_ago).unwrap();
    }

    load();
    assert_eq!(files(&folder).len(), 10, "nothing was compiled beside them");
    assert_eq!(compiled.iter().map(inode).collect::<Vec<_>>(), before, "nor in their place");
    let found = compiled.iter().filter(|file| fs::metadata(file).unwrap().modified().unwrap() > long_ago).count();
    assert_eq!(found, 10);
}

#[test]
fn code_that_cannot_be_used_is_made_anew() {
    let (_place, folder) = place();
    let component = Guest::default().component();
    load(&engine(&folder), "guest", &component).unwrap();
    let [file] = &files(&folder)[..] else { panic!("one file, of one component") };
    let code = fs::read(file).unwrap();
    fs::write(file, b"what is this?").unwrap();
    load(&engine(&folder), "guest", &component).unwrap();
    assert_eq!(fs::read(file).unwrap().len(), code.len());
}

#[test]
fn what_was_not_used_for_longest_goes() {
    let (_place, folder) = place();
    let compiled = CompiledCode::open(&folder).unwrap();
    for (name, age) in [("a", 2), ("b", 3), ("c", 1)] {
        let file = folder.join(name);
        fs::write(&file, [0; 100]).unwrap();
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000 - age);
        fs::File::open(&file).unwrap().set_modified(then).unwrap();
    }
    let left = || {
        let mut names: Vec<_> = files(&folder).iter().map(|f| f.file_name().unwrap().to_str().unwrap().to_owned()).collect();
        names.sort();
        names.concat()
    };
    compiled.prune(300).unwrap();
    assert_eq!(left(), "abc");
    compiled.prune(299).unwrap();
    assert_eq!(left(), "ac");
    compiled.prune(0).unwrap();
    assert_eq!(left(), "");
}

#[test]
fn a_folder_that_others_may_use_is_not_trusted() {
    let (place, folder) = place();
    CompiledCode::open(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o750)).unwrap();
    assert_eq!(CompiledCode::open(&folder).unwrap_err().to_string(), "others may use it: its mode is 750, not 700");

    let link = place.path().join("link");
    std::os::unix::fs::symlink(&folder, &link).unwrap();
    assert_eq!(CompiledCode::open(&link).unwrap_err().to_string(), "it is no folder");
}
