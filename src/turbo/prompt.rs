//! The words that the hosted model gets: the form of the answer in the system message, the work in the user's. Pure but for
//! the suffix, which is new for each call so that no file can hold it by chance.

use std::hash::{BuildHasher as _, RandomState};

use super::blocks;

/// A suffix for the tags of one call: eight hexadecimal digits.
pub fn suffix() -> String {
    format!("{:08x}", RandomState::new().hash_one(0_u8) as u32)
}

/// What an answer must look like.
pub fn system(suffix: &str) -> String {
    format!(
        "You write complete source files from an exact contract. Names, types, routes and signatures are used letter by letter as \
         the contract gives them; what it does not mention is decided in the plainest way that works. Every file is whole and \
         runs as it is: no placeholders, no omissions, no TODO. No explanations.\n\n{}",
        blocks::instructions(suffix)
    )
}

/// The first request for a contract.
pub fn contract(contract: &str) -> String {
    format!("{}\n\nWrite every file that this contract needs, each one whole.", contract.trim())
}

/// The request that asks once more, because the last answer could not be read.
pub fn again(contract: &str, reasons: &str) -> String {
    format!(
        "{}\n\nAn earlier answer could not be used, because of its form:\n{reasons}\n\nWrite every file again, in exactly the \
         form that was asked for.",
        contract.trim()
    )
}

/// One file as it stands.
pub struct Standing<'a> {
    /// Below the folder.
    pub path: &'a str,
    /// Content.
    pub content: &'a str,
}

/// Files as a request shows them, each between two lines with its path.
pub fn shown(files: &[Standing<'_>]) -> String {
    let each = |file: &Standing<'_>| {
        format!("--- {} ---\n{}\n--- end of {} ---", file.path, file.content.trim_end(), file.path)
    };
    files.iter().map(each).collect::<Vec<_>>().join("\n\n")
}

/// The request that mends failing tests.
pub fn repair(contract: &str, files: &[Standing<'_>], command: &str, output: &str) -> String {
    let names: Vec<&str> = files.iter().map(|file| file.path).collect();
    format!(
        "{}\n\nThese files were written for this contract:\n\n{}\n\nThe tests ({command}) fail:\n\n{output}\n\nMend the cause. \
         Answer with whole files again, and only with those of these that have to change: {}. The tests stay as they are.",
        contract.trim(),
        shown(files),
        names.join(", ")
    )
}
