//! What an image for a microcontroller weighs, and whether it can panic, read from its ELF file.

use std::fmt;
use std::fs;
use std::path::Path;

use object::elf::{SHF_ALLOC, SHF_WRITE, SHT_NOBITS};
use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SectionFlags};

use crate::failure::Failure;

/// A linked image.
#[derive(Debug)]
pub(super) struct Image {
    sections: Vec<Section>,
    /// The functions of `core::panicking` that are in it, by name.
    pub(super) panics: Vec<String>,
}

/// A section that takes room on the chip.
#[derive(Debug)]
struct Section {
    name: String,
    size: u64,
    /// Kept in flash. What is neither is zeroed at the start, such as `.bss`.
    in_flash: bool,
    in_ram: bool,
}

impl Image {
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let told = |what: &dyn fmt::Display| {
            Failure::new(format!(
                "the image {} could not be read: {what}",
                path.display()
            ))
        };
        let bytes = fs::read(path).map_err(|error| told(&error))?;
        Self::parse(&bytes).map_err(|error| told(&error))
    }

    fn parse(bytes: &[u8]) -> Result<Self, object::Error> {
        let file = object::File::parse(bytes)?;
        let mut sections = Vec::new();
        for section in file.sections() {
            let SectionFlags::Elf { sh_type, sh_flags } = section.flags() else {
                continue;
            };
            // Debug information and symbols stay on the developer's machine.
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
        let mut panics: Vec<String> = file
            .symbols()
            .filter_map(|symbol| symbol.name().ok())
            .filter(|name| name.contains("panicking"))
            .map(|name| format!("{:#}", rustc_demangle::demangle(name)))
            .collect();
        panics.sort();
        panics.dedup();
        Ok(Self { sections, panics })
    }

    /// Bytes of flash: code, constants, and what variables start as.
    pub(super) fn flash(&self) -> u64 {
        let kept = self.sections.iter().filter(|section| section.in_flash);
        kept.map(|section| section.size).sum()
    }

    /// Bytes of RAM, the stack apart.
    fn ram(&self) -> u64 {
        let held = self.sections.iter().filter(|section| section.in_ram);
        held.map(|section| section.size).sum()
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for section in &self.sections {
            writeln!(f, "{:>8}  {}", section.size, section.name)?;
        }
        writeln!(
            f,
            "{:>8}  bytes of flash, {} of RAM beside the stack",
            self.flash(),
            self.ram()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flash_is_what_is_kept_and_ram_what_is_written() {
        let section = |name: &str, size, in_flash, in_ram| Section {
            name: name.to_owned(),
            size,
            in_flash,
            in_ram,
        };
        let image = Image {
            sections: vec![
                section(".text", 1_000, true, false),
                section(".data", 20, true, true),
                section(".bss", 3, false, true),
            ],
            panics: Vec::new(),
        };
        assert_eq!((image.flash(), image.ram()), (1_020, 23));
        let told = image.to_string();
        assert!(told.contains("    1000  .text\n"), "{told}");
        assert!(told.ends_with("    1020  bytes of flash, 23 of RAM beside the stack\n"));
    }

    /// This program is an ELF file too, where the tests run on Linux, and can panic.
    #[cfg(target_os = "linux")]
    #[test]
    fn an_elf_file_is_read() {
        let program = std::env::current_exe().expect("this program");
        let image = Image::read(&program).expect("an image");
        assert!(
            image
                .sections
                .iter()
                .any(|section| section.name == ".text" && section.in_flash && !section.in_ram)
        );
        assert!(
            image
                .sections
                .iter()
                .any(|section| section.name == ".bss" && !section.in_flash && section.in_ram)
        );
        assert!(
            !image
                .sections
                .iter()
                .any(|section| section.name == ".symtab")
        );
        assert!(
            image
                .panics
                .iter()
                .any(|name| name == "core::panicking::panic_fmt")
        );
    }

    #[test]
    fn what_is_no_image_is_refused_by_its_name() {
        let failure = Image::read(Path::new("Cargo.toml"))
            .expect_err("no image")
            .to_string();
        assert!(failure.contains("Cargo.toml"), "{failure}");
    }
}
