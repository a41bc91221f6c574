# The commands of everyday work. `just` lists them.

_list:
    @just --list --unsorted

# The chat on this machine
local *flags:
    cargo run -- local {{flags}}

# Format, lints and tests
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    cargo test --workspace

# One test, or the tests of one file: just test deploy::
test filter:
    cargo test --test it -- {{filter}}

# What the checks from outside need
outside-setup:
    python3 -m venv target/outside-venv
    target/outside-venv/bin/pip install --quiet -r tests/outside/requirements.txt
    npm install --prefix target/outside-npm --no-save wscat@6.1.0

# The checks from outside: just outside test_page.py
outside files="":
    cargo build
    target/outside-venv/bin/pytest -p no:cacheprovider {{ if files == "" { "tests/outside" } else { "tests/outside/" + files } }}

# The lock file of the function as chatctl writes it out, after a change of Cargo.lock or lambda/Cargo.toml
lambda-lock:
    rm -rf target/lambda-lock
    cp -rL templates/lambda target/lambda-lock
    mv target/lambda-lock/Cargo.toml.in target/lambda-lock/Cargo.toml
    printf '\n[workspace]\n' >>target/lambda-lock/Cargo.toml
    cp Cargo.lock target/lambda-lock/
    cargo metadata --quiet --format-version 1 --manifest-path target/lambda-lock/Cargo.toml >/dev/null
    cp target/lambda-lock/Cargo.lock templates/lambda/
    rm -r target/lambda-lock

# Everything that has to pass
ci:
    bash .ci/run

# Licences, advisories and duplicate crates; needs cargo-deny
deny:
    cargo deny check
