//! The command `componentize`: builds components before the host exists. `cofferdam build` is the same for users.

use std::path::PathBuf;
use std::process::ExitCode;

use componentize::{BuildRequest, build};

const USAGE: &str = "usage: componentize --out DIR [--target-dir DIR] PACKAGE_OR_WORKSPACE_DIR [-p NAME]...";

fn main() -> ExitCode {
    let request = match parse(std::env::args().skip(1)) {
        Ok(request) => request,
        Err(reason) => {
            eprintln!("error: {reason}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match build(&request) {
        Ok(components) => {
            for component in components {
                let note = if component.changed { "" } else { " (unchanged)" };
                println!("{} {} bytes{note}", component.path.display(), component.bytes);
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<BuildRequest, String> {
    let (mut out_dir, mut target_dir, mut manifest_dir, mut packages) = (None, None, None, Vec::new());
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("`{arg}` needs a value"));
        match arg.as_str() {
            "--out" => out_dir = Some(PathBuf::from(value()?)),
            "--target-dir" => target_dir = Some(PathBuf::from(value()?)),
            "-p" => packages.push(value()?),
            flag if flag.starts_with('-') => return Err(format!("unknown option `{flag}`")),
            _ if manifest_dir.is_some() => return Err(format!("one folder only; `{arg}` is a second")),
            _ => manifest_dir = Some(PathBuf::from(arg)),
        }
    }
    Ok(BuildRequest {
        manifest_dir: manifest_dir.ok_or("no folder given")?,
        packages,
        out_dir: out_dir.ok_or("`--out` is missing")?,
        target_dir,
    })
}
