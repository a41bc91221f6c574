use super::*;
use crate::package::Profile;

fn target(arch: Arch) -> BuildTarget {
    let triple = match arch {
        Arch::Arm64 => "aarch64-unknown-linux-musl",
        Arch::X86_64 => "x86_64-unknown-linux-musl",
    };
    BuildTarget {
        arch,
        triple: triple.into(),
        profile: Profile::Release,
    }
}

/// The smallest ELF file with one program header of the given type.
fn elf_file(machine: u16, segment: u32) -> Vec<u8> {
    let mut file = vec![0_u8; 64 + 56];
    file[..7].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1, 1]);
    file[16..18].copy_from_slice(&2_u16.to_le_bytes());
    file[18..20].copy_from_slice(&machine.to_le_bytes());
    file[20..24].copy_from_slice(&1_u32.to_le_bytes());
    file[32..40].copy_from_slice(&64_u64.to_le_bytes());
    file[52..54].copy_from_slice(&64_u16.to_le_bytes());
    file[54..56].copy_from_slice(&56_u16.to_le_bytes());
    file[56..58].copy_from_slice(&1_u16.to_le_bytes());
    file[64..68].copy_from_slice(&segment.to_le_bytes());
    file
}

const AARCH64: u16 = 183;
const X86_64: u16 = 62;
const LOAD: u32 = 1;
const INTERP: u32 = 3;

#[test]
fn a_static_binary_for_the_right_processor_is_taken() {
    check(&elf_file(AARCH64, LOAD), &target(Arch::Arm64)).unwrap();
    check(&elf_file(X86_64, LOAD), &target(Arch::X86_64)).unwrap();
}

#[test]
fn a_binary_for_the_wrong_processor_is_refused() {
    let error = check(&elf_file(X86_64, LOAD), &target(Arch::Arm64))
        .unwrap_err()
        .to_string();
    assert!(error.contains("aarch64-unknown-linux-musl"), "{error}");
}

#[test]
fn a_binary_that_wants_a_c_library_is_refused() {
    let error = check(&elf_file(AARCH64, INTERP), &target(Arch::Arm64))
        .unwrap_err()
        .to_string();
    assert!(error.contains("C library"), "{error}");
}

#[test]
fn what_is_not_an_elf_binary_is_refused() {
    for bytes in [
        &b""[..],
        b"#!/bin/sh\n",
        b"MZ\x90\0",
        &elf_file(AARCH64, LOAD)[..40],
    ] {
        assert!(check(bytes, &target(Arch::Arm64)).is_err());
    }
}
