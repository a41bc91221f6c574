//! Why a local cloud did not start.

use std::path::PathBuf;

/// Why a local cloud did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another program listens there already.
    #[error("port {port} is taken")]
    PortTaken {
        /// The port that was asked for.
        port: u16,
    },
    /// The loopback port could not be opened for another reason.
    #[error("cannot listen on 127.0.0.1:{port}")]
    Listen {
        /// The port that was asked for.
        port: u16,
        /// The system's error.
        source: std::io::Error,
    },
    /// The state folder cannot be made or read.
    #[error("cannot use the state folder {}", folder.display())]
    State {
        /// The folder.
        folder: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// Another local cloud keeps its state there.
    #[error("the state folder {} is in use by another local cloud{}", folder.display(), process(*process_id))]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// Its process.
        process_id: Option<u32>,
    },
    /// The folder holds other files, or the state of another account or region.
    #[error("the folder {} does not hold the state of this local cloud: {why}", folder.display())]
    Foreign {
        /// The folder.
        folder: PathBuf,
        /// What shows that.
        why: String,
    },
    /// The state was written by another version of this program.
    #[error("{} is of {}, and this program knows version {known}", file.display(), version(*found))]
    Version {
        /// The folder's index.
        file: PathBuf,
        /// Its version.
        found: Option<u64>,
        /// The one that this program reads and writes.
        known: u64,
    },
    /// A file of the state is missing or broken.
    #[error("the kept state cannot be read from {}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: std::io::Error,
    },
}

fn process(id: Option<u32>) -> String {
    id.map(|id| format!(", process {id}")).unwrap_or_default()
}

fn version(found: Option<u64>) -> String {
    found.map_or("no version".to_owned(), |found| format!("version {found}"))
}
