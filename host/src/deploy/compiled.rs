//! Where compiled code is kept: one folder for each user of a machine, for all apps and commands.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::sandbox::CompiledCode;

/// Names the folder in which all caches lie.
const CACHE: &str = "COFFERDAM_CACHE";

/// The folder of compiled code, where there is one that can be used. Without it everything works, and starts later.
pub(super) fn folder() -> Option<CompiledCode> {
    let folder = cache(|name| std::env::var_os(name).filter(|value| !value.is_empty()))?.join("compiled");
    CompiledCode::open(&folder)
        .inspect_err(|e| {
            tracing::warn!(
                "compiled code is not kept, components are compiled at each start: {}: {e}; {CACHE} names a folder",
                folder.display()
            );
        })
        .ok()
}

fn cache(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let here = || variable(CACHE).map(PathBuf::from);
    let of_user = || variable("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute()).map(|path| path.join("cofferdam"));
    let at_home = || variable("HOME").map(|home| PathBuf::from(home).join(".cache/cofferdam"));
    here().or_else(of_user).or_else(at_home)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(set: &[(&str, &str)]) -> Option<PathBuf> {
        cache(|name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()))
    }

    #[test]
    fn the_nearest_of_three_variables_names_the_cache() {
        let all = [("COFFERDAM_CACHE", "/c"), ("XDG_CACHE_HOME", "/x"), ("HOME", "/h")];
        assert_eq!(with(&all), Some("/c".into()));
        assert_eq!(with(&all[1..]), Some("/x/cofferdam".into()));
        assert_eq!(with(&all[2..]), Some("/h/.cache/cofferdam".into()));
        assert_eq!(with(&[]), None);
        // The XDG base directory specification: a relative path is to be ignored.
        assert_eq!(with(&[("XDG_CACHE_HOME", "x"), ("HOME", "/h")]), Some("/h/.cache/cofferdam".into()));
    }
}
