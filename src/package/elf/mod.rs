//! Reads the ELF header before anything is uploaded.
//!
//! A binary for another processor, or one that wants a C library that Lambda's image has not, is
//! taken by Lambda without a word and fails at the first call with "exec format error" or
//! "GLIBC_2.38 not found". Here it fails at once.

use super::target::BuildTarget;
use crate::config::Arch;
use crate::error::{Error, Result};
use object::elf;
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, FileKind};

type Header = elf::FileHeader64<Endianness>;

/// Checks kind, processor and, for a static target, that no loader is asked for.
pub(super) fn check(binary: &[u8], target: &BuildTarget) -> Result<()> {
    if !target.triple.contains("linux") {
        return Ok(());
    }
    let refuse =
        |why: String| Err(Error::failed("the built function cannot run on Lambda").because_of(why));
    match FileKind::parse(binary) {
        Ok(FileKind::Elf64) => {}
        Ok(other) => return refuse(format!("it is {other:?}, not a 64-bit ELF binary")),
        Err(_) => return refuse("it is not an ELF binary".into()),
    }
    let parsed = Header::parse(binary).and_then(|header| Ok((header, header.endian()?)));
    let Ok((header, endian)) = parsed else {
        return refuse("its ELF header is damaged".into());
    };
    let (machine, wanted) = (header.e_machine(endian), machine(target.arch));
    if machine != wanted {
        return refuse(format!(
            "it is built for {machine:?}, {} is {wanted:?}",
            target.triple
        ));
    }
    let Ok(segments) = header.program_headers(endian, binary) else {
        return refuse("its program headers are damaged".into());
    };
    let loader = segments
        .iter()
        .any(|segment| segment.p_type(endian) == elf::PT_INTERP);
    if target.is_static() && loader {
        return refuse(
            "it is linked to a C library; Lambda's image may have another version".into(),
        );
    }
    Ok(())
}

fn machine(arch: Arch) -> elf::Machine {
    match arch {
        Arch::Arm64 => elf::EM_AARCH64,
        Arch::X86_64 => elf::EM_X86_64,
    }
}

#[cfg(test)]
mod tests;
