//! Small functions to start with, each with the configuration that deploys it: `templates/init/`.
//!
//! Names end with `.in` there where the plain name would mean something in chatctl's own repository: Cargo
//! leaves a folder with a `Cargo.toml` out of a published package.

use crate::cli::{Global, InitTemplate};
use crate::error::{Error, Result};
use toml_edit::DocumentMut;

/// Files of a function: path in its folder, and contents.
type Files = [(&'static str, &'static str)];

macro_rules! files {
    ($folder:literal: $($path:literal from $file:literal),*) => {
        &[$(($path, include_str!(concat!("../../../templates/init/", $folder, "/", $file)))),*]
    };
}

/// The folder of the function.
pub(super) const FUNCTION: &str = "function";

/// A template that is written as it is.
pub(super) struct Template {
    configuration: &'static str,
    files: &'static Files,
}

const ECHO: Template = Template {
    configuration: include_str!("../../../templates/init/echo/chatctl.toml"),
    files: files!("echo": "index.mjs" from "index.mjs"),
};

const NODE: Template = Template {
    configuration: include_str!("../../../templates/init/node/chatctl.toml"),
    files: files!("node":
        "index.mjs" from "index.mjs",
        "package.json" from "package.json",
        ".gitignore" from "gitignore.in"
    ),
};

const PYTHON: Template = Template {
    configuration: include_str!("../../../templates/init/python/chatctl.toml"),
    files: files!("python": "app.py" from "app.py"),
};

const RUST_MINIMAL: Template = Template {
    configuration: include_str!("../../../templates/init/rust-minimal/chatctl.toml"),
    files: files!("rust-minimal":
        "Cargo.toml" from "Cargo.toml.in",
        "src/main.rs" from "src/main.rs",
        ".gitignore" from "gitignore.in"
    ),
};

impl Template {
    /// The template of this kind; the chat has none of its own: its source is the bundled one.
    pub(super) fn of(kind: InitTemplate) -> Option<Self> {
        match kind {
            InitTemplate::Chat => None,
            InitTemplate::Echo => Some(ECHO),
            InitTemplate::Node => Some(NODE),
            InitTemplate::Python => Some(PYTHON),
            InitTemplate::RustMinimal => Some(RUST_MINIMAL),
        }
    }

    /// The files of the function: path from the configuration's folder, and contents.
    pub(super) fn files(&self) -> Vec<(String, Vec<u8>)> {
        let files = self.files.iter();
        files
            .map(|(name, text)| (format!("{FUNCTION}/{name}"), text.as_bytes().to_vec()))
            .collect()
    }

    /// The configuration, with the values of the flags over its own.
    ///
    /// # Errors
    /// The template is no TOML.
    pub(super) fn configuration(&self, global: &Global) -> Result<String> {
        let parsed = self.configuration.parse::<DocumentMut>();
        let mut document =
            parsed.map_err(|error| Error::failed("the template is no TOML").because(error))?;
        for (key, value) in said(global) {
            if let Some(value) = value {
                document.insert(key, toml_edit::value(value));
            }
        }
        Ok(document.to_string())
    }
}

/// The keys of the configuration that flags can set, and what was typed.
pub(super) fn said(global: &Global) -> [(&'static str, Option<&str>); 4] {
    [
        ("name", global.name.as_deref()),
        ("stage", global.stage.as_deref()),
        ("region", global.region.as_deref()),
        ("profile", global.profile.as_deref()),
    ]
}
