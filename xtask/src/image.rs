//! The size of a firmware image, and whether it can panic, from its ELF file.

use std::fmt;
use std::path::Path;

use anyhow::{Context as _, Result};
use object::elf::{SHF_ALLOC, SHF_WRITE, SHT_NOBITS};
use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SectionFlags};

#[derive(Debug)]
pub(crate) struct Image {
    sections: Vec<Section>,
    /// The names of the linked functions of `core::panicking`.
    panics: Vec<String>,
}

/// A section that is loaded on the chip.
#[derive(Debug)]
struct Section {
    name: String,
    size: u64,
    in_flash: bool,
    in_ram: bool,
}

impl Image {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let bytes =
            std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let file = object::File::parse(&*bytes)
            .with_context(|| format!("cannot parse {}", path.display()))?;
        let mut sections = Vec::new();
        for section in file.sections() {
            let SectionFlags::Elf { sh_type, sh_flags } = section.flags() else {
                continue;
            };
            if !sh_flags.contains(SHF_ALLOC) || section.size() == 0 {
                continue;
            }
            sections.push(Section {
                name: section.name()?.to_owned(),
                size: section.size(),
                in_flash: sh_type != SHT_NOBITS,
                in_ram: sh_flags.contains(SHF_WRITE),
            });
        }
        let names = file.symbols().filter_map(|symbol| symbol.name().ok());
        let mut panics: Vec<String> = names
            .filter(|name| name.contains("panicking"))
            .map(|name| format!("{:#}", rustc_demangle::demangle(name)))
            .collect();
        panics.sort();
        panics.dedup();
        Ok(Self { sections, panics })
    }

    /// Returns the bytes of code, constants and initial values.
    pub(crate) fn flash(&self) -> u64 {
        let in_flash = self.sections.iter().filter(|section| section.in_flash);
        in_flash.map(|section| section.size).sum()
    }

    /// Returns the bytes of static variables, without the stack.
    fn ram(&self) -> u64 {
        let in_ram = self.sections.iter().filter(|section| section.in_ram);
        in_ram.map(|section| section.size).sum()
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for section in &self.sections {
            writeln!(f, "{:>8}  {}", section.size, section.name)?;
        }
        writeln!(
            f,
            "{:>8}  bytes of flash, {} of RAM",
            self.flash(),
            self.ram()
        )?;
        for panic in &self.panics {
            writeln!(f, "          can panic through {panic}")?;
        }
        Ok(())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// Reads this test program, which is an ELF file and can panic.
    #[test]
    fn flash_and_ram_are_read_from_the_sections() {
        let image = Image::read(&std::env::current_exe().unwrap()).unwrap();
        let section = |name| image.sections.iter().find(|section| section.name == name);
        assert!(section(".text").is_some_and(|text| text.in_flash && !text.in_ram));
        assert!(section(".bss").is_some_and(|bss| !bss.in_flash && bss.in_ram));
        assert!(section(".symtab").is_none());
        assert!(
            image
                .panics
                .iter()
                .any(|name| name == "core::panicking::panic_fmt")
        );
        let error = Image::read(Path::new("Cargo.toml"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("Cargo.toml"), "{error}");
    }
}
