//! Functions that people bring along: where their code comes from, and what `chatctl.toml` says of their stack.

mod code;
mod stack;

use super::world::World;
use chatctl::config::Settings;
use std::fs;

/// A function that nothing here calls.
const FUNCTION: &str = "[function]\nsource = \"function\"\nruntime = \"nodejs22.x\"\n";

fn write(world: &World, name: &str, contents: impl AsRef<[u8]>) {
    let path = world.folder.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, contents).unwrap();
}

/// The settings of this `chatctl.toml`, beside the folder of a function.
fn configured(world: &World, configuration: &str) -> Settings {
    write(world, "function/index.mjs", "export const handler = 1;\n");
    write(world, "chatctl.toml", configuration);
    let file = world.folder.path().join("chatctl.toml");
    world.settings(&["--config", file.to_str().unwrap()])
}
