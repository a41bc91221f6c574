//! Whether a zip has what its runtime looks for.
//!
//! Lambda takes any zip without a word. What is missing shows at the first call, as "Cannot find module
//! 'index'" or "exec format error" in a log, and clients see a 502. Here it is said before the upload.

use super::archive::BOOTSTRAP;
use super::elf;
use super::target::BuildTarget;
use crate::config::{Arch, FunctionSettings, PROVIDED};
use crate::error::{Error, Result};
use std::io::{Cursor, Read};
use zip::ZipArchive;

type Zip<'a> = ZipArchive<Cursor<&'a [u8]>>;

/// Checks the zip of a function with these settings.
///
/// # Errors
/// It is no zip, or the runtime would not find the handler in it.
pub(super) fn check(zip: &[u8], function: &FunctionSettings, arch: Arch) -> Result<()> {
    let mut zip = ZipArchive::new(Cursor::new(zip))
        .map_err(|error| Error::failed("the function's zip cannot be read").because(error))?;
    if function.runtime == PROVIDED {
        return check_program(&mut zip, arch);
    }
    let wanted = modules(function);
    if wanted.iter().any(|name| zip.index_for_name(name).is_some()) {
        return Ok(());
    }
    let (handler, runtime) = (&function.handler, &function.runtime);
    let error = Error::failed(format!(
        "the function has no {} for its handler {handler}",
        wanted.join(" or ")
    ))
    .because_of(format!(
        "{runtime} would find no handler: every call would fail"
    ));
    Err(error
        .because_of(in_zip(&zip))
        .hint("function.handler names the file without its ending, and the function in it: src/index.handler"))
}

/// The files that the handler may be in.
fn modules(function: &FunctionSettings) -> Vec<String> {
    let handler = &function.handler;
    if function.runtime.starts_with("python") {
        let module = handler
            .rsplit_once('.')
            .map_or(handler.as_str(), |(module, _)| module);
        let module = module.replace('.', "/");
        return vec![format!("{module}.py"), format!("{module}/__init__.py")];
    }
    // Node.js splits at the first dot of the file's name.
    let (folder, name) = handler.rsplit_once('/').unwrap_or(("", handler));
    let name = name.split_once('.').map_or(name, |(name, _)| name);
    let path = |ending: &str| match folder {
        "" => format!("{name}.{ending}"),
        folder => format!("{folder}/{name}.{ending}"),
    };
    ["js", "mjs", "cjs"].map(path).into()
}

fn check_program(zip: &mut Zip<'_>, arch: Arch) -> Result<()> {
    let refuse = |why: String, hint: &str| {
        let refused = Error::failed("the function cannot run on Lambda");
        Err(refused.because_of(why).hint(hint))
    };
    let shown = in_zip(zip);
    let Ok(mut program) = zip.by_name(BOOTSTRAP) else {
        return refuse(
            format!("{PROVIDED} starts a file called {BOOTSTRAP}, and there is none; {shown}"),
            "put it at the root of the zip; another runtime is named by function.runtime",
        );
    };
    if program.unix_mode().is_some_and(|mode| mode & 0o111 == 0) {
        return refuse(
            format!("{BOOTSTRAP} is not executable"),
            "`chmod +x bootstrap` before it is zipped",
        );
    }
    let mut bytes = Vec::new();
    program.read_to_end(&mut bytes)?;
    if bytes.starts_with(b"\x7fELF") {
        return elf::check(&bytes, &BuildTarget::of_any_linux(arch));
    }
    Ok(())
}

/// A few names, for an error.
fn in_zip(zip: &Zip<'_>) -> String {
    let shown = |name: &&str| !name.contains("node_modules/");
    let names: Vec<_> = zip.file_names().filter_map(|name| name.ok()).collect();
    let names: Vec<_> = names
        .iter()
        .map(|name| name.as_ref())
        .filter(shown)
        .take(8)
        .collect();
    match names.as_slice() {
        [] => "the zip is empty".to_owned(),
        names => format!("the zip begins with {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::archive::{Entry, pack};
    use super::*;
    use crate::config::{Input, Settings};

    fn function(runtime: &str, handler: &str) -> FunctionSettings {
        let mut function = Settings::load(&Input::default()).unwrap().function;
        (function.runtime, function.handler) = (runtime.into(), handler.into());
        function
    }

    fn checked(runtime: &str, handler: &str, files: &[&str]) -> Result<()> {
        let entry = |name: &&str| Entry {
            name: (*name).to_owned(),
            contents: b"x".to_vec(),
            is_executable: true,
        };
        let zip = pack(&files.iter().map(entry).collect::<Vec<_>>()).unwrap();
        check(&zip, &function(runtime, handler), Arch::Arm64)
    }

    #[test]
    fn the_handlers_file_has_to_be_there() {
        for (runtime, handler, file) in [
            ("nodejs22.x", "index.handler", "index.mjs"),
            ("nodejs22.x", "dist/app.handler", "dist/app.js"),
            ("nodejs22.x", "index.a.b", "index.cjs"),
            ("python3.13", "app.handler", "app.py"),
            ("python3.13", "chat.app.handler", "chat/app.py"),
            ("python3.13", "chat/app.handler", "chat/app/__init__.py"),
            ("provided.al2023", "bootstrap", "bootstrap"),
        ] {
            checked(runtime, handler, &[file]).unwrap();
            let error = checked(runtime, handler, &["src/other.txt"]).unwrap_err();
            assert!(format!("{error:?}").contains("src/other.txt"), "{error:?}");
        }
    }

    #[test]
    fn a_program_is_executable_and_for_the_right_processor() {
        let program = |contents: &[u8], is_executable| {
            let entry = Entry {
                is_executable,
                ..Entry::program(contents.to_vec())
            };
            let zip = pack(&[entry]).unwrap();
            check(&zip, &function(PROVIDED, "bootstrap"), Arch::Arm64)
        };
        program(b"#!/bin/sh\n", true).unwrap();
        let error = program(b"#!/bin/sh\n", false).unwrap_err();
        assert!(format!("{error:?}").contains("not executable"), "{error:?}");
        assert!(program(b"\x7fELF and nothing more", true).is_err());
    }
}
