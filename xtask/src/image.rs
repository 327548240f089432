//! The size of a firmware image, and whether it can panic, from its ELF file.

use std::fmt;

use anyhow::Result;
use object::elf::{SHF_ALLOC, SHF_WRITE, SHT_NOBITS};
use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SectionFlags};

#[derive(Debug)]
pub(crate) struct Sizes {
    /// Bytes of code, constants and initial values.
    pub(crate) flash: u64,
    /// Bytes of static variables, without the stack.
    ram: u64,
    /// The number of linked functions of `core::panicking`.
    panics: usize,
}

pub(crate) fn sizes(image: &[u8]) -> Result<Sizes> {
    let file = object::File::parse(image)?;
    let panics = file.symbols().filter_map(|symbol| symbol.name().ok());
    let mut sizes = Sizes {
        flash: 0,
        ram: 0,
        panics: panics.filter(|name| name.contains("panicking")).count(),
    };
    for section in file.sections() {
        let SectionFlags::Elf { sh_type, sh_flags } = section.flags() else {
            continue;
        };
        if sh_flags.contains(SHF_ALLOC) && sh_type != SHT_NOBITS {
            sizes.flash += section.size();
        }
        if sh_flags.contains(SHF_ALLOC) && sh_flags.contains(SHF_WRITE) {
            sizes.ram += section.size();
        }
    }
    Ok(sizes)
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { flash, ram, panics } = self;
        write!(
            f,
            "{flash} bytes of flash, {ram} of RAM, {panics} panic functions"
        )
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// Reads this test program, which is an ELF file and can panic.
    #[test]
    fn sizes_are_read_from_an_elf_file() {
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let sizes = sizes(&program).unwrap();
        assert!(
            sizes.flash > sizes.ram && sizes.ram > 0 && sizes.panics > 0,
            "{sizes}"
        );
        assert!(super::sizes(b"[package]").is_err());
    }
}
