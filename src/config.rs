//! From what was typed, the environment and `chatctl.toml` to [`Settings`]: what is meant.
